//===- answer_format.cpp - What the formats of answers share --------------===//

#include "runtime/server/answer_format.h"

#include <cstdio>
#include <ctime>
#include <sys/random.h>

using namespace gemcut;
using namespace gemcut::server;

std::string server::makeId(const char *prefix) {
  uint64_t words[2] = {};
  static uint64_t counter; // differs even where there is no entropy
  if (getrandom(words, sizeof(words), GRND_NONBLOCK) < 0)
    words[0] = uint64_t(time(nullptr)), words[1] = ++counter;
  char digits[40];
  snprintf(digits, sizeof(digits), "%016llx%08llx",
           (unsigned long long)words[0],
           (unsigned long long)(words[1] & 0xFFFFFFFF));
  return prefix + std::string(digits);
}

void server::appendEvent(std::string &out, std::string_view json) {
  out += "data: ";
  out += json;
  out += "\n\n";
}

const char *AnswerState::getFinishReason() const {
  if (!calls.empty() && wasStopped)
    return "tool_calls";
  return wasStopped ? "stop" : "length";
}

AnswerFormat::AnswerFormat(const GenerationRequest &what,
                           const ModelContext &where)
    : request(what), context(where),
      answers(what.prompts.size() * size_t(what.choices)),
      created(time(nullptr)), open(answers.size()) {}

void AnswerFormat::add(const AnswerEvent &event, std::string &out) {
  AnswerState &state = answers[event.index];
  switch (event.kind) {
  case AnswerEvent::Thought:
    state.thought += event.text;
    break;
  case AnswerEvent::Content:
    state.content += event.text;
    state.logprobs.insert(state.logprobs.end(), event.logprobs.begin(),
                          event.logprobs.end());
    break;
  case AnswerEvent::ToolCall:
    state.calls.push_back({makeId("call_"), event.name, event.arguments});
    break;
  case AnswerEvent::End:
    state.isOver = true;
    state.result = event.result;
    state.wasStopped = event.wasStopped;
    state.thoughtTokens = event.thoughtTokens;
    --open;
    if (event.result.reason == BatchStop::Failed)
      failure = event.result.error;
    else if (event.result.reason == BatchStop::Cancelled)
      failure = "the request was cancelled";
  }
  if (request.stream && failure.empty())
    stream(event, state, out);
}

void AnswerFormat::addUsage(JsonText &json) const {
  int64_t prompt = 0, cached = 0, fresh = 0, thought = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    const AnswerState &state = answers[i];
    if (i % size_t(request.choices) == 0) {
      prompt += int64_t(state.result.promptTokens);
      cached += int64_t(state.result.cachedTokens);
    }
    fresh += int64_t(state.result.newTokens);
    thought += int64_t(state.thoughtTokens);
  }
  bool isResponses = request.api == Api::Responses;
  const char *in = isResponses ? "input_tokens" : "prompt_tokens";
  const char *out = isResponses ? "output_tokens" : "completion_tokens";
  json.key("usage").beginObject();
  json.memberInteger(in, prompt).memberInteger(out, fresh);
  json.memberInteger("total_tokens", prompt + fresh);
  json.key(in + std::string("_details")).beginObject();
  json.memberInteger("cached_tokens", cached).endObject();
  json.key(out + std::string("_details")).beginObject();
  json.memberInteger("reasoning_tokens", thought).endObject();
  json.endObject();
}

std::string AnswerFormat::getTokenText(int32_t token) const {
  int byte = context.tokenizer->byteValue(token);
  if (byte >= 0)
    return std::string(1, char(byte));
  std::string text;
  context.tokenizer->appendPiece(token, text);
  return text;
}

void AnswerFormat::addTokenLogprob(JsonText &json,
                                   const TokenLogprob &token) const {
  std::string bytes = getTokenText(token.id);
  json.member("token", bytes).key("logprob").number(token.logprob);
  json.key("bytes").beginArray();
  for (char byte : bytes)
    json.integer(static_cast<unsigned char>(byte));
  json.endArray();
}

void AnswerFormat::addTokenLogprobs(
    JsonText &json, const std::vector<BatchToken> &tokens) const {
  json.beginArray();
  for (const BatchToken &token : tokens) {
    json.beginObject();
    addTokenLogprob(json, token.chosen);
    json.key("top_logprobs").beginArray();
    for (const TokenLogprob &likely : token.likeliest) {
      json.beginObject();
      addTokenLogprob(json, likely);
      json.endObject();
    }
    json.endArray().endObject();
  }
  json.endArray();
}

std::unique_ptr<AnswerFormat>
server::makeFormat(const GenerationRequest &request,
                   const ModelContext &context) {
  switch (request.api) {
  case Api::Chat:
    return makeChatFormat(request, context);
  case Api::Completions:
    return makeCompletionFormat(request, context);
  case Api::Responses:
    return makeResponsesFormat(request, context);
  }
  return nullptr;
}
