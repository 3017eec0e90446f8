//===- completion_request.cpp - Bodies of /v1/completions -----------------===//

#include "runtime/server/generation_request.h"

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

static constexpr size_t kMostPrompts = 64;

/// A text, in which control tokens may be spelled out; <bos> comes in front.
static std::vector<int32_t> encodePrompt(std::string_view text,
                                         const ModelContext &context) {
  std::vector<int32_t> ids;
  context.tokenizer->encode(text, /*parseSpecial=*/true, ids);
  int32_t bos = context.model->special.bos;
  if (bos >= 0 && (ids.empty() || ids[0] != bos))
    ids.insert(ids.begin(), bos);
  return ids;
}

static bool isIds(const Value &value) {
  if (!value.isList() || value.items().empty())
    return false;
  for (const Value &item : value.items())
    if (!item.is(Value::Kind::Integer))
      return false;
  return true;
}

static void readPrompts(Fields &fields, const ModelContext &context,
                        GenerationRequest &request) {
  const Value *prompt = fields.find("prompt");
  std::vector<Value> list;
  if (prompt && prompt->isList() && !isIds(*prompt))
    list = prompt->items();
  else if (prompt)
    list.push_back(*prompt);
  if (list.empty() || list.size() > kMostPrompts)
    return fields.fail(
        "prompt",
        "'prompt' must be a string, an array of token ids, or an "
        "array of at most " +
            std::to_string(kMostPrompts) + " of these.",
        prompt ? "invalid_value" : "missing_required_parameter");
  for (const Value &entry : list) {
    if (entry.isString()) {
      request.prompts.push_back(encodePrompt(entry.bytes(), context));
      continue;
    }
    if (!isIds(entry))
      return fields.fail("prompt",
                         "'prompt' has an entry that is neither a string nor "
                         "an array of token ids.",
                         "invalid_type");
    request.prompts.emplace_back();
    for (const Value &id : entry.items()) {
      if (id.integerValue() < 0 ||
          id.integerValue() >= context.model->vocab_size)
        return fields.fail("prompt",
                           "'prompt' has the token id " +
                               std::to_string(id.integerValue()) +
                               ", but ids are below " +
                               std::to_string(context.model->vocab_size) + ".");
      request.prompts.back().push_back(int32_t(id.integerValue()));
    }
  }
}

ApiError server::readCompletionRequest(const Value &body,
                                       const ModelContext &context,
                                       GenerationRequest &request) {
  ApiError error;
  Fields fields(body, error);
  request.api = Api::Completions;
  readSampling(fields, context, request);
  readStops(fields, request);
  readPrompts(fields, context, request);
  request.choices = int(fields.getInteger("n", 1, 1, kMostChoices));
  // OpenAI's default.
  request.common.limit = fields.getInteger("max_tokens", 16, 1, INT32_MAX);
  request.common.logprobs =
      int(fields.getInteger("logprobs", -1, 0, kMostLogprobs));
  request.echo = fields.getBool("echo", false);
  if (request.echo && request.common.logprobs >= 0)
    fields.fail("echo", "'echo' together with 'logprobs' is not supported.",
                "unsupported_parameter");
  if (fields.getInteger("best_of", request.choices, 1, kMostChoices) !=
      request.choices)
    fields.fail("best_of", "'best_of' other than 'n' is not supported.",
                "unsupported_parameter");
  if (const Value *options = fields.getObject("stream_options")) {
    Fields inner(*options, error, "stream_options.");
    request.includeUsage = inner.getBool("include_usage", false);
    inner.ignore({"include_obfuscation"});
    inner.refuseUnknown();
  }
  readAnswerForm(fields, request.form, error);
  fields.refuse("suffix", "the model does not fill in the middle");
  fields.refuseUnknown();
  compileForm(/*thinking=*/{}, context, request, error);
  checkPromptLength(context, "prompt", request, error);
  return error;
}
