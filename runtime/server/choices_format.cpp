//===- choices_format.cpp - Answers that are choices ----------------------===//

#include "runtime/server/choices_format.h"

using namespace gemcut;
using namespace gemcut::server;

ChoicesFormat::ChoicesFormat(const GenerationRequest &request,
                             const ModelContext &context, const char *idPrefix,
                             const char *object)
    : AnswerFormat(request, context), object(object) {
  id = makeId(idPrefix);
}

void ChoicesFormat::open(JsonText &json) const {
  json.beginObject().member("id", id).member("object", object);
  json.memberInteger("created", created).member("model", context.name);
  json.key("choices");
}

void ChoicesFormat::appendChunk(std::string &out,
                                const JsonText &choice) const {
  JsonText json;
  open(json);
  json.beginArray().raw(choice.str()).endArray();
  if (request.includeUsage)
    json.memberNull("usage");
  json.endObject();
  appendEvent(out, json.str());
}

void ChoicesFormat::end(std::string &out) {
  if (request.includeUsage) {
    JsonText json;
    open(json);
    json.raw("[]");
    addUsage(json);
    json.endObject();
    appendEvent(out, json.str());
  }
  appendEvent(out, "[DONE]");
}

std::string ChoicesFormat::getWhole() {
  JsonText json;
  open(json);
  json.beginArray();
  for (size_t i = 0; i < answers.size(); ++i)
    addWholeChoice(json, i);
  json.endArray();
  addUsage(json);
  json.endObject();
  return json.take();
}
