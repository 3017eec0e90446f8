//===- chat_operators.cpp - Operators of chat templates ------------------===//

#include "runtime/text/chat_builtins.h"
#include "runtime/text/python_text.h"

#include <algorithm>
#include <cmath>

using namespace gemcut::text;
using Kind = Value::Kind;

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
