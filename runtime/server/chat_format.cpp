//===- chat_format.cpp - Answers of /v1/chat/completions ------------------===//

#include "runtime/server/choices_format.h"

using namespace gemcut;
using namespace gemcut::server;

namespace {

class ChatFormat final : public ChoicesFormat {
public:
  ChatFormat(const GenerationRequest &request, const ModelContext &context)
      : ChoicesFormat(request, context, "chatcmpl-",
                      request.stream ? "chat.completion.chunk"
                                     : "chat.completion") {}

  void begin(std::string &out) override;

private:
  void stream(const AnswerEvent &event, AnswerState &state,
              std::string &out) override;
  void addWholeChoice(JsonText &json, size_t index) const override;
  void addLogprobs(JsonText &json, const std::vector<BatchToken> &tokens) const;
  static void addCall(JsonText &json, const AnswerState::Call &call);
  /// A chunk of answer `index`; `delta` is the members of its delta.
  void appendDelta(std::string &out, size_t index, std::string_view delta,
                   const std::vector<BatchToken> *logprobs,
                   const char *finishReason) const;
};

} // namespace

void ChatFormat::addLogprobs(JsonText &json,
                             const std::vector<BatchToken> &tokens) const {
  json.key("logprobs").beginObject().key("content");
  addTokenLogprobs(json, tokens);
  json.memberNull("refusal").endObject();
}

void ChatFormat::addCall(JsonText &json, const AnswerState::Call &call) {
  json.member("id", call.id).member("type", "function");
  json.key("function").beginObject().member("name", call.name);
  json.member("arguments", call.arguments).endObject();
}

void ChatFormat::appendDelta(std::string &out, size_t index,
                             std::string_view delta,
                             const std::vector<BatchToken> *logprobs,
                             const char *finishReason) const {
  JsonText choice;
  choice.beginObject().memberInteger("index", int64_t(index));
  choice.key("delta").raw(delta);
  if (logprobs && !logprobs->empty())
    addLogprobs(choice, *logprobs);
  else
    choice.memberNull("logprobs");
  choice.key("finish_reason");
  finishReason ? choice.string(finishReason) : choice.null();
  choice.endObject();
  appendChunk(out, choice);
}

void ChatFormat::begin(std::string &out) {
  for (size_t i = 0; i < answers.size(); ++i)
    appendDelta(out, i, "{\"role\":\"assistant\",\"content\":\"\"}", nullptr,
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
  appendDelta(out, event.index, delta.str(), &event.logprobs,
              event.kind == AnswerEvent::End ? state.getFinishReason()
                                             : nullptr);
}

void ChatFormat::addWholeChoice(JsonText &json, size_t index) const {
  const AnswerState &state = answers[index];
  json.beginObject().memberInteger("index", int64_t(index));
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

std::unique_ptr<AnswerFormat>
server::makeChatFormat(const GenerationRequest &request,
                       const ModelContext &context) {
  return std::make_unique<ChatFormat>(request, context);
}
