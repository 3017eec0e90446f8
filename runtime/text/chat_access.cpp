//===- chat_access.cpp - Attributes, items and slices of chat values ------===//

#include "runtime/text/chat_builtins.h"
#include "runtime/text/python_text.h"

#include <algorithm>

using namespace gemcut::text;
using Kind = Value::Kind;

const Value *NamespaceObject::find(std::string_view key) const {
  for (const Value::Entry &entry : entries)
    if (entry.key.bytes == key)
      return &entry.value;
  return nullptr;
}

void NamespaceObject::set(std::string_view key, Value value) {
  for (Value::Entry &entry : entries)
    if (entry.key.bytes == key) {
      entry.value = std::move(value);
      return;
    }
  entries.push_back({MarkedText::trusted(key), std::move(value)});
}

/// Methods that Python's types have and the sandbox allows: an attribute that
/// is no item, and defined.
static bool hasMethod(const Value &object, std::string_view name) {
  std::string_view all;
  if (object.isMap())
    all = " copy fromkeys get items keys values ";
  else if (object.isList())
    all = object.isTuple() ? " count index " : " copy count index ";
  else if (object.isString())
    all = " capitalize casefold center count encode endswith expandtabs find "
          "format format_map index isalnum isalpha isascii isdecimal isdigit "
          "isidentifier islower isnumeric isprintable isspace istitle isupper "
          "join ljust lower lstrip maketrans partition removeprefix "
          "removesuffix replace rfind rindex rjust rpartition rsplit rstrip "
          "split splitlines startswith strip swapcase title translate upper "
          "zfill ";
  std::string word = " " + std::string(name) + " ";
  return !all.empty() && name.find(' ') == std::string_view::npos &&
         all.find(word) != std::string_view::npos;
}

static Value getLoopAttribute(const LoopObject &loop, std::string_view name,
                              int64_t id) {
  int64_t length = int64_t(loop.items.items().size());
  int64_t index = int64_t(loop.next); // from 1: `next` is one ahead
  auto item = [&](int64_t at) {
    return at >= 0 && at < length ? loop.items.items()[size_t(at)] : Value();
  };
  if (name == "index")
    return Value::integer(index);
  if (name == "index0")
    return Value::integer(index - 1);
  if (name == "revindex")
    return Value::integer(length - index + 1);
  if (name == "revindex0")
    return Value::integer(length - index);
  if (name == "first")
    return Value::boolean(index == 1);
  if (name == "last")
    return Value::boolean(index == length);
  if (name == "length")
    return Value::integer(length);
  if (name == "previtem")
    return item(index - 2);
  if (name == "nextitem")
    return item(index);
  if (name == "depth")
    return Value::integer(1);
  if (name == "depth0")
    return Value::integer(0);
  return Value::simple(Kind::Undefined, id);
}

static Value methodOf(std::string_view name) {
  return Value::simple(Kind::Method, name[0]);
}

Value gemcut::text::getAttribute(Evaluation &run, const Value &object,
                                 std::string_view name, int64_t id) {
  if (object.isUndefined())
    return run.failUndefined(object);
  if (object.is(Kind::Loop))
    return getLoopAttribute(*object.objectAs<LoopObject>(), name, id);
  const Value *found = nullptr;
  if (object.is(Kind::Namespace))
    found = object.objectAs<NamespaceObject>()->find(name);
  else if (hasMethod(object, name))
    return methodOf(name);
  else
    found = object.find(name);
  return found ? *found : Value::simple(Kind::Undefined, id);
}

/// Index of a sequence of `size` entries, or -1.
static int64_t findIndex(int64_t index, size_t size) {
  if (index < 0)
    index += int64_t(size);
  return index >= 0 && index < int64_t(size) ? index : -1;
}

Value gemcut::text::getItem(Evaluation &run, const Value &object,
                            const Value &key) {
  if (object.isUndefined())
    return run.failUndefined(object);
  if (key.isInteger() && object.isList()) {
    int64_t at = findIndex(key.integerValue(), object.items().size());
    return at < 0 ? Value() : object.items()[size_t(at)];
  }
  if (key.isInteger() && object.isString()) {
    std::string_view text = object.bytes();
    int64_t at = findIndex(key.integerValue(), countCharacters(text));
    if (at < 0)
      return Value();
    size_t begin = findCharacter(text, size_t(at));
    return Value::string(
        object.text().slice(begin, begin + characterLength(text, begin)));
  }
  if (!key.isString())
    return Value();
  if (const Value *found = object.find(key.bytes()))
    return *found;
  if (object.isMap())
    return hasMethod(object, key.bytes()) ? methodOf(key.bytes()) : Value();
  return getAttribute(run, object, key.bytes(), /*id=*/0);
}

