//===- chat_tests.cpp - Tests of chat templates ---------------------------===//

#include "runtime/text/chat_builtins.h"
#include "runtime/text/python_text.h"

#include <cmath>

using namespace gemcut::text;
using Kind = Value::Kind;

/// Whether the remainder of a division is `expected`; fails for other kinds
/// than numbers.
static bool hasRemainder(Evaluation &run, const Value &value,
                         const Value &divisor, int64_t expected) {
  return isEqual(applyBinary(run, GEMCUT_CHAT_MODULO, value, divisor),
                 Value::integer(expected));
}

static bool isCase(const Value &value, Case which) {
  MarkedText text = toText(value);
  Case other = which == Case::Lower ? Case::Upper : Case::Lower;
  return convertCase(text, which).bytes == text.bytes &&
         convertCase(text, other).bytes != text.bytes;
}

static bool isSame(const Value &left, const Value &right) {
  if (left.kind() != right.kind())
    return false;
  if (left.isList() || left.isMap() || left.isString())
    return left.objectAs<Value::Object>() == right.objectAs<Value::Object>();
  return isEqual(left, right);
}

bool gemcut::text::applyTest(Evaluation &run, unsigned test, const Value &value,
                             Arguments arguments) {
  auto other = [&]() -> Value {
    return arguments.find(0) ? *arguments.find(0)
                             : run.fail("a test lacks what to compare with");
  };
  auto binary = [&](unsigned op) {
    return isTrue(applyBinary(run, op, value, other()));
  };
  switch (test) {
  case GEMCUT_CHAT_TEST_BOOLEAN:
    return value.is(Kind::Boolean);
  case GEMCUT_CHAT_TEST_CALLABLE:
    return value.is(Kind::Macro) || value.is(Kind::Method);
  case GEMCUT_CHAT_TEST_DEFINED:
    return !value.isUndefined();
  case GEMCUT_CHAT_TEST_UNDEFINED:
    return value.isUndefined();
  case GEMCUT_CHAT_TEST_DIVISIBLEBY:
    return hasRemainder(run, value, other(), 0);
  case GEMCUT_CHAT_TEST_EVEN:
    return hasRemainder(run, value, Value::integer(2), 0);
  case GEMCUT_CHAT_TEST_ODD:
    return hasRemainder(run, value, Value::integer(2), 1);
  case GEMCUT_CHAT_TEST_EQUALTO:
    return binary(GEMCUT_CHAT_EQUAL);
  case GEMCUT_CHAT_TEST_NOTEQUAL:
    return binary(GEMCUT_CHAT_NOT_EQUAL);
  case GEMCUT_CHAT_TEST_LESS:
    return binary(GEMCUT_CHAT_LESS);
  case GEMCUT_CHAT_TEST_LESSEQUAL:
    return binary(GEMCUT_CHAT_LESS_EQUAL);
  case GEMCUT_CHAT_TEST_GREATER:
    return binary(GEMCUT_CHAT_GREATER);
  case GEMCUT_CHAT_TEST_GREATEREQUAL:
    return binary(GEMCUT_CHAT_GREATER_EQUAL);
  case GEMCUT_CHAT_TEST_IN:
    return binary(GEMCUT_CHAT_IN);
  case GEMCUT_CHAT_TEST_SAMEAS:
    return isSame(value, other());
  case GEMCUT_CHAT_TEST_TRUE:
    return value.is(Kind::Boolean) && value.integerValue();
  case GEMCUT_CHAT_TEST_FALSE:
    return value.is(Kind::Boolean) && !value.integerValue();
  case GEMCUT_CHAT_TEST_FLOAT:
    return value.is(Kind::Real);
  case GEMCUT_CHAT_TEST_INTEGER:
    return value.is(Kind::Integer) || value.is(Kind::BigInteger);
  case GEMCUT_CHAT_TEST_NUMBER:
    return value.isNumber();
  case GEMCUT_CHAT_TEST_ITERABLE:
  case GEMCUT_CHAT_TEST_SEQUENCE:
    return value.isString() || value.isList() || value.isMap() ||
           value.isUndefined();
  case GEMCUT_CHAT_TEST_MAPPING:
    return value.isMap();
  case GEMCUT_CHAT_TEST_NONE:
    return value.isNone();
  case GEMCUT_CHAT_TEST_STRING:
    return value.isString();
  case GEMCUT_CHAT_TEST_LOWER:
    return isCase(value, Case::Lower);
  case GEMCUT_CHAT_TEST_UPPER:
    return isCase(value, Case::Upper);
  case GEMCUT_CHAT_TEST_TRUTH:
    return isTrue(value);
  default:
    (void)run.fail("the program is damaged");
    return false;
  }
}
