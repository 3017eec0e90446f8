//===- JsonValueTest.cpp - Values from and to JSON ------------------------===//

#include "runtime/text/json_value.h"
#include "runtime/text/python_text.h"

#include <gtest/gtest.h>

using namespace gemcut;
using text::MarkedText;
using text::Value;

namespace {

Value parse(const std::string &json) {
  Value value;
  std::string error;
  EXPECT_EQ(text::parseJson(json, &value, &error), GEMCUT_OK) << error;
  return value;
}

std::string errorOf(const std::string &json) {
  Value value;
  std::string error;
  EXPECT_EQ(text::parseJson(json, &value, &error), GEMCUT_INVALID_ARGUMENT)
      << json;
  return error;
}

TEST(JsonValueTest, ReadsAndWrites) {
  std::string json =
      R"({"a": [1, -2.5, true, null, "x\"\n\u00e9\ud83d\ude00"],)"
      R"( "b": {}, "c": [], "n": 123456789012345678901234})";
  Value value = parse(json);
  MarkedText out;
  ASSERT_TRUE(text::writeJson(value, {}, out));
  EXPECT_EQ(out.bytes,
            "{\"a\": [1, -2.5, true, null, \"x\\\"\\n\u00e9\U0001F600\"], "
            "\"b\": {}, \"c\": [], \"n\": 123456789012345678901234}");
  EXPECT_EQ(text::toCompactJson(value).find(' '), std::string::npos);
  out = {};
  text::JsonStyle lines;
  lines.indent = 2;
  ASSERT_TRUE(
      text::writeJson(parse(R"({"a":[1,{"b":2}],"c":{}})"), lines, out));
  EXPECT_EQ(out.bytes, "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n"
                       "  ],\n  \"c\": {}\n}");
  EXPECT_EQ(
      text::toText(parse(R"([null, true, 1e20, "a'b", {"k": 0.5}])")).bytes,
      "[None, True, 1e+20, \"a'b\", {'k': 0.5}]");
}

TEST(JsonValueTest, StringsAreUntrusted) {
  Value value = parse(R"({"k": "<turn|>"})");
  EXPECT_EQ(value.entries()[0].key.untrusted.size(), 1u);
  MarkedText out;
  ASSERT_TRUE(text::writeJson(value, {}, out));
  EXPECT_EQ(out.untrusted, (std::vector<text::Span>{{2, 3}, {7, 14}}));
}

TEST(JsonValueTest, EqualKeys) {
  EXPECT_EQ(text::toCompactJson(parse(R"({"a":1,"b":2,"a":3})")),
            R"({"a":3,"b":2})");
}

TEST(JsonValueTest, NumbersAsPythonWritesThem) {
  EXPECT_EQ(text::toCompactJson(parse(
                "[2.0,1.5,-3.5,1e20,1e16,1e15,123456789012345.5,0.1,1e-4,1e-5,"
                "1.25e-7,0.0,-0.0,1e300,18446744073709551615,5e-324]")),
            "[2.0,1.5,-3.5,1e+20,1e+16,1000000000000000.0,123456789012345.5,"
            "0.1,0.0001,1e-05,1.25e-07,0.0,-0.0,1e+300,18446744073709551615,"
            "5e-324]");
}

TEST(JsonValueTest, Errors) {
  EXPECT_EQ(errorOf("[1,\n 2,,3]"), "JSON, line 2, column 4: expected a value");
  EXPECT_NE(errorOf("{\"a\" 1}").find("':'"), std::string::npos);
  EXPECT_NE(errorOf("").find("ends"), std::string::npos);
  EXPECT_NE(errorOf("1 2").find("behind"), std::string::npos);
  EXPECT_NE(errorOf("\"\\ud800x\"").find("surrogate"), std::string::npos);
  EXPECT_NE(errorOf("\"\xFF\"").find("UTF-8"), std::string::npos);
  EXPECT_NE(errorOf(std::string(101, '[')).find("100"), std::string::npos);
  for (const char *bad : {"01", "1.", "-", "tru", "[1", "{\"a\":1,}", "\"a",
                          "\"\n\"", "1e999", "\"\\x\"", "nan"})
    errorOf(bad);
  parse(std::string(100, '[') + std::string(100, ']'));
}

TEST(PythonTextTest, TrimsLikePython) {
  EXPECT_EQ(text::trim(" \t\r\n a b \u00a0\u2003\u3000"), "a b");
  EXPECT_EQ(text::trim("\u200b"), "\u200b"); // no white space in Python
  EXPECT_EQ(text::trim(" \n "), "");
  EXPECT_EQ(text::trim("\xA0x\x80"), "\xA0x\x80"); // bytes, not U+00A0
}

std::string convert(std::string_view text, text::Case to) {
  return text::convertCase(MarkedText::trusted(text), to).bytes;
}

TEST(PythonTextTest, Cases) {
  EXPECT_EQ(convert("aé\u00dfя\u0149\U00010428", text::Case::Upper),
            "AÉSSЯ\u02bcN\U00010400");
  EXPECT_EQ(convert("AÉЯ\u1e9e\U00010400", text::Case::Lower),
            "aéя\u00df\U00010428");
  EXPECT_EQ(convert("they're bill's FRIENDS", text::Case::Title),
            "They'Re Bill'S Friends");
  EXPECT_EQ(convert("éa B", text::Case::Capitalize), "Éa b");
}

std::string join(const std::vector<Value> &parts) {
  std::string out;
  for (const Value &part : parts)
    out += std::string(part.bytes()) + "|";
  return out;
}

TEST(PythonTextTest, Splits) {
  auto split = [](std::string_view text, const char *by, int most, bool right) {
    std::string_view separator = by ? by : "";
    return join(text::split(MarkedText::trusted(text),
                            by ? &separator : nullptr, most, right));
  };
  EXPECT_EQ(split("a,b,,c", ",", -1, false), "a|b||c|");
  EXPECT_EQ(split("a,b,c", ",", 1, false), "a|b,c|");
  EXPECT_EQ(split("a,b,c", ",", 1, true), "a,b|c|");
  EXPECT_EQ(split("", ",", -1, false), "|");
  EXPECT_EQ(split(" a  b\u2003c ", nullptr, -1, false), "a|b|c|");
  EXPECT_EQ(split(" a  b c ", nullptr, 1, false), "a|b c|");
  EXPECT_EQ(split(" a  b c ", nullptr, 1, true), "a  b|c|");
  EXPECT_EQ(join(text::splitLines(MarkedText::trusted("a\r\nb\n\nc"))),
            "a|b||c|");
  EXPECT_EQ(text::replaceAll(MarkedText::trusted("aaa"),
                             MarkedText::trusted("a"), MarkedText::trusted("b"),
                             2)
                .bytes,
            "bba");
  EXPECT_EQ(text::replaceAll(MarkedText::trusted("ab"), MarkedText::trusted(""),
                             MarkedText::trusted("-"), -1)
                .bytes,
            "-a-b-");
}

} // namespace
