//===- chat_format.cpp - Answers of /v1/chat/completions ------------------===//

#include "runtime/server/answer_format.h"

using namespace gemcut;
using namespace gemcut::server;

namespace {

class ChatFormat final : public AnswerFormat {
public:
  ChatFormat(const GenerationRequest &request, const ModelContext &context)
      : AnswerFormat(request, context) {
    id = makeId("chatcmpl-");
  }

  void begin(std::string &out) override;
  void end(std::string &out) override;
  std::string getWhole() override;

private:
  void stream(const AnswerEvent &event, AnswerState &state,
              std::string &out) override;
  void openChunk(JsonText &json) const;
  void addLogprob(JsonText &json, const TokenLogprob &token) const;
  void addLogprobs(JsonText &json, const std::vector<BatchToken> &tokens) const;
  static void addCall(JsonText &json, const AnswerState::Call &call);
  /// A chunk of answer `index`; `delta` is the members of its delta.
  void appendChunk(std::string &out, size_t index, std::string_view delta,
                   const std::vector<BatchToken> *logprobs,
                   const char *finishReason) const;
};

} // namespace

void ChatFormat::openChunk(JsonText &json) const {
  json.beginObject().member("id", id);
  json.member("object",
              request.stream ? "chat.completion.chunk" : "chat.completion");
  json.memberInteger("created", created).member("model", context.name);
}

void ChatFormat::addLogprob(JsonText &json, const TokenLogprob &token) const {
  std::string bytes = getTokenText(token.id);
  json.member("token", bytes).key("logprob").number(token.logprob);
  json.key("bytes").beginArray();
  for (char byte : bytes)
    json.integer(static_cast<unsigned char>(byte));
  json.endArray();
}

void ChatFormat::addLogprobs(JsonText &json,
                             const std::vector<BatchToken> &tokens) const {
  json.key("logprobs").beginObject().key("content").beginArray();
  for (const BatchToken &token : tokens) {
    json.beginObject();
    addLogprob(json, token.chosen);
    json.key("top_logprobs").beginArray();
    for (const TokenLogprob &likely : token.likeliest) {
      json.beginObject();
      addLogprob(json, likely);
      json.endObject();
    }
    json.endArray().endObject();
  }
  json.endArray().memberNull("refusal").endObject();
}

void ChatFormat::addCall(JsonText &json, const AnswerState::Call &call) {
  json.member("id", call.id).member("type", "function");
  json.key("function").beginObject().member("name", call.name);
  json.member("arguments", call.arguments).endObject();
}

void ChatFormat::appendChunk(std::string &out, size_t index,
                             std::string_view delta,
                             const std::vector<BatchToken> *logprobs,
                             const char *finishReason) const {
  JsonText json;
  openChunk(json);
  json.key("choices").beginArray().beginObject();
  json.memberInteger("index", int64_t(index)).key("delta").raw(delta);
  if (logprobs && !logprobs->empty())
    addLogprobs(json, *logprobs);
  else
    json.memberNull("logprobs");
  json.key("finish_reason");
  finishReason ? json.string(finishReason) : json.null();
  json.endObject().endArray();
  if (request.includeUsage)
    json.memberNull("usage");
  json.endObject();
  appendEvent(out, json.str());
}

void ChatFormat::begin(std::string &out) {
  for (size_t i = 0; i < answers.size(); ++i)
    appendChunk(out, i, "{\"role\":\"assistant\",\"content\":\"\"}", nullptr,
                nullptr);
}

void ChatFormat::stream(const AnswerEvent &event, AnswerState &state,
                        std::string &out) {
  JsonText delta;
  delta.beginObject();
  switch (event.kind) {
  case AnswerEvent::Thought:
    delta.member("reasoning_content", event.text);
    break;
  case AnswerEvent::Content:
    delta.member("content", event.text);
    break;
  case AnswerEvent::ToolCall:
    delta.key("tool_calls").beginArray().beginObject();
    delta.memberInteger("index", int64_t(state.calls.size()) - 1);
    addCall(delta, state.calls.back());
    delta.endObject().endArray();
    break;
  case AnswerEvent::End:
    break;
  }
  delta.endObject();
  appendChunk(out, event.index, delta.str(), &event.logprobs,
              event.kind == AnswerEvent::End ? state.getFinishReason()
                                             : nullptr);
}

void ChatFormat::end(std::string &out) {
  if (request.includeUsage) {
    JsonText json;
    openChunk(json);
    json.key("choices").raw("[]");
    addUsage(json);
    json.endObject();
    appendEvent(out, json.str());
  }
  appendEvent(out, "[DONE]");
}

std::string ChatFormat::getWhole() {
  JsonText json;
  openChunk(json);
  json.key("choices").beginArray();
  for (size_t i = 0; i < answers.size(); ++i) {
    const AnswerState &state = answers[i];
    json.beginObject().memberInteger("index", int64_t(i));
    json.key("message").beginObject().member("role", "assistant");
    json.key("content");
    state.content.empty() && !state.calls.empty() ? json.null()
                                                  : json.string(state.content);
    if (!state.thought.empty())
      json.member("reasoning_content", state.thought);
    json.memberNull("refusal");
    if (!state.calls.empty()) {
      json.key("tool_calls").beginArray();
      for (const AnswerState::Call &call : state.calls) {
        json.beginObject();
        addCall(json, call);
        json.endObject();
      }
      json.endArray();
    }
    json.endObject();
    if (request.common.logprobs >= 0)
      addLogprobs(json, state.logprobs);
    else
      json.memberNull("logprobs");
    json.member("finish_reason", state.getFinishReason()).endObject();
  }
  json.endArray();
  addUsage(json);
  json.endObject();
  return json.take();
}

std::unique_ptr<AnswerFormat>
server::makeChatFormat(const GenerationRequest &request,
                       const ModelContext &context) {
  return std::make_unique<ChatFormat>(request, context);
}
