//===- answer_form.cpp - The form that answers must have ------------------===//

#include "runtime/constrain/answer_form.h"

#include "runtime/constrain/grammar_masks.h"
#include "runtime/constrain/vocabulary.h"
#include "runtime/text/json_writer.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;
using text::Value;

static std::string_view getText(const Value *object, std::string_view key) {
  const Value *value = object ? object->find(key) : nullptr;
  return value && value->isString() ? value->bytes() : std::string_view();
}

static bool isStrict(const Value *function) {
  const Value *strict = function ? function->find("strict") : nullptr;
  return strict && strict->is(Value::Kind::Boolean) && strict->integerValue();
}

gemcut_status GrammarCache::compile(const AnswerForm &form, Thought thought,
                                    FormPart &atFault,
                                    GrammarPtr &grammar) const {
  atFault = FormPart::Answer;
  std::vector<Tool> tools;
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
  GrammarOptions options;
  options.thought = thought;
  if (!tools.empty()) {
    ToolOptions toolOptions;
    toolOptions.choice =
        form.mustCall ? ToolChoice::Required : ToolChoice::Auto;
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
    GrammarPtr alone;
    if (form.schema.empty() || form.mustCall ||
        compileJsonSchema(vocabulary, form.schema, options, alone) ==
            GEMCUT_OK) {
      atFault = FormPart::Tools;
      return compileToolCalls(vocabulary, tools, toolOptions, grammar);
    }
  }
  if (!form.schema.empty())
    return compileJsonSchema(vocabulary, form.schema, options, grammar);
  if (!form.pattern.empty())
    return compileRegex(vocabulary, form.pattern, options, grammar);
  return GEMCUT_OK;
}

void GrammarCache::needVocabulary(const text::Tokenizer &tokenizer,
                                  const gemcut_model_info &model) {
  if (!vocabulary)
    vocabulary = Vocabulary::build(tokenizer, model.stop_ids,
                                   size_t(model.stop_id_count));
}

void GrammarCache::prepare(const text::Tokenizer &tokenizer,
                           const gemcut_model_info &model) {
  std::lock_guard<std::mutex> lock(mutex);
  needVocabulary(tokenizer, model);
}

uint64_t GrammarCache::getMostBytes(int32_t vocabSize) {
  // Tries of the vocabulary: nodes of 12 bytes, about three per token.
  uint64_t tries = uint64_t(vocabSize) * 40;
  uint64_t mask = (uint64_t(vocabSize) + 31) / 32 * 4;
  return tries +
         kMostGrammars * (Grammar::kMostBytes + Grammar::kMostMasks * mask);
}

gemcut_status GrammarCache::find(const AnswerForm &form, Thought thought,
                                 const text::Tokenizer &tokenizer,
                                 const gemcut_model_info &model, Entry &out,
                                 FormPart &atFault) {
  out = {};
  if (form.schema.empty() && form.pattern.empty() && !form.tools.isList())
    return GEMCUT_OK;
  std::lock_guard<std::mutex> lock(mutex);
  needVocabulary(tokenizer, model);
  std::string key = std::to_string(int(thought)) + (form.mustCall ? "m" : "") +
                    (form.parallelCalls ? "p" : "");
  for (const std::string &part : {form.onlyTool, form.schema, form.pattern})
    key += "\n" + std::to_string(part.size()) + ":" + part;
  key += "\n" + text::toCompactJson(form.tools);
  auto at = std::find_if(known.begin(), known.end(),
                         [&](const auto &entry) { return entry.first == key; });
  if (at != known.end()) {
    std::rotate(at, at + 1, known.end());
  } else {
    GrammarPtr grammar;
    if (gemcut_status status = compile(form, thought, atFault, grammar))
      return status;
    if (known.size() == kMostGrammars)
      known.erase(known.begin());
    known.emplace_back(std::move(key), std::move(grammar));
  }
  out = {vocabulary, known.back().second};
  return GEMCUT_OK;
}
