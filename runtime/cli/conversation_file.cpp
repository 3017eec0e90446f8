//===- conversation_file.cpp - Conversations in files ---------------------===//

#include "runtime/cli/conversation_file.h"

#include "runtime/cli/ids.h"
#include "runtime/core/error.h"
#include "runtime/core/replace_file.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/json_reader.h"
#include "runtime/text/json_writer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

using namespace gemcut;
using text::MarkedText;
using text::Value;

gemcut_status cli::saveConversation(const char *path, const char *model,
                                    const std::vector<Value> &turns) {
  std::vector<Value::Entry> entries;
  entries.push_back({MarkedText::trusted("model"), Value::trusted(model)});
  entries.push_back({MarkedText::trusted("messages"), Value::list(turns)});
  MarkedText json;
  text::JsonStyle style;
  style.indent = 1;
  if (!writeJson(Value::map(std::move(entries)), style, json))
    return fail(GEMCUT_INVALID_ARGUMENT, "the conversation has no JSON form");
  json.appendTrusted("\n");

  if (gemcut_status status = checkReplaceable(path))
    return status;
  Replacement file;
  if (file.open(path, 0600) &&
      fwrite(json.bytes.data(), 1, json.size(), file.stream()) == json.size() &&
      file.commit(/*isDurable=*/true))
    return GEMCUT_OK;
  return fail(GEMCUT_SYSTEM_ERROR, "%s: cannot be written: %s", path,
              strerror(errno));
}

gemcut_status cli::loadConversation(const char *path,
                                    std::vector<Value> &turns) {
  std::string json, error;
  if (gemcut_status status = readFile(path, json))
    return status;
  Value value;
  if (gemcut_status status = text::parseJson(json, &value, &error))
    return fail(status, "%s: %s", path, error.c_str());
  const Value *messages = value.isMap() ? value.find("messages") : &value;
  if (!messages || !messages->isList())
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s: holds no list of messages, as /save writes it", path);
  std::vector<Value> read;
  for (const Value &message : messages->items()) {
    const Value *role = message.find("role");
    const Value *content = message.find("content");
    bool isKnown = role && role->isString() &&
                   (role->bytes() == "user" || role->bytes() == "assistant" ||
                    (role->bytes() == "system" && read.empty()));
    if (!isKnown || !content || !content->isString())
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "%s: message %zu has not a role of user or assistant (of "
                  "the first one also system) and a string as content",
                  path, read.size() + 1);
    read.push_back(text::makeMessage(role->bytes(), content->bytes()));
  }
  turns = std::move(read);
  return GEMCUT_OK;
}
