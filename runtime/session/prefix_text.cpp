//===- prefix_text.cpp - The beginning of conversations -------------------===//

#include "runtime/session/prefix_text.h"

#include "runtime/core/error.h"
#include "runtime/text/json_reader.h"
#include "runtime/text/message_rules.h"

#include <algorithm>

using namespace gemcut;
using text::Value;

gemcut_status gemcut::readPrefixText(std::string_view json, const char *name,
                                     PrefixText &out) {
  Value value;
  std::string error;
  if (gemcut_status status = text::parseJson(json, &value, &error))
    return fail(status, "%s: %s", name, error.c_str());
  const Value *messages = &value;
  if (value.isMap()) {
    messages = value.find("messages");
    for (const Value::Entry &entry : value.entries())
      if (entry.key.bytes != "messages" && entry.key.bytes != "tools" &&
          entry.key.bytes != "enable_thinking")
        return fail(GEMCUT_INVALID_ARGUMENT,
                    "%s: has a member '%s', but \"messages\", \"tools\" and "
                    "\"enable_thinking\" are all that it can have",
                    name, entry.key.bytes.c_str());
  }
  if (!messages || !messages->isList() || messages->items().empty())
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s: holds no list of at least one message", name);
  if (auto fault = text::findMessageFault(*messages))
    return fail(GEMCUT_INVALID_ARGUMENT, "%s: %s %s", name,
                fault->place.c_str(), fault->rule.c_str());
  out.messages = messages->items();
  const Value *tools = value.find("tools");
  if (tools && !tools->isList())
    return fail(GEMCUT_INVALID_ARGUMENT, "%s: \"tools\" is no list", name);
  if (tools)
    if (auto fault = text::findToolFault(*tools))
      return fail(GEMCUT_INVALID_ARGUMENT, "%s: %s %s", name,
                  fault->place.c_str(), fault->rule.c_str());
  out.tools = tools ? *tools : Value();
  const Value *think = value.find("enable_thinking");
  if (think && !think->is(Value::Kind::Boolean))
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s: \"enable_thinking\" is neither true nor false", name);
  out.think = think && text::isTrue(*think);
  return GEMCUT_OK;
}

gemcut_status gemcut::encodePrefix(const PrefixText &prefix,
                                   const text::ChatTemplate &chat,
                                   const text::Tokenizer &tokenizer,
                                   std::vector<int32_t> &ids) {
  text::ChatOptions options = text::makeChatOptions(tokenizer);
  options.enableThinking = prefix.think;
  bool isFirst = true;
  // What is the same whatever follows: tokens may reach across the border
  // between the prefix and a text.
  for (const char *next : {"A", "z", "0", "\n", " x", "(", ".", "\xc3\xa9"}) {
    std::vector<Value> messages = prefix.messages;
    messages.push_back(text::makeMessage("user", next));
    text::MarkedText rendered;
    std::string error;
    if (gemcut_status status =
            chat.render(Value::list(std::move(messages)), prefix.tools, options,
                        &rendered, &error))
      return fail(status, "the prefix cannot be rendered: %s", error.c_str());
    std::vector<int32_t> all;
    tokenizer.encode(rendered, all);
    if (isFirst) {
      ids = std::move(all);
      isFirst = false;
      continue;
    }
    size_t most = std::min(ids.size(), all.size());
    size_t same = 0;
    while (same < most && ids[same] == all[same])
      ++same;
    ids.resize(same);
  }
  return GEMCUT_OK;
}
