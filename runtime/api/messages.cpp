//===- messages.cpp - Conversations that callers keep ---------------------===//

#include "runtime/api/generation.h"
#include "runtime/api/sized_struct.h"
#include "runtime/text/call_arguments.h"
#include "runtime/text/json_reader.h"
#include "runtime/text/message_rules.h"

using namespace gemcut;
using namespace gemcut::api;
using text::Value;

static gemcut_status parseList(const char *json, const char *what, Value &out) {
  std::string error;
  if (!json)
    return fail(GEMCUT_INVALID_ARGUMENT, "the %s are null", what);
  if (text::parseJson(json, &out, &error))
    return fail(GEMCUT_INVALID_ARGUMENT, "the %s are no JSON: %s", what,
                error.c_str());
  if (!out.isList())
    return fail(GEMCUT_INVALID_ARGUMENT, "the %s must be a JSON array", what);
  return GEMCUT_OK;
}

static gemcut_status readMessages(const char *json, Value &messages) {
  if (gemcut_status status = parseList(json, "messages", messages))
    return status;
  if (messages.items().empty())
    return fail(GEMCUT_INVALID_ARGUMENT, "there must be one message at least");
  if (auto fault = text::findMessageFault(messages))
    return fail(GEMCUT_INVALID_ARGUMENT, "%s %s", fault->place.c_str(),
                fault->rule.c_str());
  messages = text::readCallArguments(messages);
  return GEMCUT_OK;
}

/// What `given` says about tools, for the prompt and the grammar.
static gemcut_status readTools(const gemcut_messages_options &given,
                               constrain::AnswerForm &form) {
  form.parallelCalls = given.parallel_calls != 0;
  if (given.tool_choice < GEMCUT_TOOL_AUTO ||
      given.tool_choice > GEMCUT_TOOL_REQUIRED)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "tool_choice is %d, but must be 0 to 2",
                int(given.tool_choice));
  Value tools;
  if (given.tools)
    if (gemcut_status status = parseList(given.tools, "tools", tools))
      return status;
  bool isKnown = false;
  size_t count = tools.isList() ? tools.items().size() : 0;
  if (count > 0)
    if (auto fault = text::findToolFault(tools))
      return fail(GEMCUT_INVALID_ARGUMENT, "%s %s", fault->place.c_str(),
                  fault->rule.c_str());
  for (size_t i = 0; i < count && given.tool_name; ++i)
    isKnown |= tools.items()[i].find("function")->find("name")->bytes() ==
               given.tool_name;
  if (given.tool_choice == GEMCUT_TOOL_REQUIRED) {
    form.mustCall = true;
    form.onlyTool = given.tool_name ? given.tool_name : "";
    if (count == 0)
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "a call is required, but there is no tool");
    if (given.tool_name && !isKnown)
      return fail(GEMCUT_INVALID_ARGUMENT, "there is no tool '%s'",
                  given.tool_name);
  }
  if (count > 0 && given.tool_choice != GEMCUT_TOOL_NONE)
    form.tools = tools;
  return GEMCUT_OK;
}

static size_t countCalls(const Value &messages) {
  size_t count = 0;
  for (const Value &message : messages.items()) {
    const Value *calls = message.find("tool_calls");
    count += calls && calls->isList() ? calls->items().size() : 0;
  }
  return count;
}

gemcut_status gemcut_chat_messages(gemcut_session *session,
                                   const char *messagesJson,
                                   const gemcut_messages_options *given,
                                   const gemcut_generate_options *givenOptions,
                                   gemcut_generate_result *result) {
  if (gemcut_status status = requireHandle(session, "session"))
    return status;
  gemcut_messages_options what = GEMCUT_MESSAGES_OPTIONS;
  if (gemcut_status status = readStruct(given, "gemcut_messages_options", what))
    return status;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  if (gemcut_status status =
          readStruct(givenOptions, "gemcut_generate_options", options))
    return status;
  const gemcut_engine &engine = *session->engine;
  if (gemcut_status status = engine.requireTokenizer())
    return status;
  Value messages;
  if (gemcut_status status = readMessages(messagesJson, messages))
    return status;
  constrain::AnswerForm form;
  if (gemcut_status status = readTools(what, form))
    return status;
  std::vector<int32_t> ids, rest;
  if (gemcut_status status =
          session->dialogue.render(messages, form.tools, what.think != 0, ids))
    return status;
  StreamForm stream;
  stream.isTurn = true;
  stream.insideThought = text::endsInThought(ids, engine.tokenizer);
  stream.mayCall = form.tools.isList();
  stream.parallelCalls = form.parallelCalls;
  stream.firstCall = countCalls(messages);
  constrain::Thought thought = stream.insideThought ? constrain::Thought::Open
                               : what.think ? constrain::Thought::Allowed
                                            : constrain::Thought::None;
  AnswerRules rules;
  if (what.tools && what.tool_choice == GEMCUT_TOOL_NONE)
    rules.forbidden = engine.tokenizer.role(GEMCUT_TOKEN_TOOL_CALL_OPEN);
  if (gemcut_status status =
          findGrammar(engine, options, form, thought, rules.grammar))
    return status;
  if (gemcut_status status = session->dialogue.keepCommon(ids, rest))
    return status;
  Stream to(engine, options, stream, /*answer=*/nullptr);
  return generateInto(to, *session, rest.data(), rest.size(), options, rules,
                      result);
}
