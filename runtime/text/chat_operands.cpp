//===- chat_operands.cpp - What a chat program makes of its stack --------===//

#include "runtime/text/chat_machine.h"

using namespace gemcut::text;

bool ChatMachine::slice() {
  uint8_t present;
  if (!operand(present) || present > 7)
    return damaged();
  Value bounds[3], object;
  for (int i = 2; i >= 0; --i)
    if (present >> i & 1 && !pop(bounds[i]))
      return false;
  if (!pop(object))
    return false;
  push(getSlice(*this, object, present & 1 ? &bounds[0] : nullptr,
                present & 2 ? &bounds[1] : nullptr,
                present & 4 ? &bounds[2] : nullptr));
  return true;
}

bool ChatMachine::makeList(bool isTuple) {
  uint32_t count;
  if (!operand(count))
    return false;
  const Value *values = last(count);
  if (!values || !spendItems(count))
    return false;
  Value list = Value::list({values, values + count}, isTuple);
  stack.resize(stack.size() - count);
  push(std::move(list));
  return true;
}

bool ChatMachine::makeMap() {
  uint32_t count;
  if (!operand(count) || count > kMaxStack)
    return damaged();
  const Value *values = last(size_t(count) * 2);
  if (!values || !spendItems(count))
    return false;
  std::vector<Value::Entry> entries;
  for (uint32_t i = 0; i < count; ++i)
    entries.push_back(
        {toString(*this, values[2 * i], "a key"), values[2 * i + 1]});
  stack.resize(stack.size() - size_t(count) * 2);
  push(Value::map(std::move(entries)));
  return true;
}

bool ChatMachine::unpack() {
  uint32_t count;
  Value value, list;
  if (!operand(count) || !pop(value) || !iterate(*this, value, list))
    return false;
  if (list.items().size() != count) {
    (void)fail("found " + std::to_string(list.items().size()) +
               " values, expected " + std::to_string(count) + " to unpack");
    return false;
  }
  for (size_t i = count; i-- > 0;)
    push(list.items()[i]);
  return true;
}

/// Jumps if the truth of the last value is `stays`; otherwise removes it.
bool ChatMachine::shortCircuit(bool stays) {
  uint32_t to;
  const Value *value = last(1);
  if (!value || !operand(to))
    return false;
  if (isTrue(*value) == stays)
    return jump(to);
  stack.pop_back();
  return true;
}

/// Filters, tests, methods and functions: id, number of arguments.
bool ChatMachine::apply(gemcut_chat_op op) {
  uint8_t id, count;
  if (!operand(id) || !operand(count))
    return false;
  size_t used = size_t(count) + (op == GEMCUT_CHAT_FUNCTION ? 0 : 1);
  const Value *values = last(used);
  if (!values)
    return false;
  Arguments arguments = {values + (used - count), count};
  Value result;
  switch (op) {
  case GEMCUT_CHAT_FILTER:
    result = applyFilter(*this, id, values[0], arguments);
    break;
  case GEMCUT_CHAT_TEST:
    result = Value::boolean(applyTest(*this, id, values[0], arguments));
    break;
  case GEMCUT_CHAT_METHOD:
    result = callMethod(*this, id, values[0], arguments);
    break;
  default:
    result = callFunction(*this, id, arguments);
    break;
  }
  stack.resize(stack.size() - used);
  push(std::move(result));
  return true;
}

/// Of None and other false values map and select take nothing.
bool ChatMachine::iterateTrue(const Value &value, Value &list) {
  if (isTrue(value))
    return iterate(*this, value, list);
  list = Value::list({});
  return true;
}

bool ChatMachine::mapFilter() {
  uint8_t id, count;
  if (!operand(id) || !operand(count))
    return false;
  const Value *values = last(size_t(count) + 1);
  Value list;
  if (!values || !iterateTrue(values[0], list))
    return false;
  std::vector<Value> items;
  for (const Value &item : list.items()) {
    items.push_back(applyFilter(*this, id, item, {values + 1, count}));
    if (!spendItems(1))
      return false;
  }
  stack.resize(stack.size() - count - 1);
  push(Value::list(std::move(items)));
  return true;
}

bool ChatMachine::select() {
  uint8_t test, bits, count;
  if (!operand(test) || !operand(bits) || !operand(count))
    return false;
  bool isReject = bits & 1, hasAttribute = bits & 2;
  size_t used = size_t(count) + 1 + hasAttribute;
  const Value *values = last(used);
  Value list;
  if (!values || !iterateTrue(values[0], list))
    return false;
  std::vector<Value> items;
  for (const Value &item : list.items()) {
    Value tested = hasAttribute ? getPath(*this, item, values[1]) : item;
    if (applyTest(*this, test, tested, {values + used - count, count}) !=
        isReject)
      items.push_back(item);
    if (!spendItems(1))
      return false;
  }
  stack.resize(stack.size() - used);
  push(Value::list(std::move(items)));
  return true;
}
