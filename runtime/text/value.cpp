//===- value.cpp - Values of messages and chat templates ------------------===//

#include "runtime/text/value.h"

#include <algorithm>
#include <cstdlib>

using namespace gemcut::text;

Value Value::real(double number) {
  Value value(Kind::Real, 0);
  value.payload.real = number;
  return value;
}

Value Value::object(Kind kind, Object *object) {
  Value value(kind, 0);
  value.payload.object = object;
  ++object->references;
  return value;
}

Value Value::string(MarkedText text, Kind kind) {
  auto *object = new StringObject;
  object->text = std::move(text);
  return Value::object(kind, object);
}

Value Value::list(std::vector<Value> items, bool isTuple) {
  auto *object = new ListObject;
  for (const Value &item : items)
    object->depth = std::max(object->depth, item.depth());
  ++object->depth;
  object->items = std::move(items);
  object->isTuple = isTuple;
  return Value::object(Kind::List, object);
}

/// Keeps one entry per key.
static void mergeEqualKeys(std::vector<Value::Entry> &entries) {
  std::vector<size_t> order(entries.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    int difference = entries[a].key.bytes.compare(entries[b].key.bytes);
    return difference ? difference < 0 : a < b;
  });
  std::vector<bool> isDropped(entries.size());
  bool anyDropped = false;
  for (size_t i = 0, next; i < order.size(); i = next) {
    next = i + 1;
    while (next < order.size() &&
           entries[order[next]].key.bytes == entries[order[i]].key.bytes)
      isDropped[order[next++]] = anyDropped = true;
    if (next > i + 1)
      entries[order[i]].value = entries[order[next - 1]].value;
  }
  if (!anyDropped)
    return;
  size_t kept = 0;
  for (size_t i = 0; i < entries.size(); ++i)
    if (!isDropped[i]) {
      if (kept != i)
        entries[kept] = std::move(entries[i]);
      ++kept;
    }
  entries.resize(kept);
}

Value Value::map(std::vector<Entry> entries) {
  if (entries.size() > 1)
    mergeEqualKeys(entries);
  auto *object = new MapObject;
  for (const Entry &entry : entries)
    object->depth = std::max(object->depth, entry.value.depth());
  ++object->depth;
  object->entries = std::move(entries);
  return Value::object(Kind::Map, object);
}

double Value::realValue() const {
  if (is(Kind::Real))
    return payload.real;
  if (is(Kind::BigInteger))
    return strtod(text().bytes.c_str(), nullptr);
  return double(payload.integer);
}

const Value *Value::find(std::string_view key) const {
  if (isMap())
    for (const Entry &entry : entries())
      if (entry.key.bytes == key)
        return &entry.value;
  return nullptr;
}

bool gemcut::text::isTrue(const Value &value) {
  switch (value.kind()) {
  case Value::Kind::Undefined:
  case Value::Kind::None:
    return false;
  case Value::Kind::Boolean:
  case Value::Kind::Integer:
    return value.integerValue() != 0;
  case Value::Kind::Real:
    return value.realValue() != 0;
  case Value::Kind::String:
    return value.text().size() > 0;
  case Value::Kind::List:
    return !value.items().empty();
  case Value::Kind::Map:
    return !value.entries().empty();
  default:
    return true;
  }
}

static bool areNumbersEqual(const Value &left, const Value &right) {
  if (left.isInteger() && right.isInteger())
    return left.integerValue() == right.integerValue();
  if (left.is(Value::Kind::BigInteger) && right.is(Value::Kind::BigInteger))
    return left.bytes() == right.bytes();
  if (left.is(Value::Kind::Real) || right.is(Value::Kind::Real))
    return left.realValue() == right.realValue();
  return false; // one of 64 bits and one beyond
}

static bool areMapsEqual(const Value &left, const Value &right) {
  if (left.entries().size() != right.entries().size())
    return false;
  for (const Value::Entry &entry : left.entries()) {
    const Value *other = right.find(entry.key.bytes);
    if (!other || !isEqual(entry.value, *other))
      return false;
  }
  return true;
}

bool gemcut::text::isEqual(const Value &left, const Value &right) {
  if (left.isNumber() && right.isNumber())
    return areNumbersEqual(left, right);
  if (left.kind() != right.kind())
    return false;
  switch (left.kind()) {
  case Value::Kind::Undefined:
  case Value::Kind::None:
    return true;
  case Value::Kind::String:
    return left.bytes() == right.bytes();
  case Value::Kind::List:
    return left.isTuple() == right.isTuple() &&
           left.items().size() == right.items().size() &&
           std::equal(left.items().begin(), left.items().end(),
                      right.items().begin(), isEqual);
  case Value::Kind::Map:
    return areMapsEqual(left, right);
  case Value::Kind::Macro:
  case Value::Kind::Method:
    return left.integerValue() == right.integerValue();
  default:
    return left.objectAs<Value::Object>() == right.objectAs<Value::Object>();
  }
}
