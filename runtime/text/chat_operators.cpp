//===- chat_operators.cpp - Operators and access of chat templates --------===//

#include "runtime/text/chat_builtins.h"
#include "runtime/text/python_text.h"

#include <algorithm>
#include <cmath>

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

Evaluation::~Evaluation() {
  for (const Value &each : namespaces)
    each.objectAs<NamespaceObject>()->entries.clear();
}

const char *gemcut::text::typeName(const Value &value) {
  switch (value.kind()) {
  case Kind::Undefined:
    return "Undefined";
  case Kind::None:
    return "NoneType";
  case Kind::Boolean:
    return "bool";
  case Kind::Integer:
  case Kind::BigInteger:
    return "int";
  case Kind::Real:
    return "float";
  case Kind::String:
    return "str";
  case Kind::List:
    return value.isTuple() ? "tuple" : "list";
  case Kind::Map:
    return "dict";
  case Kind::Namespace:
    return "Namespace";
  case Kind::Loop:
    return "LoopContext";
  case Kind::Macro:
    return "Macro";
  case Kind::Method:
    return "method";
  }
  return "";
}

Value Evaluation::failUndefined(const Value &undefined) {
  std::string_view name = nameOf(undefined);
  return fail(name.empty() ? "a value is undefined"
                           : "'" + std::string(name) + "' is undefined");
}

static Value failTypes(Evaluation &run, const char *op, const Value &left,
                       const Value &right) {
  if (left.isUndefined())
    return run.failUndefined(left);
  if (right.isUndefined())
    return run.failUndefined(right);
  return run.fail(std::string("'") + op + "' is not possible between '" +
                  typeName(left) + "' and '" + typeName(right) + "'");
}

static Value failOverflow(Evaluation &run) {
  return run.fail("an integer needs more than 64 bits");
}

Value gemcut::text::applyUnary(Evaluation &run, unsigned op,
                               const Value &value) {
  if (op == GEMCUT_CHAT_NOT)
    return Value::boolean(!isTrue(value));
  if (op != GEMCUT_CHAT_NEGATE && op != GEMCUT_CHAT_PLUS)
    return run.fail("the program is damaged");
  if (value.isUndefined())
    return run.failUndefined(value);
  if (!value.isNumber() || value.is(Kind::BigInteger))
    return run.fail(std::string("a sign is not possible in front of '") +
                    typeName(value) + "'");
  if (value.is(Kind::Real))
    return Value::real(op == GEMCUT_CHAT_NEGATE ? -value.realValue()
                                                : value.realValue());
  int64_t result = value.integerValue();
  if (op == GEMCUT_CHAT_NEGATE &&
      __builtin_sub_overflow(int64_t(0), result, &result))
    return failOverflow(run);
  return Value::integer(result);
}

/// Python's floor division and remainder: the remainder has the divisor's sign.
static int64_t floorDivide(int64_t left, int64_t right, int64_t &remainder) {
  int64_t quotient = left / right;
  remainder = left % right;
  if (remainder != 0 && (remainder < 0) != (right < 0)) {
    remainder += right;
    --quotient;
  }
  return quotient;
}

static Value computeIntegers(Evaluation &run, unsigned op, int64_t left,
                             int64_t right) {
  int64_t result = 0, remainder = 0;
  switch (op) {
  case GEMCUT_CHAT_ADD:
    return __builtin_add_overflow(left, right, &result)
               ? failOverflow(run)
               : Value::integer(result);
  case GEMCUT_CHAT_SUBTRACT:
    return __builtin_sub_overflow(left, right, &result)
               ? failOverflow(run)
               : Value::integer(result);
  case GEMCUT_CHAT_MULTIPLY:
    return __builtin_mul_overflow(left, right, &result)
               ? failOverflow(run)
               : Value::integer(result);
  case GEMCUT_CHAT_DIVIDE:
    if (right == 0)
      return run.fail("division by zero");
    return Value::real(double(left) / double(right));
  case GEMCUT_CHAT_POWER: {
    if (right < 0)
      return Value::real(std::pow(double(left), double(right)));
    int64_t power = 1;
    for (; right > 0; --right) {
      if (power == 0 || power == 1) {
        if (left == 0 || left == 1)
          return Value::integer(left);
      }
      if (left == -1)
        return Value::integer(right % 2 ? -power : power);
      if (__builtin_mul_overflow(power, left, &power))
        return failOverflow(run);
    }
    return Value::integer(power);
  }
  default: // FLOOR_DIVIDE, MODULO
    if (right == 0)
      return run.fail("division by zero");
    if (right == -1) // INT64_MIN / -1
      return op == GEMCUT_CHAT_MODULO
                 ? Value::integer(0)
                 : computeIntegers(run, GEMCUT_CHAT_SUBTRACT, 0, left);
    result = floorDivide(left, right, remainder);
    return Value::integer(op == GEMCUT_CHAT_MODULO ? remainder : result);
  }
}

static Value computeReals(Evaluation &run, unsigned op, double left,
                          double right) {
  switch (op) {
  case GEMCUT_CHAT_ADD:
    return Value::real(left + right);
  case GEMCUT_CHAT_SUBTRACT:
    return Value::real(left - right);
  case GEMCUT_CHAT_MULTIPLY:
    return Value::real(left * right);
  case GEMCUT_CHAT_POWER:
    return Value::real(std::pow(left, right));
  default:
    if (right == 0)
      return run.fail("division by zero");
    if (op == GEMCUT_CHAT_DIVIDE)
      return Value::real(left / right);
    double remainder = std::fmod(left, right);
    if (remainder != 0 && (remainder < 0) != (right < 0))
      remainder += right;
    return Value::real(op == GEMCUT_CHAT_MODULO
                           ? remainder
                           : std::floor((left - remainder) / right + 0.5));
  }
}

