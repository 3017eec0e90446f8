//===- chat_methods.cpp - Methods and functions of chat templates ---------===//

#include "runtime/text/chat_builtins.h"
#include "runtime/text/python_text.h"

#include <algorithm>
#include <ctime>

using namespace gemcut::text;
using Kind = Value::Kind;

namespace {

Value callMapMethod(Evaluation &run, unsigned method, const Value &map,
                    Arguments arguments) {
  switch (method) {
  case GEMCUT_CHAT_METHOD_GET: {
    if (!arguments.find(0))
      return run.fail("get needs a key");
    const Value &key = *arguments.find(0);
    const Value *found = key.isString() ? map.find(key.bytes()) : nullptr;
    return found               ? *found
           : arguments.find(1) ? *arguments.find(1)
                               : Value::none();
  }
  case GEMCUT_CHAT_METHOD_ITEMS:
    return applyFilter(run, GEMCUT_CHAT_FILTER_ITEMS, map, {nullptr, 0});
  case GEMCUT_CHAT_METHOD_KEYS:
    return applyFilter(run, GEMCUT_CHAT_FILTER_LIST, map, {nullptr, 0});
  case GEMCUT_CHAT_METHOD_VALUES: {
    std::vector<Value> values;
    for (const Value::Entry &entry : map.entries())
      values.push_back(entry.value);
    return Value::list(std::move(values));
  }
  default:
    return run.fail("a dict does not have this method");
  }
}

/// startswith and endswith take one affix or a tuple of them.
bool hasAffix(Evaluation &run, std::string_view text, const Value &affix,
              bool atEnd) {
  if (affix.isTuple())
    return std::any_of(
        affix.items().begin(), affix.items().end(),
        [&](const Value &each) { return hasAffix(run, text, each, atEnd); });
  std::string_view part =
      toString(run, affix, "what a text begins or ends with").bytes;
  return text.size() >= part.size() &&
         (atEnd ? text.substr(text.size() - part.size())
                : text.substr(0, part.size())) == part;
}

int64_t countParts(std::string_view text, std::string_view part) {
  if (part.empty())
    return int64_t(countCharacters(text)) + 1;
  int64_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos;
       at += part.size())
    ++count;
  return count;
}

Value findPart(Evaluation &run, unsigned method, std::string_view text,
               std::string_view part) {
  size_t at =
      method == GEMCUT_CHAT_METHOD_RFIND ? text.rfind(part) : text.find(part);
  if (at != std::string_view::npos)
    return Value::integer(int64_t(countCharacters(text.substr(0, at))));
  if (method == GEMCUT_CHAT_METHOD_INDEX)
    return run.fail("substring not found");
  return Value::integer(-1);
}

Value joinAll(Evaluation &run, const MarkedText &separator,
              const Value &value) {
  Value list;
  if (!iterate(run, value, list))
    return Value();
  MarkedText out;
  for (size_t i = 0; i < list.items().size(); ++i) {
    if (i > 0)
      out.append(separator);
    const MarkedText &part =
        toString(run, list.items()[i], "an entry to be joined");
    out.append(part);
    if (!run.spend(separator.size() + part.size()))
      return Value();
  }
  return Value::string(std::move(out));
}

