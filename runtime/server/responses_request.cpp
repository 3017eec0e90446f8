//===- responses_request.cpp - Bodies of /v1/responses --------------------===//

#include "runtime/server/generation_request.h"
#include "runtime/server/json_text.h"
#include "runtime/text/call_arguments.h"
#include "runtime/text/json_writer.h"

#include <unordered_set>

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

static Value makeText(std::string_view text) { return Value::untrusted(text); }

static Value::Entry makeEntry(const char *key, Value value) {
  return {text::MarkedText::trusted(key), std::move(value)};
}

static std::string_view getText(const Value &item, std::string_view key) {
  const Value *value = item.find(key);
  return value && value->isString() ? value->bytes() : std::string_view();
}

/// The text of a content: a string, or parts of type input_text, output_text or
/// text. False if something else is in it.
static bool readContent(const Value *content, std::string &text) {
  if (!content)
    return false;
  if (content->isString()) {
    text = content->bytes();
    return true;
  }
  if (!content->isList())
    return false;
  for (const Value &part : content->items()) {
    std::string_view type = getText(part, "type");
    const Value *piece = part.find("text");
    if ((type != "input_text" && type != "output_text" && type != "text") ||
        !piece || !piece->isString())
      return false;
    text += piece->bytes();
  }
  return true;
}

/// {"role": "assistant", "tool_calls": [{... "arguments": object}]}
static Value makeCall(const Value &item, bool &isValid) {
  const Value *text = item.find("arguments");
  Value arguments = text ? text::readArguments(*text) : Value();
  isValid = arguments.isMap() && !getText(item, "name").empty();
  std::vector<Value::Entry> function;
  function.push_back(makeEntry("name", makeText(getText(item, "name"))));
  function.push_back(makeEntry("arguments", std::move(arguments)));
  std::vector<Value::Entry> call;
  call.push_back(makeEntry("id", makeText(getText(item, "call_id"))));
  call.push_back(makeEntry("type", Value::trusted("function")));
  call.push_back(makeEntry("function", Value::map(std::move(function))));
  return Value::map(std::move(call));
}

static Value makeAssistant(std::vector<Value> calls) {
  std::vector<Value::Entry> message;
  message.push_back(makeEntry("role", Value::trusted("assistant")));
  message.push_back(makeEntry("content", Value::trusted("")));
  message.push_back(makeEntry("tool_calls", Value::list(std::move(calls))));
  return Value::map(std::move(message));
}

static Value makeMessage(std::string_view role, std::string_view content) {
  std::vector<Value::Entry> message;
  message.push_back(makeEntry("role", Value::trusted(role)));
  message.push_back(makeEntry("content", makeText(content)));
  return Value::map(std::move(message));
}

/// Items of "input" as messages of a chat.
static void readItems(Fields &fields, const Value &items,
                      std::vector<Value> &messages) {
  std::vector<Value> calls; // that follow each other: one message
  std::unordered_set<std::string_view> callIds; // so far
  auto flush = [&] {
    if (!calls.empty())
      messages.push_back(makeAssistant(std::move(calls)));
    calls.clear();
  };
  size_t index = 0;
  for (const Value &item : items.items()) {
    std::string path = "input[" + std::to_string(index++) + "]";
    std::string_view type = getText(item, "type");
    if (type == "function_call") {
      bool isValid = false;
      calls.push_back(makeCall(item, isValid));
      callIds.insert(getText(item, "call_id"));
      if (!isValid)
        return fields.fail(path, "'" + path +
                                     "' must have a name and, as 'arguments', "
                                     "the text of a JSON object.");
      continue;
    }
    flush();
    std::string content;
    if (type == "reasoning")
      continue; // thoughts of earlier turns are left out of prompts
    if (type == "function_call_output") {
      std::string_view id = getText(item, "call_id");
      if (id.empty() || callIds.count(id) == 0)
        return fields.fail(path + ".call_id",
                           "'" + path + ".call_id' is '" + std::string(id) +
                               "', but no earlier function_call has this id.",
                           "invalid_value");
      if (!readContent(item.find("output"), content))
        return fields.fail(path, "'" + path + ".output' must be text.",
                           "invalid_type");
      std::vector<Value::Entry> message;
      message.push_back(makeEntry("role", Value::trusted("tool")));
      message.push_back(makeEntry("tool_call_id", makeText(id)));
      message.push_back(makeEntry("content", makeText(content)));
      messages.push_back(Value::map(std::move(message)));
      continue;
    }
    std::string_view role = getText(item, "role");
    if ((!type.empty() && type != "message") || role.empty() ||
        !readContent(item.find("content"), content))
      return fields.fail(
          path,
          "'" + path +
              "' must be a message with a role and text as content, a "
              "function_call or a function_call_output; other items are not "
              "supported.",
          "unsupported_content");
    messages.push_back(makeMessage(role, content));
  }
  flush();
}