static Value repeat(Evaluation &run, const Value &sequence, int64_t count) {
  count = std::max<int64_t>(count, 0);
  size_t size =
      sequence.isString() ? sequence.text().size() : sequence.items().size();
  if (size && (uint64_t(count) > Evaluation::kMaxWork / size))
    count = int64_t(Evaluation::kMaxWork / size) + 1;
  if (!run.spend(uint64_t(count) * size))
    return Value();
  if (sequence.isString()) {
    MarkedText text;
    for (; size > 0 && count > 0; --count)
      text.append(sequence.text());
    return Value::string(std::move(text));
  }
  std::vector<Value> items;
  for (; size > 0 && count > 0; --count)
    items.insert(items.end(), sequence.items().begin(), sequence.items().end());
  return Value::list(std::move(items), sequence.isTuple());
}

static Value concatenate(Evaluation &run, const Value &left,
                         const Value &right) {
  MarkedText text = toText(left);
  appendText(right, text);
  run.spend(text.size());
  return Value::string(std::move(text));
}

static const char *spell(unsigned op) {
  static constexpr const char *kSpellings[] = {
      "not", "-",  "+",  "+", "-",  "*", "/",  "//", "%",     "**",
      "~",   "==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return op < sizeof(kSpellings) / sizeof(*kSpellings) ? kSpellings[op] : "?";
}

static Value compute(Evaluation &run, unsigned op, const Value &left,
                     const Value &right) {
  if (left.isNumber() && right.isNumber()) {
    if (left.isInteger() && right.isInteger())
      return computeIntegers(run, op, left.integerValue(),
                             right.integerValue());
    return computeReals(run, op, left.realValue(), right.realValue());
  }
  bool areSequences =
      (left.isString() && right.isString()) ||
      (left.isList() && right.isList() && left.isTuple() == right.isTuple());
  if (op == GEMCUT_CHAT_ADD && areSequences) {
    if (left.isString())
      return concatenate(run, left, right);
    std::vector<Value> items = left.items();
    items.insert(items.end(), right.items().begin(), right.items().end());
    run.spendItems(items.size());
    return Value::list(std::move(items), left.isTuple());
  }
  if (op == GEMCUT_CHAT_MULTIPLY) {
    if ((left.isString() || left.isList()) && right.isInteger())
      return repeat(run, left, right.integerValue());
    if ((right.isString() || right.isList()) && left.isInteger())
      return repeat(run, right, left.integerValue());
  }
  return failTypes(run, spell(op), left, right);
}

Value gemcut::text::applyBinary(Evaluation &run, unsigned op, const Value &left,
                                const Value &right) {
  switch (op) {
  case GEMCUT_CHAT_ADD:
  case GEMCUT_CHAT_SUBTRACT:
  case GEMCUT_CHAT_MULTIPLY:
  case GEMCUT_CHAT_DIVIDE:
  case GEMCUT_CHAT_FLOOR_DIVIDE:
  case GEMCUT_CHAT_MODULO:
  case GEMCUT_CHAT_POWER:
    return compute(run, op, left, right);
  case GEMCUT_CHAT_CONCATENATE:
    return concatenate(run, left, right);
  case GEMCUT_CHAT_EQUAL:
    return Value::boolean(isEqual(left, right));
  case GEMCUT_CHAT_NOT_EQUAL:
    return Value::boolean(!isEqual(left, right));
  case GEMCUT_CHAT_LESS:
    return Value::boolean(compare(run, left, right, "<") < 0);
  case GEMCUT_CHAT_LESS_EQUAL:
    return Value::boolean(compare(run, left, right, "<=") <= 0);
  case GEMCUT_CHAT_GREATER:
    return Value::boolean(compare(run, left, right, ">") > 0);
  case GEMCUT_CHAT_GREATER_EQUAL:
    return Value::boolean(compare(run, left, right, ">=") >= 0);
  case GEMCUT_CHAT_IN:
    return Value::boolean(contains(run, right, left));
  case GEMCUT_CHAT_NOT_IN:
    return Value::boolean(!contains(run, right, left));
  default:
    return run.fail("the program is damaged");
  }
}

int gemcut::text::compare(Evaluation &run, const Value &left,
                          const Value &right, const char *op) {
  auto order = [](auto a, auto b) { return a < b ? -1 : a > b; };
  if (left.isInteger() && right.isInteger())
    return order(left.integerValue(), right.integerValue());
  if (left.isNumber() && right.isNumber())
    return order(left.realValue(), right.realValue());
  if (left.isString() && right.isString())
    return left.bytes().compare(right.bytes());
  if (left.isList() && right.isList() && left.isTuple() == right.isTuple()) {
    size_t common = std::min(left.items().size(), right.items().size());
    for (size_t i = 0; i < common; ++i)
      if (!isEqual(left.items()[i], right.items()[i]))
        return compare(run, left.items()[i], right.items()[i], op);
    return order(left.items().size(), right.items().size());
  }
  (void)failTypes(run, op, left, right);
  return 0;
}

bool gemcut::text::contains(Evaluation &run, const Value &container,
                            const Value &item) {
  switch (container.kind()) {
  case Kind::Undefined:
    return false;
  case Kind::String:
    if (!item.isString()) {
      (void)failTypes(run, "in", item, container);
      return false;
    }
    return container.bytes().find(item.bytes()) != std::string_view::npos;
  case Kind::List:
    return std::any_of(
        container.items().begin(), container.items().end(),
        [&](const Value &other) { return isEqual(item, other); });
  case Kind::Map:
    return item.isString() && container.find(item.bytes());
  default:
    (void)failTypes(run, "in", item, container);
    return false;
  }
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