bool isDigits(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

Value splitText(Evaluation &run, const MarkedText &text, Arguments arguments,
                bool fromRight) {
  int64_t most = toInteger(run, arguments.find(1), -1);
  const Value *given = arguments.find(0);
  if (!given || given->isNone())
    return Value::list(split(text, nullptr, most, fromRight));
  std::string_view separator = toString(run, *given, "a separator").bytes;
  if (separator.empty())
    return run.fail("a text is split at an empty separator");
  return Value::list(split(text, &separator, most, fromRight));
}

Value stripText(Evaluation &run, const MarkedText &text, Arguments arguments,
                bool left, bool right) {
  const Value *given = arguments.find(0);
  if (!given || given->isNone())
    return Value::string(strip(text, left, right, nullptr));
  std::string_view characters =
      toString(run, *given, "the characters to strip").bytes;
  return Value::string(strip(text, left, right, &characters));
}

Value callTextMethod(Evaluation &run, unsigned method, const Value &object,
                     Arguments arguments) {
  const MarkedText &text = object.text();
  if (!run.spend(text.size()))
    return Value();
  switch (method) {
  case GEMCUT_CHAT_METHOD_CAPITALIZE:
    return Value::string(convertCase(text, Case::Capitalize));
  case GEMCUT_CHAT_METHOD_LOWER:
    return Value::string(convertCase(text, Case::Lower));
  case GEMCUT_CHAT_METHOD_TITLE:
    return Value::string(convertCase(text, Case::Title));
  case GEMCUT_CHAT_METHOD_UPPER:
    return Value::string(convertCase(text, Case::Upper));
  case GEMCUT_CHAT_METHOD_ISDIGIT:
    return Value::boolean(isDigits(text.bytes));
  case GEMCUT_CHAT_METHOD_STRIP:
    return stripText(run, text, arguments, true, true);
  case GEMCUT_CHAT_METHOD_LSTRIP:
    return stripText(run, text, arguments, true, false);
  case GEMCUT_CHAT_METHOD_RSTRIP:
    return stripText(run, text, arguments, false, true);
  case GEMCUT_CHAT_METHOD_SPLIT:
    return splitText(run, text, arguments, /*fromRight=*/false);
  case GEMCUT_CHAT_METHOD_RSPLIT:
    return splitText(run, text, arguments, /*fromRight=*/true);
  case GEMCUT_CHAT_METHOD_SPLITLINES:
    return Value::list(splitLines(text));
  default:
    break;
  }
  if (!arguments.find(0))
    return run.fail("a method of a text lacks its argument");
  const Value &first = *arguments.find(0);
  switch (method) {
  case GEMCUT_CHAT_METHOD_STARTSWITH:
    return Value::boolean(hasAffix(run, text.bytes, first, /*atEnd=*/false));
  case GEMCUT_CHAT_METHOD_ENDSWITH:
    return Value::boolean(hasAffix(run, text.bytes, first, /*atEnd=*/true));
  case GEMCUT_CHAT_METHOD_JOIN:
    return joinAll(run, text, first);
  case GEMCUT_CHAT_METHOD_REPLACE: {
    if (!arguments.find(1))
      return run.fail("replace needs what to replace and by what");
    MarkedText out = replaceAll(
        text, toString(run, first, "what to replace"),
        toString(run, *arguments.find(1), "what stands in its place"),
        toInteger(run, arguments.find(2), -1));
    run.spend(out.size());
    return Value::string(std::move(out));
  }
  case GEMCUT_CHAT_METHOD_REMOVEPREFIX:
  case GEMCUT_CHAT_METHOD_REMOVESUFFIX: {
    bool atEnd = method == GEMCUT_CHAT_METHOD_REMOVESUFFIX;
    size_t affix = toString(run, first, "what to remove").size();
    if (first.isString() && hasAffix(run, text.bytes, first, atEnd))
      return Value::string(atEnd ? text.slice(0, text.size() - affix)
                                 : text.slice(affix, text.size()));
    return object;
  }
  case GEMCUT_CHAT_METHOD_COUNT:
    return Value::integer(
        countParts(text.bytes, toString(run, first, "what to count").bytes));
  case GEMCUT_CHAT_METHOD_FIND:
  case GEMCUT_CHAT_METHOD_INDEX:
  case GEMCUT_CHAT_METHOD_RFIND:
    return findPart(run, method, text.bytes,
                    toString(run, first, "what to find").bytes);
  default:
    return run.fail("a text does not have this method");
  }
}

Value makeRange(Evaluation &run, Arguments arguments) {
  if (!arguments.find(0))
    return run.fail("range needs an end");
  int64_t begin = 0, end = toInteger(run, arguments.find(0), 0), step = 1;
  if (arguments.find(1)) {
    begin = end;
    end = toInteger(run, arguments.find(1), 0);
    step = toInteger(run, arguments.find(2), 1);
  }
  if (step == 0)
    return run.fail("range has the step 0");
  std::vector<Value> items;
  for (int64_t i = begin;
       (step > 0 ? i < end : i > end) && run.spendItems(1);) {
    items.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i))
      break;
  }
  return Value::list(std::move(items));
}

Value formatTime(Evaluation &run, Arguments arguments) {
  if (!arguments.find(0))
    return run.fail("strftime_now needs a format");
  const std::string &format =
      toString(run, *arguments.find(0), "the format of a time").bytes;
  time_t now = run.now < 0 ? time(nullptr) : time_t(run.now);
  tm fields = {};
  char out[512];
  if (!localtime_r(&now, &fields))
    return run.fail("the time has no date");
  size_t length = strftime(out, sizeof out, format.c_str(), &fields);
  if (length == 0 && !format.empty())
    return run.fail("the format of a time gives more than 511 bytes");
  return Value::trusted({out, length});
}

} // namespace

Value gemcut::text::callMethod(Evaluation &run, unsigned method,
                               const Value &object, Arguments arguments) {
  static constexpr const char *kNames[] = {
#define GEMCUT_NAME(name, text, parameters) text,
      GEMCUT_CHAT_METHODS(GEMCUT_NAME)
#undef GEMCUT_NAME
  };
  if (method >= GEMCUT_CHAT_METHOD_NUMBER)
    return run.fail("the program is damaged");
  if (object.isUndefined())
    return run.failUndefined(object);
  if (object.is(Kind::Loop) && method == GEMCUT_CHAT_METHOD_CYCLE) {
    size_t index = object.objectAs<LoopObject>()->next - 1;
    return arguments.count ? arguments.values[index % arguments.count]
                           : run.fail("cycle needs values");
  }
  if (object.isMap())
    return callMapMethod(run, method, object, arguments);
  if (object.isString())
    return callTextMethod(run, method, object, arguments);
  return run.fail(std::string("'") + typeName(object) + "' has no method '" +
                  kNames[method] + "'");
}

Value gemcut::text::callFunction(Evaluation &run, unsigned function,
                                 Arguments arguments) {
  switch (function) {
  case GEMCUT_CHAT_FUNCTION_NAMESPACE: {
    // They live as long as the run.
    if (!run.spend(256))
      return Value();
    auto *object = new NamespaceObject;
    Value result = Value::object(Kind::Namespace, object);
    run.namespaces.push_back(result);
    if (arguments.find(0) && arguments.find(0)->isMap())
      object->entries = arguments.find(0)->entries();
    return result;
  }
  case GEMCUT_CHAT_FUNCTION_RAISE_EXCEPTION:
    return run.fail(arguments.find(0) ? toText(*arguments.find(0)).bytes
                                      : "the template refuses the messages");
  case GEMCUT_CHAT_FUNCTION_RANGE:
    return makeRange(run, arguments);
  case GEMCUT_CHAT_FUNCTION_STRFTIME_NOW:
    return formatTime(run, arguments);
  default:
    return run.fail("the program is damaged");
  }
}
