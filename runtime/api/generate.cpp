//===- generate.cpp - Generating and conversations ------------------------===//

#include "runtime/session/generate.h"
#include "runtime/api/generation.h"
#include "runtime/api/sized_struct.h"
#include "runtime/core/clock.h"

#include <sys/random.h>

using namespace gemcut;
using namespace gemcut::api;

gemcut_sampling api::getDefaultSampling(const gemcut_engine &engine) {
  SamplerOptions model = gemcut::getDefaultSampling(engine.model());
  gemcut_sampling sampling = {sizeof(sampling),
                              model.temperature,
                              model.topK,
                              model.topP,
                              model.minP,
                              0,
                              0};
  // Without entropy the clock differs, too.
  if (getrandom(&sampling.seed, sizeof(sampling.seed), GRND_NONBLOCK) < 0)
    sampling.seed = uint64_t(seconds() * 1e9);
  return sampling;
}

gemcut_status gemcut_default_sampling(const gemcut_engine *engine,
                                      gemcut_sampling *sampling) {
  if (gemcut_status status = requireHandle(engine, "engine"))
    return status;
  return writeStruct(api::getDefaultSampling(*engine), "gemcut_sampling",
                     sampling);
}

gemcut_status gemcut_generate(gemcut_session *session, const int32_t *ids,
                              size_t count,
                              const gemcut_generate_options *given,
                              gemcut_generate_result *result) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  if (gemcut_status status =
          readStruct(given, "gemcut_generate_options", options))
    return status;
  AnswerRules rules;
  if (gemcut_status status =
          findGrammar(*session->engine, options, {}, constrain::Thought::None,
                      rules.grammar))
    return status;
  Stream stream(*session->engine, options, {}, /*answer=*/nullptr);
  size_t held =
      ids ? beginWithPrefix(session->prefix, session->session, ids, count) : 0;
  gemcut_status status = generateInto(stream, *session, ids + held,
                                      count - held, options, rules, result);
  // Nothing was run: the session is as empty as it was.
  if (status && held > 0 && session->session.getTokenCount(/*slot=*/0) == held)
    if (gemcut_status failed = session->session.rewind(/*slot=*/0, 0))
      return failed;
  return status;
}

gemcut_status gemcut_chat_begin(gemcut_session *session,
                                const gemcut_chat_options *given) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  gemcut_chat_options options = GEMCUT_CHAT_OPTIONS;
  if (gemcut_status status = readStruct(given, "gemcut_chat_options", options))
    return status;
  if (gemcut_status status = session->engine->requireTokenizer())
    return status;
  if (gemcut_status status =
          session->dialogue.begin(options.system, options.think != 0))
    return status;
  session->isTalking = true;
  session->shouldThink = session->dialogue.thinks();
  return GEMCUT_OK;
}

gemcut_status gemcut_chat(gemcut_session *session, const char *text,
                          const gemcut_generate_options *given,
                          gemcut_generate_result *result) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  if (gemcut_status status = requireHandle(text, "text"))
    return status;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  if (gemcut_status status =
          readStruct(given, "gemcut_generate_options", options))
    return status;
  if (!session->isTalking)
    if (gemcut_status status = gemcut_chat_begin(session, nullptr))
      return status;
  AnswerRules rules;
  if (gemcut_status status =
          findGrammar(*session->engine, options, {},
                      session->shouldThink ? constrain::Thought::Allowed
                                           : constrain::Thought::None,
                      rules.grammar))
    return status;
  std::vector<int32_t> rest, answer;
  answer.reserve(size_t(session->session.getContext()));
  StreamForm form;
  form.isTurn = true;
  Stream stream(*session->engine, options, form, &answer);
  gemcut_status status = session->dialogue.ask(text, rest);
  if (!status)
    status = generateInto(stream, *session, rest.data(), rest.size(), options,
                          rules, result);
  if (status)
    session->dialogue.withdraw();
  else
    session->dialogue.accept(answer);
  return status;
}