Value gemcut::text::getSlice(Evaluation &run, const Value &object,
                             const Value *begin, const Value *end,
                             const Value *step) {
  if (object.isUndefined())
    return run.failUndefined(object);
  if (!object.isList() && !object.isString())
    return run.fail(std::string("'") + typeName(object) +
                    "' cannot be cut into slices");
  int64_t stride = toInteger(run, step, 1);
  if (stride == 0)
    return run.fail("a slice has the step 0");
  std::string_view text = object.isString() ? object.bytes() : "";
  // Byte offsets of characters: slices of strings are rare and short.
  std::vector<size_t> offsets;
  if (object.isString()) {
    if (!run.spend(text.size()))
      return Value();
    for (size_t i = 0; i < text.size(); i += characterLength(text, i))
      offsets.push_back(i);
    offsets.push_back(text.size());
  }
  int64_t size = object.isString() ? int64_t(offsets.size()) - 1
                                   : int64_t(object.items().size());
  auto bound = [&](const Value *value, int64_t otherwise) {
    int64_t at = toInteger(run, value, otherwise);
    if (value && !value->isNone() && at < 0)
      at += size;
    return stride > 0 ? std::clamp<int64_t>(at, 0, size)
                      : std::clamp<int64_t>(at, -1, size - 1);
  };
  int64_t from = bound(begin, stride > 0 ? 0 : size - 1);
  int64_t to = bound(end, stride > 0 ? size : -1);
  if (run.failed)
    return Value();
  if (object.isString() && stride == 1)
    return Value::string(object.text().slice(
        offsets[size_t(from)], offsets[size_t(std::max(from, to))]));
  stride = std::clamp(stride, -size - 1, size + 1);
  MarkedText part;
  std::vector<Value> items;
  for (int64_t i = from; stride > 0 ? i < to : i > to; i += stride)
    if (object.isString())
      part.append(object.text(), offsets[size_t(i)], offsets[size_t(i) + 1]);
    else
      items.push_back(object.items()[size_t(i)]);
  run.spendItems(items.size());
  run.spend(part.size());
  return object.isString() ? Value::string(std::move(part))
                           : Value::list(std::move(items), object.isTuple());
}

bool gemcut::text::iterate(Evaluation &run, const Value &value, Value &list) {
  std::vector<Value> items;
  switch (value.kind()) {
  case Kind::Undefined:
    break;
  case Kind::List:
    list = value;
    return true;
  case Kind::Map:
    for (const Value::Entry &entry : value.entries())
      items.push_back(Value::string(entry.key));
    break;
  case Kind::String: {
    std::string_view text = value.bytes();
    for (size_t i = 0, length; i < text.size(); i += length) {
      length = characterLength(text, i);
      items.push_back(Value::string(value.text().slice(i, i + length)));
    }
    break;
  }
  default:
    (void)run.fail(std::string("'") + typeName(value) +
                   "' cannot be iterated over");
    return false;
  }
  run.spendItems(items.size());
  list = Value::list(std::move(items));
  return !run.failed;
}

Value gemcut::text::getPath(Evaluation &run, const Value &object,
                            const Value &path) {
  if (path.isInteger())
    return getItem(run, object, path);
  Value at = object;
  std::string_view rest = toString(run, path, "an attribute's name").bytes;
  while (!run.failed) {
    size_t dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    bool isIndex =
        !part.empty() && part.size() < 10 &&
        part.find_first_not_of("0123456789") == std::string_view::npos;
    at = getItem(run, at,
                 isIndex ? Value::integer(atoi(std::string(part).c_str()))
                         : Value::trusted(part));
    if (dot == std::string_view::npos)
      break;
    rest.remove_prefix(dot + 1);
  }
  return at;
}

int64_t gemcut::text::toInteger(Evaluation &run, const Value *value,
                                int64_t otherwise) {
  if (!value || value->isNone())
    return otherwise;
  if (value->isInteger())
    return value->integerValue();
  if (value->isUndefined())
    (void)run.failUndefined(*value);
  else
    (void)run.fail(std::string("found '") + typeName(*value) +
                   "', expected an integer");
  return otherwise;
}

const MarkedText &gemcut::text::toString(Evaluation &run, const Value &value,
                                         const char *what) {
  if (value.isString())
    return value.text();
  if (value.isUndefined())
    (void)run.failUndefined(value);
  else
    (void)run.fail(std::string("found '") + typeName(value) +
                   "', expected a string as " + what);
  return run.empty;
}
