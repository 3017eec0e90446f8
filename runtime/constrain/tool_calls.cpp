//===- tool_calls.cpp - Answers that call declared tools ------------------===//
//
// The syntax of the chat format:
// <|tool_call>call:NAME{key:value,...}<tool_call|> without separators between
// calls.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/grammar_masks.h"
#include "runtime/constrain/json_schema.h"
#include "runtime/core/error.h"

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

/// Adds one call, with its tokens, from `from` to `to`.
static gemcut_status addCalls(NetworkBuilder &builder, ValueSyntax &syntax,
                              const Vocabulary &vocabulary,
                              const std::vector<Tool> &tools, uint32_t from,
                              uint32_t to) {
  uint32_t name = builder.addNode(), end = builder.addNode();
  uint32_t call = builder.addNode();
  builder.addSpecial(from, vocabulary.role(GEMCUT_TOKEN_TOOL_CALL_OPEN), call);
  builder.addText(call, "call:", name);
  builder.addSpecial(end, vocabulary.role(GEMCUT_TOKEN_TOOL_CALL_CLOSE), to);
  for (const Tool &tool : tools) {
    if (tool.name.empty())
      return fail(GEMCUT_INVALID_ARGUMENT, "a tool has no name");
    std::string what = "the schema of tool '" + tool.name + "'";
    Json schema = {{"type", "object"}};
    if (!tool.parameters.empty())
      if (gemcut_status status =
              parseJson(tool.parameters, what.c_str(), schema))
        return status;
    // Requests may leave out that arguments are an object.
    if (schema.is_null() || (schema.is_object() && schema.empty()))
      schema = {{"type", "object"}};
    if (schema.is_boolean() || (schema.is_object() && schema.contains("type") &&
                                schema["type"] != "object"))
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "%s must describe an object: \"type\": \"object\"",
                  what.c_str());
    if (schema.is_object() && !schema.contains("type") &&
        !schema.contains("$ref") && !schema.contains("anyOf") &&
        !schema.contains("oneOf") && !schema.contains("allOf"))
      schema["type"] = "object";
    uint32_t arguments = builder.addNode();
    builder.addText(name, tool.name, arguments);
    if (gemcut_status status =
            addSchema(builder, syntax, schema, what.c_str(), arguments, end))
      return status;
  }
  return GEMCUT_OK;
}

gemcut_status constrain::compileToolCalls(const VocabularyPtr &vocabulary,
                                          const std::vector<Tool> &tools,
                                          const ToolOptions &options,
                                          GrammarPtr &grammar) {
  if (tools.empty())
    return fail(GEMCUT_INVALID_ARGUMENT, "there is no tool to call");
  for (gemcut_token_role role :
       {GEMCUT_TOKEN_TOOL_CALL_OPEN, GEMCUT_TOKEN_TOOL_CALL_CLOSE,
        GEMCUT_TOKEN_QUOTE})
    if (vocabulary->role(role) < 0)
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "the vocabulary lacks <|tool_call>, <tool_call|> or <|\"|>, "
                  "so this model calls no tools");
  NetworkBuilder builder;
  uint32_t root = builder.addRule("the answer"), from = builder.startOf(root);
  uint32_t end = builder.endOf(root), after = builder.addNode();
  ValueSyntax syntax(builder, vocabulary->role(GEMCUT_TOKEN_QUOTE));
  ValueSyntax json(builder, /*quoteId=*/-1);
  bool hasSchema = !options.answerSchema.empty();
  if (options.choice == ToolChoice::Auto && !hasSchema) {
    // Anything, thoughts and other special tokens included, but calls.
    uint32_t free = builder.addNode();
    builder.addMove(from, free);
    builder.addEdge(free, 0, kOtherSpecial, free);
    builder.setRun(free, {kUnbounded, kUnbounded});
    builder.addMove(free, end);
    from = free;
  } else if (gemcut_status status = addThought(builder, *vocabulary,
                                               options.thought, from, from)) {
    return status;
  }
  if (options.choice == ToolChoice::Auto && hasSchema) {
    Json schema;
    if (gemcut_status status =
            parseJson(options.answerSchema, "the schema", schema))
      return status;
    uint32_t answer = builder.addNode();
    builder.addMove(from, answer);
    if (gemcut_status status =
            addSchema(builder, json, schema, "the schema", answer, end))
      return status;
  }
  uint32_t begin = builder.addNode();
  builder.addMove(from, begin);
  if (gemcut_status status =
          addCalls(builder, syntax, *vocabulary, tools, begin, after))
    return status;
  builder.addMove(after, end);
  if (options.parallel)
    builder.addMove(after, begin);
  return makeGrammar(vocabulary, builder, "the tools", grammar);
}
