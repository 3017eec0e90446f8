//===- generation.cpp - From options to callbacks -------------------------===//

#include "runtime/api/generation.h"

#include "runtime/api/sized_struct.h"
#include "runtime/constrain/matcher_filter.h"
#include "runtime/session/generate.h"
#include "runtime/text/json_writer.h"

#include <cmath>
#include <optional>

using namespace gemcut;
using namespace gemcut::api;

static_assert(int(StopReason::StopId) == GEMCUT_STOP_ID &&
                  int(StopReason::Limit) == GEMCUT_STOP_LIMIT &&
                  int(StopReason::Caller) == GEMCUT_STOP_CALLBACK &&
                  int(StopReason::ContextFull) == GEMCUT_STOP_CONTEXT_FULL,
              "reasons are handed out as numbers");

/// Room for the text of a token: only longer ones allocate.
static constexpr size_t kPieceBytes = 256;

Stream::Stream(const gemcut_engine &engine,
               const gemcut_generate_options &given, const StreamForm &what,
               std::vector<int32_t> *ids)
    : options(given), form(what), answer(ids), decoder(engine.tokenizer, true),
      parser(engine.tokenizer, what.insideThought) {
  piece.reserve(kPieceBytes);
}

bool Stream::add(int32_t id) {
  if (answer)
    answer->push_back(id);
  bool goesOn = !options.on_token || options.on_token(options.user, id) == 0;
  if (form.isTurn) {
    if (options.on_text || options.on_tool_call || options.on_message)
      parser.feed(id, *this);
  } else if (options.on_text) {
    decoder.feed(id, piece);
    sendPiece();
  }
  return goesOn && wantsMore && !isEnough;
}

void Stream::finish(bool wasCut) {
  if (form.isTurn) {
    dropsCalls = wasCut && form.mayCall;
    parser.finish(*this);
    sendMessage();
  } else if (options.on_text) {
    decoder.flush(piece);
    sendPiece();
  }
}

void Stream::sendPiece() {
  if (!piece.empty())
    send(GEMCUT_TEXT_ANSWER, piece);
  piece.clear();
}

void Stream::send(gemcut_text_kind kind, std::string_view text) {
  if (wantsMore && options.on_text)
    wantsMore =
        options.on_text(options.user, kind, text.data(), text.size()) == 0;
}

void Stream::onThought(std::string_view text) {
  if (options.on_message)
    thought += text;
  send(GEMCUT_TEXT_THOUGHT, text);
}

void Stream::onContent(std::string_view text) {
  if (options.on_message)
    content += text;
  send(GEMCUT_TEXT_ANSWER, text);
}

void Stream::onToolCall(std::string_view name, std::string_view arguments,
                        std::string_view written) {
  if (!form.mayCall)
    return onContent(written);
  if (isEnough || dropsCalls)
    return;
  isEnough = !form.parallelCalls;
  if (options.on_message) {
    calls += calls.empty() ? "[" : ",";
    calls += "{\"id\":\"call_" + std::to_string(form.firstCall + callCount);
    calls += "\",\"type\":\"function\",\"function\":{\"name\":";
    text::appendJsonString(name, calls);
    calls += ",\"arguments\":";
    text::appendJsonString(arguments, calls);
    calls += "}}";
  }
  ++callCount;
  if (!wantsMore || !options.on_tool_call)
    return;
  std::string terminated(name);
  wantsMore = options.on_tool_call(options.user, terminated.c_str(),
                                   arguments.data(), arguments.size()) == 0;
}

void Stream::sendMessage() {
  if (!options.on_message)
    return;
  std::string message = "{\"role\":\"assistant\",\"content\":";
  if (content.empty() && !calls.empty())
    message += "null";
  else
    text::appendJsonString(content, message);
  if (!thought.empty()) {
    // The chat format ends thoughts with a line break of its own.
    if (thought.back() == '\n')
      thought.pop_back();
    message += ",\"reasoning_content\":";
    text::appendJsonString(thought, message);
  }
  if (!calls.empty())
    message += ",\"tool_calls\":" + calls + "]";
  message += "}";
  options.on_message(options.user, message.data(), message.size());
}

gemcut_status api::findGrammar(const gemcut_engine &engine,
                               const gemcut_generate_options &options,
                               constrain::AnswerForm form,
                               constrain::Thought thought,
                               constrain::GrammarCache::Entry &grammar) {
  const char *schema = options.json_schema, *pattern = options.regex;
  if (!schema && !pattern && !form.tools.isList())
    return GEMCUT_OK;
  if (gemcut_status status = engine.requireTokenizer())
    return status;
  if ((schema && !*schema) || (pattern && !*pattern))
    return fail(GEMCUT_INVALID_ARGUMENT, "the %s of the answer is empty",
                schema ? "JSON schema" : "regular expression");
  if (pattern && (schema || form.tools.isList()))
    return fail(GEMCUT_INVALID_ARGUMENT,
                "a regular expression excludes a JSON schema and tools");
  form.schema = schema ? schema : "";
  form.pattern = pattern ? pattern : "";
  constrain::FormPart atFault;
  return engine.grammars.find(form, thought, engine.tokenizer, engine.model(),
                              grammar, atFault);
}

static gemcut_status openSampler(gemcut_session &session,
                                 const gemcut_sampling *given) {
  gemcut_sampling sampling = getDefaultSampling(*session.engine);
  if (gemcut_status status = readStruct(given, "gemcut_sampling", sampling))
    return status;
  SamplerOptions options;
  options.temperature = sampling.temperature;
  options.topK = sampling.top_k;
  options.topP = sampling.top_p;
  options.minP = sampling.min_p;
  options.seed = sampling.seed;
  options.noRepeat = sampling.no_repeat != 0;
  return session.sampler.open(session.engine->model(), options,
                              session.session.getSamplerWork());
}

namespace {
/// Forbids one id.
class IdFilter final : public LogitsFilter {
public:
  explicit IdFilter(int32_t id) : id(id) {}
  void apply(float *logits) override { logits[id] = -INFINITY; }
  void accept(int32_t) override {}
  bool isFinished() override { return false; }

private:
  int32_t id;
};
} // namespace

gemcut_status api::generateInto(Stream &stream, gemcut_session &session,
                                const int32_t *ids, size_t count,
                                const gemcut_generate_options &options,
                                const AnswerRules &rules,
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
  if (options.on_step)
    what.onStep = {Stream::goesOn, &stream};
  std::optional<constrain::MatcherFilter> filter;
  IdFilter idFilter(rules.forbidden);
  if (rules.grammar.grammar)
    what.filter =
        &filter.emplace(rules.grammar.vocabulary, rules.grammar.grammar);
  else if (rules.forbidden >= 0)
    what.filter = &idFilter;
  GenerateStats stats;
  if (gemcut_status status =
          generate(session.session, session.sampler, /*slot=*/0, ids, count,
                   what, Stream::onToken, &stream, stats))
    return status;
  stream.finish(/*wasCut=*/stats.reason != StopReason::StopId);
  gemcut_generate_result facts = GEMCUT_GENERATE_RESULT;
  facts.reason =
      stream.hasEnough() ? GEMCUT_STOP_ID : gemcut_stop_reason(stats.reason);
  facts.prompt_tokens = stats.promptTokens;
  facts.new_tokens = stats.newTokens;
  facts.prefill_seconds = stats.prefillSeconds;
  facts.decode_seconds = stats.decodeSeconds;
  return writeStruct(facts, "gemcut_generate_result", result);
}
