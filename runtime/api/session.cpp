//===- session.cpp - Sessions and their steps -----------------------------===//

#include "runtime/api/handles.h"
#include "runtime/api/sized_struct.h"
#include "runtime/core/error.h"

#include <memory>

using namespace gemcut;
using namespace gemcut::api;

gemcut_status gemcut_session_create(const gemcut_engine *engine,
                                    const gemcut_session_options *given,
                                    gemcut_session **result) {
  if (gemcut_status status = requireHandle(engine, "engine"))
    return status;
  gemcut_session_options options = GEMCUT_SESSION_OPTIONS;
  if (gemcut_status status =
          readStruct(given, "gemcut_session_options", options))
    return status;
  auto session = std::make_unique<gemcut_session>();
  session->engine = engine;
  SessionOptions what;
  what.threads = options.threads;
  what.context = options.context;
  what.adapter = options.adapter;
  what.level = engine->level->name;
  what.tableBytes = gemcut_table_resident_bytes(&engine->model());
  if (gemcut_status status = session->session.open(engine->program(), what))
    return status;
  if (gemcut_status status =
          session->prefix.open(engine->artifact, engine->model(),
                               engine->level->name, options.adapter))
    return status;
  if (engine->hasTokenizer)
    session->dialogue.open(engine->model(), engine->tokenizer, engine->chat,
                           session->session);
  session->dialogue.setPrefix(session->prefix);
  session->adapter = options.adapter ? options.adapter : "";
  *result = session.release();
  return GEMCUT_OK;
}

void gemcut_session_destroy(gemcut_session *session) { delete session; }

gemcut_status gemcut_session_reset(gemcut_session *session) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  session->isTalking = false;
  return session->session.reset(/*slot=*/0);
}

size_t gemcut_session_length(const gemcut_session *session) {
  return session ? session->session.getTokenCount(/*slot=*/0) : 0;
}

gemcut_status gemcut_session_rewind(gemcut_session *session, size_t count) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  return session->session.rewind(/*slot=*/0, count);
}

gemcut_status gemcut_prefill(gemcut_session *session, const int32_t *ids,
                             size_t count, float **logits) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  float *last = nullptr;
  gemcut_status status = session->session.prefill(/*slot=*/0, ids, count, last);
  if (logits && !status)
    *logits = last;
  return status;
}

gemcut_status gemcut_score(gemcut_session *session, const int32_t *ids,
                           size_t count, gemcut_on_logits onLogits,
                           void *user) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  if (!onLogits)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "gemcut_score needs on_logits, to hand the logits to; without "
                "them gemcut_prefill is faster");
  struct Listener {
    gemcut_on_logits onLogits;
    void *user;
  } listener = {onLogits, user};
  return session->session.score(
      /*slot=*/0, ids, count,
      [](void *context, size_t row, const float *logits) {
        auto *to = static_cast<Listener *>(context);
        to->onLogits(to->user, row, logits);
        return GEMCUT_OK;
      },
      &listener);
}

gemcut_status gemcut_decode(gemcut_session *session, int32_t id,
                            float **logits) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  const int32_t slot = 0;
  float *last = nullptr;
  gemcut_status status = session->session.decode(&slot, &id, 1, last);
  if (logits && !status)
    *logits = last;
  return status;
}
