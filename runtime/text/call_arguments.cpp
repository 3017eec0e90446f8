//===- call_arguments.cpp - Arguments of calls in messages ----------------===//

#include "runtime/text/call_arguments.h"

#include "runtime/text/json_value.h"

using namespace gemcut::text;

/// A copy of a map in which the member `key` is `value`.
static Value replaceMember(const Value &map, std::string_view key,
                           Value value) {
  std::vector<Value::Entry> entries = map.entries();
  for (Value::Entry &entry : entries)
    if (entry.key.bytes == key)
      entry.value = value;
  return Value::map(std::move(entries));
}

static Value readArguments(const Value &call) {
  const Value *function = call.find("function");
  const Value *text = function ? function->find("arguments") : nullptr;
  Value arguments;
  std::string error;
  if (!text || !text->isString() ||
      parseJson(text->bytes(), &arguments, &error) || !arguments.isMap())
    return call;
  return replaceMember(
      call, "function",
      replaceMember(*function, "arguments", std::move(arguments)));
}

Value gemcut::text::readCallArguments(const Value &messages) {
  std::vector<Value> result;
  for (const Value &message : messages.items()) {
    const Value *calls = message.find("tool_calls");
    if (!calls || !calls->isList()) {
      result.push_back(message);
      continue;
    }
    std::vector<Value> read;
    for (const Value &call : calls->items())
      read.push_back(readArguments(call));
    result.push_back(
        replaceMember(message, "tool_calls", Value::list(std::move(read))));
  }
  return Value::list(std::move(result));
}
