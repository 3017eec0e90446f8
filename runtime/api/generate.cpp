//===- generate.cpp - Generating and conversations ------------------------===//

#include "runtime/session/generate.h"
#include "runtime/api/handles.h"
#include "runtime/api/sized_struct.h"
#include "runtime/core/clock.h"
#include "runtime/text/output_parser.h"

#include <sys/random.h>

using namespace gemcut;
using namespace gemcut::api;

static_assert(int(StopReason::StopId) == GEMCUT_STOP_ID &&
                  int(StopReason::Limit) == GEMCUT_STOP_LIMIT &&
                  int(StopReason::Caller) == GEMCUT_STOP_CALLBACK &&
                  int(StopReason::ContextFull) == GEMCUT_STOP_CONTEXT_FULL,
              "reasons are handed out as numbers");

static gemcut_sampling getDefaults(const gemcut_engine &engine) {
  SamplerOptions model = getDefaultSampling(engine.model());
  gemcut_sampling sampling = {sizeof(sampling), model.temperature, model.topK,
                              model.topP,       model.minP,        0};
  // Without entropy the clock differs, too.
  if (getrandom(&sampling.seed, sizeof(sampling.seed), GRND_NONBLOCK) < 0)
    sampling.seed = uint64_t(seconds() * 1e9);
  return sampling;
}

gemcut_status gemcut_default_sampling(const gemcut_engine *engine,
                                      gemcut_sampling *sampling) {
  if (gemcut_status status = requireHandle(engine, "engine"))
    return status;
  return writeStruct(getDefaults(*engine), "gemcut_sampling", sampling);
}

namespace {

/// Room for the text of a token: only longer ones allocate.
constexpr size_t kPieceBytes = 256;

/// Hands tokens, and the text that they complete, to the callbacks.
class Stream final : text::OutputSink {
public:
  Stream(const gemcut_engine &engine, const gemcut_generate_options &options,
         std::vector<int32_t> *answer)
      : options(options), answer(answer), decoder(engine.tokenizer, true),
        parser(engine.tokenizer) {
    piece.reserve(kPieceBytes);
  }

  static bool onToken(void *context, int32_t id) {
    return static_cast<Stream *>(context)->add(id);
  }

  /// Hands out what waited for more bytes.
  void finish() {
    if (!options.on_text)
      return;
    if (answer) {
      parser.finish(*this);
    } else {
      decoder.flush(piece);
      sendPiece();
    }
  }

private:
  bool add(int32_t id) {
    if (answer)
      answer->push_back(id);
    bool goesOn = !options.on_token || options.on_token(options.user, id) == 0;
    if (!options.on_text)
      return goesOn;
    if (answer) {
      parser.feed(id, *this);
    } else {
      decoder.feed(id, piece);
      sendPiece();
    }
    return goesOn && wantsMore;
  }

  void sendPiece() {
    if (!piece.empty())
      onContent(piece);
    piece.clear();
  }

  void onThought(std::string_view text) override {
    send(GEMCUT_TEXT_THOUGHT, text);
  }
  void onContent(std::string_view text) override {
    send(GEMCUT_TEXT_ANSWER, text);
  }
  void onToolCall(std::string_view name, std::string_view arguments,
                  std::string_view written) override {
    send(GEMCUT_TEXT_ANSWER, written);
  }

  void send(gemcut_text_kind kind, std::string_view text) {
    if (wantsMore)
      wantsMore =
          options.on_text(options.user, kind, text.data(), text.size()) == 0;
  }

  const gemcut_generate_options &options;
  std::vector<int32_t> *answer; ///< of a conversation's turn; null: raw tokens
  text::StreamDecoder decoder;
  text::OutputParser parser;
  std::string piece; ///< of raw tokens
  bool wantsMore = true;
};

} // namespace

static gemcut_status openSampler(gemcut_session &session,
                                 const gemcut_sampling *given) {
  gemcut_sampling sampling = getDefaults(*session.engine);
  if (gemcut_status status = readStruct(given, "gemcut_sampling", sampling))
    return status;
  SamplerOptions options;
  options.temperature = sampling.temperature;
  options.topK = sampling.top_k;
  options.topP = sampling.top_p;
  options.minP = sampling.min_p;
  options.seed = sampling.seed;
  return session.sampler.open(session.engine->model(), options,
                              session.session.getSamplerWork());
}

static gemcut_status run(gemcut_session &session, const int32_t *ids,
                         size_t count, const gemcut_generate_options &options,
                         std::vector<int32_t> *answer,
                         gemcut_generate_result *result) {
  if (options.on_text)
    if (gemcut_status status = session.engine->requireTokenizer())
      return status;
  if (result)
    if (gemcut_status status = checkSize(*result, "gemcut_generate_result"))
      return status;
  if (gemcut_status status = openSampler(session, options.sampling))
    return status;
  GenerateOptions what;
  what.limit = options.limit;
  what.ignoreStop = options.ignore_stop != 0;
  Stream stream(*session.engine, options, answer);
  GenerateStats stats;
  if (gemcut_status status =
          generate(session.session, session.sampler, /*slot=*/0, ids, count,
                   what, Stream::onToken, &stream, stats))
    return status;
  stream.finish();
  gemcut_generate_result facts = GEMCUT_GENERATE_RESULT;
  facts.reason = gemcut_stop_reason(stats.reason);
  facts.prompt_tokens = stats.promptTokens;
  facts.new_tokens = stats.newTokens;
  facts.prefill_seconds = stats.prefillSeconds;
  facts.decode_seconds = stats.decodeSeconds;
  return writeStruct(facts, "gemcut_generate_result", result);
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
  return run(*session, ids, count, options, /*answer=*/nullptr, result);
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
  return GEMCUT_OK;
}

gemcut_status gemcut_chat(gemcut_session *session, const char *text,
                          const gemcut_generate_options *given,
                          gemcut_generate_result *result) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  if (gemcut_status status =
          readStruct(given, "gemcut_generate_options", options))
    return status;
  if (!session->isTalking)
    if (gemcut_status status = gemcut_chat_begin(session, nullptr))
      return status;
  std::vector<int32_t> rest, answer;
  answer.reserve(size_t(session->session.getContext()));
  gemcut_status status = session->dialogue.ask(text, rest);
  if (!status)
    status = run(*session, rest.data(), rest.size(), options, &answer, result);
  if (status)
    session->dialogue.withdraw();
  else
    session->dialogue.accept(answer);
  return status;
}
