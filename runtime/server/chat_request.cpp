//===- chat_request.cpp - Bodies of /v1/chat/completions ------------------===//

#include "runtime/server/generation_request.h"
#include "runtime/text/call_arguments.h"
#include "runtime/text/message_rules.h"

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

static constexpr int64_t kMostTokens = INT32_MAX;

/// Refuses what a message may not hold; the chat format's own rules come later.
static void checkMessages(Fields &fields, const Value *messages) {
  if (!messages || messages->items().empty())
    return fields.fail(
        "messages", "'messages' must be an array of at least one message.",
        messages ? "invalid_value" : "missing_required_parameter");
  if (auto fault = text::findMessageFault(*messages))
    fields.fail(fault->place, "'" + fault->place + "' " + fault->rule + ".",
                fault->isUnsupported ? "unsupported_content" : "invalid_value");
}

static Thinking readThinking(Fields &fields, ApiError &error) {
  Thinking thinking;
  std::string effort = fields.getString("reasoning_effort");
  if (const Value *reasoning = fields.getObject("reasoning")) {
    Fields inner(*reasoning, error, "reasoning.");
    effort = inner.getString("effort", effort);
    if (inner.getBool("enabled", false) && effort.empty())
      effort = "medium";
    inner.ignore({"summary", "generate_summary", "exclude"});
    inner.refuseUnknown();
  }
  if (!effort.empty() && effort != "none" && effort != "minimal" &&
      effort != "low" && effort != "medium" && effort != "high" &&
      effort != "xhigh")
    fields.fail("reasoning_effort",
                "'reasoning_effort' is '" + effort +
                    "', but must be none, minimal, low, medium or high.");
  thinking.isEnabled =
      !effort.empty() && effort != "none" && effort != "minimal";
  if (const Value *variables = fields.getObject("chat_template_kwargs")) {
    Fields inner(*variables, error, "chat_template_kwargs.");
    thinking.isEnabled = inner.getBool("enable_thinking", thinking.isEnabled);
    thinking.isPreserved = inner.getBool("preserve_thinking", false);
    inner.refuseUnknown();
  }
  return thinking;
}

static void checkTools(Fields &fields, const Value &tools) {
  if (auto fault = text::findToolFault(tools))
    fields.fail(fault->place, "'" + fault->place + "' " + fault->rule + ".");
}

/// Whether there is a tool of this name; "": any.
static bool hasTool(const Value &tools, std::string_view name) {
  if (!tools.isList())
    return false;
  for (const Value &tool : tools.items()) {
    const Value *function = tool.find("function");
    const Value *known = (function ? *function : tool).find("name");
    if (name.empty() || (known && known->isString() && known->bytes() == name))
      return true;
  }
  return false;
}

Value server::readToolChoice(Fields &fields, GenerationRequest &request) {
  const Value *tools = fields.getList("tools"),
              *choice = fields.find("tool_choice");
  request.parallelCalls = fields.getBool("parallel_tool_calls", true);
  Value shown;
  if (tools && !tools->items().empty())
    shown = *tools;
  std::string_view how = !choice              ? "auto"
                         : choice->isString() ? choice->bytes()
                                              : "";
  if (how == "none")
    return Value();
  // {"type": "function", "function": {"name"}}; of responses {"type", "name"}.
  const Value *named = choice ? choice->find("function") : nullptr;
  const Value *name = named    ? named->find("name")
                      : choice ? choice->find("name")
                               : nullptr;
  if (name && name->isString()) {
    request.form.onlyTool = name->bytes();
    how = "required";
  }
  request.form.mustCall = how == "required";
  if (how != "auto" && how != "required")
    fields.fail(
        "tool_choice",
        "'tool_choice' must be 'auto', 'none', 'required' or a function "
        "with its name.");
  if (request.form.mustCall && !hasTool(shown, request.form.onlyTool))
    fields.fail("tool_choice", request.form.onlyTool.empty()
                                   ? "'tool_choice' needs 'tools'."
                                   : "'tool_choice' names a function that is "
                                     "not among 'tools'.");
  request.mayCallTools = !shown.isUndefined();
  return shown;
}

ApiError server::readChatRequest(const Value &body, const ModelContext &context,
                                 GenerationRequest &request) {
  ApiError error;
  Fields fields(body, error);
  request.api = Api::Chat;
  readSampling(fields, context, request);
  readStops(fields, request);
  const Value *messages = fields.getList("messages");
  checkMessages(fields, messages);
  request.choices = int(fields.getInteger("n", 1, 1, kMostChoices));
  int64_t limit = fields.getInteger("max_tokens", -1, 1, kMostTokens);
  request.common.limit =
      fields.getInteger("max_completion_tokens", limit, 1, kMostTokens);
  bool wantsLogprobs = fields.getBool("logprobs", false);
  int64_t likeliest = fields.getInteger("top_logprobs", 0, 0, kMostLogprobs);
  if (likeliest > 0 && !wantsLogprobs)
    fields.fail("top_logprobs", "'top_logprobs' needs 'logprobs' to be true.");
  request.common.logprobs = wantsLogprobs ? int(likeliest) : -1;
  if (const Value *options = fields.getObject("stream_options")) {
    Fields inner(*options, error, "stream_options.");
    request.includeUsage = inner.getBool("include_usage", false);
    inner.ignore({"include_obfuscation"});
    inner.refuseUnknown();
    if (!request.stream)
      fields.fail("stream_options", "'stream_options' needs 'stream'.");
  }
  Value tools = readToolChoice(fields, request);
  if (tools.isList())
    checkTools(fields, tools);
  Thinking thinking = readThinking(fields, error);
  readAnswerForm(fields, request.form, error);
  if (!request.form.pattern.empty() && tools.isList())
    fields.fail(request.form.param,
                "A regular expression and 'tools' exclude each other.");
  if (const Value *modalities = fields.getList("modalities"))
    for (const Value &modality : modalities->items())
      if (!modality.isString() || modality.bytes() != "text")
        fields.fail("modalities", "'modalities' may only hold 'text'.",
                    "unsupported_parameter");
  fields.ignore({"store"});
  fields.refuse("audio", "this server takes and gives text only");
  fields.refuse("functions", "give 'tools' instead");
  fields.refuse("function_call", "give 'tool_choice' instead");
  fields.refuse("web_search_options", "this server searches nothing");
  fields.refuse("prediction", "there is no use for predicted answers");
  fields.refuseUnknown();
  if (error)
    return error;
  renderMessages(text::readCallArguments(*messages), tools, thinking, context,
                 request, error);
  request.form.tools = tools;
  compileForm(thinking, context, request, error);
  checkPromptLength(context, "messages", request, error);
  return error;
}
