//===- completion_format.cpp - Answers of /v1/completions -----------------===//

#include "runtime/server/answer_format.h"

using namespace gemcut;
using namespace gemcut::server;

namespace {

class CompletionFormat final : public AnswerFormat {
public:
  CompletionFormat(const GenerationRequest &request,
                   const ModelContext &context)
      : AnswerFormat(request, context) {
    id = makeId("cmpl-");
  }

  void begin(std::string &out) override;
  void end(std::string &out) override;
  std::string getWhole() override;

private:
  void stream(const AnswerEvent &event, AnswerState &state,
              std::string &out) override;
  void openObject(JsonText &json) const;
  void addChoice(JsonText &json, size_t index, std::string_view text,
                 const std::vector<BatchToken> &logprobs,
                 const char *finishReason) const;
  std::string getPrompt(size_t index) const;
};

} // namespace

void CompletionFormat::openObject(JsonText &json) const {
  json.beginObject().member("id", id).member("object", "text_completion");
  json.memberInteger("created", created).member("model", context.name);
}

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
    JsonText json;
    openObject(json);
    json.key("choices").beginArray();
    addChoice(json, i, getPrompt(i), {}, nullptr);
    json.endArray().endObject();
    appendEvent(out, json.str());
  }
}

void CompletionFormat::stream(const AnswerEvent &event, AnswerState &state,
                              std::string &out) {
  JsonText json;
  openObject(json);
  json.key("choices").beginArray();
  addChoice(json, event.index, event.text, event.logprobs,
            event.kind == AnswerEvent::End ? state.getFinishReason() : nullptr);
  json.endArray().endObject();
  appendEvent(out, json.str());
}

void CompletionFormat::end(std::string &out) {
  if (request.includeUsage) {
    JsonText json;
    openObject(json);
    json.key("choices").raw("[]");
    addUsage(json);
    json.endObject();
    appendEvent(out, json.str());
  }
  appendEvent(out, "[DONE]");
}

std::string CompletionFormat::getWhole() {
  JsonText json;
  openObject(json);
  json.key("choices").beginArray();
  for (size_t i = 0; i < answers.size(); ++i)
    addChoice(json, i,
              (request.echo ? getPrompt(i) : std::string()) +
                  answers[i].content,
              answers[i].logprobs, answers[i].getFinishReason());
  json.endArray();
  addUsage(json);
  json.endObject();
  return json.take();
}

std::unique_ptr<AnswerFormat>
server::makeCompletionFormat(const GenerationRequest &request,
                             const ModelContext &context) {
  return std::make_unique<CompletionFormat>(request, context);
}
