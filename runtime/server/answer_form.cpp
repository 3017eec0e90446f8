//===- answer_form.cpp - The form that answers must have ------------------===//

#include "runtime/server/answer_form.h"

#include "runtime/core/error.h"
#include "runtime/text/json_value.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

static const char *const kAnyObject = "{\"type\":\"object\"}";

void server::readAnswerFormat(Fields &fields, bool isNested, const char *param,
                              AnswerForm &form) {
  form.param = param;
  std::string type = fields.getString("type");
  if (type == "text")
    return;
  if (type == "json_object") {
    form.schema = kAnyObject;
    return;
  }
  if (type != "json_schema")
    return fields.fail("type",
                       "The type of '" + std::string(param) + "' is '" + type +
                           "', but must be text, json_object or json_schema.");
  const Value *holder = isNested ? fields.getObject("json_schema") : nullptr;
  const Value *schema = isNested ? (holder ? holder->find("schema") : nullptr)
                                 : fields.find("schema");
  if (!schema || !(schema->isMap() || schema->is(Value::Kind::Boolean)))
    return fields.fail(isNested ? "json_schema" : "schema",
                       "'" + std::string(param) +
                           "' of type json_schema needs a schema, an object.",
                       "missing_required_parameter");
  form.schema = text::toCompactJson(*schema);
}

static std::string_view getText(const Value *object, std::string_view key) {
  const Value *value = object ? object->find(key) : nullptr;
  return value && value->isString() ? value->bytes() : std::string_view();
}

static bool isStrict(const Value *function) {
  const Value *strict = function ? function->find("strict") : nullptr;
  return strict && strict->is(Value::Kind::Boolean) && strict->integerValue();
}

gemcut_status GrammarCache::compile(const AnswerForm &form,
                                    constrain::Thought thought,
                                    const char *&param,
                                    constrain::GrammarPtr &grammar) {
  param = form.param;
  std::vector<constrain::Tool> tools;
  bool areStrict = form.mustCall;
  if (form.tools.isList())
    for (const Value &tool : form.tools.items()) {
      const Value *function = tool.find("function");
      if (!form.onlyTool.empty() && getText(function, "name") != form.onlyTool)
        continue;
      const Value *parameters =
          function ? function->find("parameters") : nullptr;
      tools.push_back({std::string(getText(function, "name")),
                       parameters ? text::toCompactJson(*parameters) : ""});
      areStrict |= isStrict(function);
    }
  constrain::GrammarOptions options;
  options.thought = thought;
  if (!tools.empty()) {
    constrain::ToolOptions toolOptions;
    toolOptions.choice = form.mustCall ? constrain::ToolChoice::Required
                                       : constrain::ToolChoice::Auto;
    toolOptions.parallel = form.parallelCalls;
    toolOptions.thought = thought;
    if (!form.mustCall)
      toolOptions.answerSchema = form.schema;
    // What cannot be compiled is the tools' fault, or else the schema's.
    gemcut_status status =
        compileToolCalls(vocabulary, tools, toolOptions, grammar);
    if (status == GEMCUT_OK)
      return status;
    if (form.schema.empty() && !areStrict)
      return GEMCUT_OK;
    constrain::GrammarPtr alone;
    if (form.schema.empty() || form.mustCall ||
        compileJsonSchema(vocabulary, form.schema, options, alone) ==
            GEMCUT_OK) {
      param = "tools";
      return compileToolCalls(vocabulary, tools, toolOptions, grammar);
    }
  }
  return form.schema.empty()
             ? GEMCUT_OK
             : compileJsonSchema(vocabulary, form.schema, options, grammar);
}

GrammarCache::Entry GrammarCache::find(const AnswerForm &form,
                                       constrain::Thought thought,
                                       const text::Tokenizer &tokenizer,
                                       const gemcut_model_info &model,
                                       ApiError &error) {
  std::lock_guard<std::mutex> lock(mutex);
  if (form.schema.empty() && !form.tools.isList())
    return {};
  if (!vocabulary)
    vocabulary = constrain::Vocabulary::build(tokenizer, model.stop_ids,
                                              size_t(model.stop_id_count));
  std::string key = std::to_string(int(thought)) + (form.mustCall ? "m" : "") +
                    (form.parallelCalls ? "p" : "") + "\n" + form.onlyTool +
                    "\n" + form.schema + "\n" + text::toCompactJson(form.tools);
  auto at = std::find_if(known.begin(), known.end(),
                         [&](const auto &entry) { return entry.first == key; });
  if (at != known.end()) {
    constrain::GrammarPtr grammar = at->second;
    known.erase(at);
    known.emplace_front(std::move(key), grammar);
    return {vocabulary, std::move(grammar)};
  }
  constrain::GrammarPtr grammar;
  const char *param = nullptr;
  if (compile(form, thought, param, grammar)) {
    std::string sentence = gemcut_last_error();
    sentence[0] = sentence[0] >= 'a' && sentence[0] <= 'z'
                      ? char(sentence[0] - 32)
                      : sentence[0];
    error = makeError(400, sentence + ".", "invalid_json_schema");
    error.param = param;
    return {};
  }
  known.emplace_front(std::move(key), grammar);
  if (known.size() > kMostGrammars)
    known.pop_back();
  return {vocabulary, std::move(grammar)};
}
