//===- call_arguments.cpp - Arguments of calls in messages ----------------===//

#include "runtime/text/call_arguments.h"

#include "runtime/text/json_reader.h"
#include "runtime/text/python_text.h"

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

Value gemcut::text::readArguments(const Value &text) {
  if (!text.isString())
    return Value();
  if (trim(text.bytes()).empty())
    return Value::map({});
  Value arguments;
  std::string error;
  if (parseJson(text.bytes(), &arguments, &error) || !arguments.isMap())
    return Value();
  return arguments;
}

static Value readCall(const Value &call) {
  const Value *function = call.find("function");
  const Value *text = function ? function->find("arguments") : nullptr;
  Value arguments = text ? readArguments(*text) : Value();
  if (arguments.isUndefined())
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
      read.push_back(readCall(call));
    result.push_back(
        replaceMember(message, "tool_calls", Value::list(std::move(read))));
  }
  return Value::list(std::move(result));
}
