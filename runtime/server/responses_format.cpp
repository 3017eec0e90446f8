//===- responses_format.cpp - Answers of /v1/responses --------------------===//

#include "runtime/server/answer_format.h"

using namespace gemcut;
using namespace gemcut::server;

namespace {

class ResponsesFormat final : public AnswerFormat {
public:
  ResponsesFormat(const GenerationRequest &request, const ModelContext &context)
      : AnswerFormat(request, context), thoughtId(makeId("rs_")),
        messageId(makeId("msg_")) {
    id = makeId("resp_");
  }

  void begin(std::string &out) override;
  void end(std::string &out) override;
  std::string getWhole() override { return getResponse(/*isOver=*/true); }

private:
  enum class Open { Nothing, Thought, Message };

  void stream(const AnswerEvent &event, AnswerState &state,
              std::string &out) override;
  std::string getResponse(bool isOver) const;
  void openItem(Open kind, std::string &out);
  void closeItem(std::string &out);
  void streamCall(const AnswerState::Call &call, std::string &out);
  void addItem(JsonText &json, Open kind, bool isDone) const;
  void addCall(JsonText &json, const AnswerState::Call &call,
               bool isDone) const;
  /// Part of a message or thought; of a message with the logprobs of `tokens`.
  void addPart(JsonText &json, Open kind, std::string_view text,
               const std::vector<BatchToken> &tokens) const;
  const char *getStatus(Open kind, bool isDone) const;
  const std::string &getText(Open kind) const {
    return kind == Open::Thought ? answers[0].thought : answers[0].content;
  }
  const std::string &getItemId(Open kind) const {
    return kind == Open::Thought ? thoughtId : messageId;
  }
  /// Starts an event; the caller adds members, then sends it.
  JsonText startEvent(const char *type);
  static void send(JsonText &json, std::string &out, const char *type);
  void sendResponse(const char *type, bool isOver, std::string &out);
  /// A delta or the end of a text.
  void sendText(Open kind, const char *suffix, const char *member,
                std::string_view text, const std::vector<BatchToken> &tokens,
                std::string &out);

  std::string thoughtId, messageId;
  Open current = Open::Nothing;
  bool hadMessage = false;
  int64_t sequence = 0, item = 0; // numbers of the next event and item
};

} // namespace

JsonText ResponsesFormat::startEvent(const char *type) {
  JsonText json;
  json.beginObject().member("type", type);
  json.memberInteger("sequence_number", sequence++);
  return json;
}

void ResponsesFormat::send(JsonText &json, std::string &out, const char *type) {
  json.endObject();
  out += "event: ";
  out += type;
  out += '\n';
  appendEvent(out, json.str());
}

void ResponsesFormat::addPart(JsonText &json, Open kind, std::string_view text,
                              const std::vector<BatchToken> &tokens) const {
  json.beginObject();
  json.member("type", kind == Open::Thought ? "reasoning_text" : "output_text");
  json.member("text", text);
  if (kind == Open::Message) {
    json.key("annotations").raw("[]").key("logprobs");
    addTokenLogprobs(json, tokens);
  }
  json.endObject();
}

/// Of an item; the last one of an answer that was cut is incomplete.
const char *ResponsesFormat::getStatus(Open kind, bool isDone) const {
  const AnswerState &state = answers[0];
  bool isLast =
      state.calls.empty() && (kind == Open::Message || state.content.empty());
  return !isDone                                       ? "in_progress"
         : state.isOver && !state.wasStopped && isLast ? "incomplete"
                                                       : "completed";
}

void ResponsesFormat::addItem(JsonText &json, Open kind, bool isDone) const {
  json.beginObject().member("id", getItemId(kind));
  json.member("type", kind == Open::Thought ? "reasoning" : "message");
  if (kind == Open::Thought)
    json.key("summary").raw("[]");
  else
    json.member("role", "assistant");
  json.member("status", getStatus(kind, isDone));
  json.key("content").beginArray();
  if (isDone)
    addPart(json, kind, getText(kind), answers[0].logprobs);
  json.endArray().endObject();
}

void ResponsesFormat::addCall(JsonText &json, const AnswerState::Call &call,
                              bool isDone) const {
  json.beginObject()
      .member("id", "fc_" + call.id)
      .member("type", "function_call");
  json.member("call_id", call.id).member("name", call.name);
  json.member("arguments", isDone ? call.arguments : std::string());
  json.member("status", isDone ? "completed" : "in_progress").endObject();
}

