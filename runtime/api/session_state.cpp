//===- session_state.cpp - Sessions that outlive their process ------------===//

#include "runtime/api/handles.h"
#include "runtime/session/session_file.h"

using namespace gemcut;

static uint64_t getFingerprint(const gemcut_session &session) {
  const gemcut_engine &engine = *session.engine;
  const Section *weights = engine.artifact.find(GEMCUT_SECTION_WEIGHTS);
  return getSessionFingerprint(
      engine.model(), weights ? weights->checksum : 0,
      session.adapter.empty() ? nullptr : session.adapter.c_str());
}

gemcut_status gemcut_session_save(const gemcut_session *session,
                                  const char *path) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  if (gemcut_status status = requireHandle(path, "path"))
    return status;
  if (session->session.getTokenCount(/*slot=*/0) == 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the session holds no tokens that could be saved");
  SessionWriter writer;
  if (gemcut_status status = writer.open(path, getFingerprint(*session),
                                         session->session.getLevel().name))
    return status;
  // Which tokens came from prompts is not known here.
  if (gemcut_status status =
          writer.add(session->session, /*slot=*/0, /*prompted=*/0))
    return status;
  return writer.commit();
}

gemcut_status gemcut_session_load(gemcut_session *session, const char *path) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  if (gemcut_status status = requireHandle(path, "path"))
    return status;
  SessionFile file;
  if (gemcut_status status =
          file.open(path, session->engine->model(), getFingerprint(*session),
                    session->session.getLevel().name))
    return status;
  if (gemcut_status status =
          file.restoreOnly(path, session->session, /*slot=*/0))
    return status;
  session->isTalking = false;
  return GEMCUT_OK;
}
