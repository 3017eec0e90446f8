//===- value_syntax.cpp - How values are written --------------------------===//

#include "runtime/constrain/value_syntax.h"

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

static const char *const kCallQuote = "<|\"|>";

void ValueSyntax::addQuote(uint32_t from, uint32_t to) {
  if (isCall())
    builder.addSpecial(from, quoteId, to);
  else
    builder.addText(from, "\"", to);
}

void ValueSyntax::addString(uint32_t from, const CharAutomaton &text,
                            uint32_t to) {
  uint32_t begin = builder.addNode(), end = builder.addNode();
  addQuote(from, begin);
  builder.addChars(begin, text, isCall() ? CharCoding::Utf8 : CharCoding::Json,
                   end);
  addQuote(end, to);
}

CharAutomaton ValueSyntax::getFreeText() const {
  return isCall() ? textWithout(kCallQuote) : anyText();
}

void ValueSyntax::addAnyString(uint32_t from, uint32_t to) {
  if (anyString == UINT32_MAX) {
    anyString = builder.addRule("a string");
    addString(builder.startOf(anyString), getFreeText(),
              builder.endOf(anyString));
  }
  builder.addCall(from, anyString, to);
}

void ValueSyntax::addKey(uint32_t from, const std::string &name, uint32_t to) {
  builder.addText(from, (isCall() ? name : Json(name).dump()) + ":", to);
}

CharAutomaton
ValueSyntax::getOtherNames(const std::vector<std::string> &names) const {
  CodePoints set = CodePoints::plain();
  if (isCall()) {
    set = CodePoints('0', '9');
    set.add('A', 'Z');
    set.add('a', 'z');
    set.add('_', '_');
    set.add('-', '-');
  }
  return namesExcept(set, names);
}

void ValueSyntax::addKeyOf(uint32_t from, const CharAutomaton &names,
                           uint32_t to) {
  uint32_t end = builder.addNode();
  if (isCall()) {
    builder.addChars(from, names, CharCoding::Utf8, end);
  } else {
    uint32_t begin = builder.addNode(), quote = builder.addNode();
    addQuote(from, begin);
    builder.addChars(begin, names, CharCoding::Json, quote);
    addQuote(quote, end);
  }
  builder.addText(end, ":", to);
}

bool ValueSyntax::addValue(uint32_t from, const Json &value, uint32_t to) {
  if (!isCall() || value.is_primitive()) {
    if (!value.is_string() || !isCall()) {
      builder.addText(from, value.dump(), to);
      return true;
    }
    auto text = value.get<std::string>();
    if (text.find(kCallQuote) != std::string::npos)
      return false;
    uint32_t begin = builder.addNode(), end = builder.addNode();
    addQuote(from, begin);
    builder.addText(begin, text, end);
    addQuote(end, to);
    return true;
  }
  const char *brackets = value.is_object() ? "{}" : "[]";
  uint32_t at = builder.addNode();
  builder.addText(from, std::string(1, brackets[0]), at);
  bool isFirst = true;
  auto advance = [&](std::string text) {
    uint32_t next = builder.addNode();
    builder.addText(at, text, next);
    at = next;
  };
  for (const auto &item : value.items()) {
    std::string before = isFirst ? "" : ",";
    if (value.is_object())
      before += item.key() + ":";
    isFirst = false;
    advance(before);
    uint32_t next = builder.addNode();
    if (!addValue(at, item.value(), next))
      return false;
    at = next;
  }
  builder.addText(at, std::string(1, brackets[1]), to);
  return true;
}

bool ValueSyntax::isBefore(const std::string &a, const std::string &b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; };
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (lower(a[i]) != lower(b[i]))
      return lower(a[i]) < lower(b[i]);
  return a.size() < b.size();
}