std::string ResponsesFormat::getResponse(bool isOver) const {
  const AnswerState &state = answers[0];
  bool isCut = isOver && !state.wasStopped;
  JsonText json;
  json.beginObject().member("id", id).member("object", "response");
  json.memberInteger("created_at", created);
  json.member("status", !isOver ? "in_progress"
                        : isCut ? "incomplete"
                                : "completed");
  json.memberNull("error").key("incomplete_details");
  isCut ? json.raw("{\"reason\":\"max_output_tokens\"}") : json.null();
  json.member("model", context.name).key("output").beginArray();
  if (isOver) {
    if (!state.thought.empty())
      addItem(json, Open::Thought, /*isDone=*/true);
    if (!state.content.empty() || state.calls.empty())
      addItem(json, Open::Message, /*isDone=*/true);
    for (const AnswerState::Call &call : state.calls)
      addCall(json, call, /*isDone=*/true);
  }
  json.endArray();
  if (isOver)
    addUsage(json);
  else
    json.memberNull("usage");
  return json.take() + "," + request.echoedMembers + "}";
}

void ResponsesFormat::sendResponse(const char *type, bool isOver,
                                   std::string &out) {
  JsonText json = startEvent(type);
  json.key("response").raw(getResponse(isOver));
  send(json, out, type);
}

void ResponsesFormat::begin(std::string &out) {
  sendResponse("response.created", /*isOver=*/false, out);
  sendResponse("response.in_progress", /*isOver=*/false, out);
}

void ResponsesFormat::openItem(Open kind, std::string &out) {
  if (current == kind)
    return;
  closeItem(out);
  current = kind;
  hadMessage |= kind == Open::Message;
  JsonText json = startEvent("response.output_item.added");
  json.memberInteger("output_index", item).key("item");
  addItem(json, kind, /*isDone=*/false);
  send(json, out, "response.output_item.added");
  json = startEvent("response.content_part.added");
  json.member("item_id", getItemId(kind)).memberInteger("output_index", item);
  json.memberInteger("content_index", 0).key("part");
  addPart(json, kind, "", {});
  send(json, out, "response.content_part.added");
}

void ResponsesFormat::sendText(Open kind, const char *suffix,
                               const char *member, std::string_view text,
                               const std::vector<BatchToken> &tokens,
                               std::string &out) {
  std::string type = kind == Open::Thought ? "response.reasoning_text."
                                           : "response.output_text.";
  type += suffix;
  JsonText json = startEvent(type.c_str());
  json.member("item_id", getItemId(kind)).memberInteger("output_index", item);
  json.memberInteger("content_index", 0).member(member, text);
  if (kind == Open::Message) {
    json.key("logprobs");
    addTokenLogprobs(json, tokens);
  }
  send(json, out, type.c_str());
}

void ResponsesFormat::closeItem(std::string &out) {
  if (current == Open::Nothing)
    return;
  const std::vector<BatchToken> &tokens = answers[0].logprobs;
  sendText(current, "done", "text", getText(current), tokens, out);
  JsonText json = startEvent("response.content_part.done");
  json.member("item_id", getItemId(current));
  json.memberInteger("output_index", item).memberInteger("content_index", 0);
  json.key("part");
  addPart(json, current, getText(current), tokens);
  send(json, out, "response.content_part.done");
  json = startEvent("response.output_item.done");
  json.memberInteger("output_index", item++).key("item");
  addItem(json, current, /*isDone=*/true);
  send(json, out, "response.output_item.done");
  current = Open::Nothing;
}

void ResponsesFormat::streamCall(const AnswerState::Call &call,
                                 std::string &out) {
  closeItem(out);
  JsonText json = startEvent("response.output_item.added");
  json.memberInteger("output_index", item).key("item");
  addCall(json, call, /*isDone=*/false);
  send(json, out, "response.output_item.added");
  struct {
    const char *type, *member;
  } const events[] = {{"response.function_call_arguments.delta", "delta"},
                      {"response.function_call_arguments.done", "arguments"}};
  for (const auto &event : events) {
    json = startEvent(event.type);
    json.member("item_id", "fc_" + call.id).memberInteger("output_index", item);
    json.member(event.member, call.arguments);
    send(json, out, event.type);
  }
  json = startEvent("response.output_item.done");
  json.memberInteger("output_index", item++).key("item");
  addCall(json, call, /*isDone=*/true);
  send(json, out, "response.output_item.done");
}

void ResponsesFormat::stream(const AnswerEvent &event, AnswerState &state,
                             std::string &out) {
  switch (event.kind) {
  case AnswerEvent::Thought:
    openItem(Open::Thought, out);
    return sendText(Open::Thought, "delta", "delta", event.text, {}, out);
  case AnswerEvent::Content:
    openItem(Open::Message, out);
    return sendText(Open::Message, "delta", "delta", event.text, event.logprobs,
                    out);
  case AnswerEvent::ToolCall:
    return streamCall(state.calls.back(), out);
  case AnswerEvent::End:
    if (!hadMessage && state.calls.empty())
      openItem(Open::Message, out);
    closeItem(out);
  }
}

void ResponsesFormat::end(std::string &out) {
  sendResponse(answers[0].wasStopped ? "response.completed"
                                     : "response.incomplete",
               /*isOver=*/true, out);
}

std::unique_ptr<AnswerFormat>
server::makeResponsesFormat(const GenerationRequest &request,
                            const ModelContext &context) {
  return std::make_unique<ResponsesFormat>(request, context);
}
