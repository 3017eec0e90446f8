//===- completion_format.cpp - Answers of /v1/completions -----------------===//

#include "runtime/server/choices_format.h"

using namespace gemcut;
using namespace gemcut::server;

namespace {

class CompletionFormat final : public ChoicesFormat {
public:
  CompletionFormat(const GenerationRequest &request,
                   const ModelContext &context)
      : ChoicesFormat(request, context, "cmpl-", "text_completion") {}

  void begin(std::string &out) override;

private:
  void stream(const AnswerEvent &event, AnswerState &state,
              std::string &out) override;
  void addWholeChoice(JsonText &json, size_t index) const override;
  void addChoice(JsonText &json, size_t index, std::string_view text,
                 const std::vector<BatchToken> &logprobs,
                 const char *finishReason) const;
  std::string getPrompt(size_t index) const;
};

} // namespace

std::string CompletionFormat::getPrompt(size_t index) const {
  const std::vector<int32_t> &ids =
      request.prompts[index / size_t(request.choices)];
  return context.tokenizer->decode(ids, /*showSpecial=*/false);
}

void CompletionFormat::addChoice(JsonText &json, size_t index,
                                 std::string_view text,
                                 const std::vector<BatchToken> &logprobs,
                                 const char *finishReason) const {
  json.beginObject().member("text", text);
  json.memberInteger("index", int64_t(index)).key("logprobs");
  if (request.common.logprobs < 0) {
    json.null();
  } else {
    json.beginObject().key("tokens").beginArray();
    for (const BatchToken &token : logprobs)
      json.string(getTokenText(token.id));
    json.endArray().key("token_logprobs").beginArray();
    for (const BatchToken &token : logprobs)
      json.number(token.chosen.logprob);
    json.endArray().key("top_logprobs").beginArray();
    for (const BatchToken &token : logprobs) {
      json.beginObject();
      for (const TokenLogprob &likely : token.likeliest)
        json.key(getTokenText(likely.id)).number(likely.logprob);
      json.endObject();
    }
    json.endArray().endObject();
  }
  json.key("finish_reason");
  finishReason ? json.string(finishReason) : json.null();
  json.endObject();
}

void CompletionFormat::begin(std::string &out) {
  if (!request.echo)
    return;
  for (size_t i = 0; i < answers.size(); ++i) {
    JsonText choice;
    addChoice(choice, i, getPrompt(i), {}, nullptr);
    appendChunk(out, choice);
  }
}

void CompletionFormat::stream(const AnswerEvent &event, AnswerState &state,
                              std::string &out) {
  JsonText choice;
  addChoice(choice, event.index, event.text, event.logprobs,
            event.kind == AnswerEvent::End ? state.getFinishReason() : nullptr);
  appendChunk(out, choice);
}

void CompletionFormat::addWholeChoice(JsonText &json, size_t index) const {
  const AnswerState &state = answers[index];
  addChoice(json, index,
            (request.echo ? getPrompt(index) : std::string()) + state.content,
            state.logprobs, state.getFinishReason());
}

std::unique_ptr<AnswerFormat>
server::makeCompletionFormat(const GenerationRequest &request,
                             const ModelContext &context) {
  return std::make_unique<CompletionFormat>(request, context);
}