/// {"type": "function", "name", ...} as {"type", "function": {"name", ...}}.
static Value nestTools(Fields &fields, const Value &tools) {
  std::vector<Value> nested;
  for (const Value &tool : tools.items()) {
    if (getText(tool, "type") != "function" || getText(tool, "name").empty()) {
      fields.fail("tools", "'tools' may only hold functions with a name.",
                  "unsupported_parameter");
      return Value();
    }
    std::vector<Value::Entry> function;
    for (const Value::Entry &entry : tool.entries())
      if (entry.key.bytes != "type")
        function.push_back(entry);
    std::vector<Value::Entry> outer;
    outer.push_back(makeEntry("type", Value::trusted("function")));
    outer.push_back(makeEntry("function", Value::map(std::move(function))));
    nested.push_back(Value::map(std::move(outer)));
  }
  return Value::list(std::move(nested));
}

/// Members of the answer that repeat the request.
static std::string repeatMembers(const Value &body,
                                 const GenerationRequest &request) {
  JsonText json;
  json.beginObject();
  for (const char *name : {"instructions", "max_output_tokens", "metadata",
                           "tools", "tool_choice", "reasoning"}) {
    const Value *value = body.find(name);
    json.key(name);
    if (value)
      json.raw(text::toCompactJson(*value));
    else if (std::string_view(name) == "tools")
      json.raw("[]");
    else if (std::string_view(name) == "tool_choice")
      json.string("auto");
    else if (std::string_view(name) == "metadata")
      json.raw("{}");
    else
      json.null();
  }
  json.key("parallel_tool_calls").boolean(request.parallelCalls);
  json.key("temperature").number(double(request.common.sampling.temperature));
  json.key("top_p").number(double(request.common.sampling.topP));
  json.memberNull("previous_response_id").key("store").boolean(false);
  json.member("truncation", "disabled");
  const Value *text = body.find("text");
  json.key("text").raw(text && text->isMap() && text->find("format")
                           ? text::toCompactJson(*text)
                           : "{\"format\":{\"type\":\"text\"}}");
  std::string members = json.take();
  return members.substr(1); // without the brace: they follow others
}

/// "include" and "top_logprobs". Thoughts are never encrypted: who asks for
/// that has them in the clear.
static void readIncluded(Fields &fields, GenerationRequest &request) {
  bool wantsLogprobs = false;
  if (const Value *names = fields.getList("include"))
    for (const Value &name : names->items()) {
      std::string_view what = name.isString() ? name.bytes() : "";
      if (what == "message.output_text.logprobs")
        wantsLogprobs = true;
      else if (what != "reasoning.encrypted_content")
        fields.fail("include",
                    "'include' may only hold 'message.output_text.logprobs' "
                    "and 'reasoning.encrypted_content'.",
                    "unsupported_parameter");
    }
  int64_t likeliest = fields.getInteger("top_logprobs", 0, 0, kMostLogprobs);
  if (likeliest > 0 && !wantsLogprobs)
    fields.fail("top_logprobs", "'top_logprobs' needs 'include' to hold "
                                "'message.output_text.logprobs'.");
  request.common.logprobs = wantsLogprobs ? int(likeliest) : -1;
}

ApiError server::readResponsesRequest(const Value &body,
                                      const ModelContext &context,
                                      GenerationRequest &request) {
  ApiError error;
  Fields fields(body, error);
  request.api = Api::Responses;
  readSampling(fields, context, request);
  request.common.limit =
      fields.getInteger("max_output_tokens", -1, 1, INT32_MAX);
  std::vector<Value> messages;
  std::string instructions = fields.getString("instructions");
  if (!instructions.empty())
    messages.push_back(makeMessage("system", instructions));
  const Value *input = fields.find("input");
  if (input && input->isString())
    messages.push_back(makeMessage("user", input->bytes()));
  else if (input && input->isList() && !input->items().empty())
    readItems(fields, *input, messages);
  else
    fields.fail("input",
                "'input' must be a string or an array of at least one item.",
                input ? "invalid_type" : "missing_required_parameter");
  Value tools = readToolChoice(fields, request);
  if (tools.isList())
    tools = nestTools(fields, tools);
  Thinking thinking;
  if (const Value *reasoning = fields.getObject("reasoning")) {
    Fields inner(*reasoning, error, "reasoning.");
    std::string effort = inner.getString("effort");
    thinking.isEnabled =
        !effort.empty() && effort != "none" && effort != "minimal";
    inner.ignore({"summary", "generate_summary"});
    inner.refuseUnknown();
  }
  if (const Value *format = fields.getObject("text")) {
    Fields members(*format, error, "text.");
    if (const Value *inner = members.getObject("format")) {
      Fields format(*inner, error, "text.format.");
      readAnswerFormat(format, /*isNested=*/false, "text.format", request.form);
    }
  }
  fields.refuse("previous_response_id", "this server stores no responses");
  fields.refuse("conversation", "this server stores no conversations");
  fields.refuse("background", "this server answers while the caller waits");
  fields.refuse("prompt", "this server stores no prompts");
  readIncluded(fields, request);
  fields.ignore({"store", "truncation", "stream_options", "max_tool_calls"});
  fields.refuseUnknown();
  if (error)
    return error;
  Value list = Value::list(std::move(messages));
  renderMessages(list, tools, thinking, context, request, error);
  request.form.tools = tools;
  compileForm(thinking, context, request, error);
  checkPromptLength(context, "input", request, error);
  if (error && error.param == "messages")
    error.param = "input";
  request.echoedMembers = repeatMembers(body, request);
  return error;
}
