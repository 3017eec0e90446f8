//===- JsonValueTest.cpp - Values from and to JSON ------------------------===//

#include "runtime/text/json_reader.h"
#include "runtime/text/json_writer.h"
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

} // namespace
