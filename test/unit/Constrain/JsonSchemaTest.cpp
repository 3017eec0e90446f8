//===- JsonSchemaTest.cpp - JSON schemas as constraints -------------------===//

#include "test/unit/Constrain/ConstrainFixture.h"

using namespace gemcut;
using namespace gemcut::test;

namespace {
struct Case {
  const char *schema;
  std::vector<std::string> good, bad;
};

void check(const std::vector<Case> &cases) {
  for (const Case &c : cases) {
    auto grammar = compileSchema(c.schema);
    for (const std::string &text : c.good)
      EXPECT_TRUE(accepts(grammar, text)) << c.schema << " on " << text;
    for (const std::string &text : c.bad)
      EXPECT_FALSE(accepts(grammar, text)) << c.schema << " on " << text;
  }
}
} // namespace

TEST(JsonSchemaTest, AnyValue) {
  for (const char *schema : {"{}", "true", "{\"title\":\"T\",\"x-y\":1}"})
    check({{schema,
            {"null", "true", "-1.5e+10", "\"a\\n\\\"b\"", "[]", "[1,[2,{}]]",
             "{\"a\":{\"b\":[null]}}"},
            {"", "nul", " 1", "[1, 2]", "01", "+1", "1.", "{\"a\"}", "[1,]",
             "\"\n\"", "\"\\u0041\"", "{a:1}", "\"\xff\""}}});
}

TEST(JsonSchemaTest, Types) {
  check({
      {R"({"type":"null"})", {"null"}, {"true", "0"}},
      {R"({"type":"boolean"})", {"true", "false"}, {"null", "\"true\""}},
      {R"({"type":["integer","null"]})",
       {"7", "-12", "0", "null"},
       {"1.0", "-0", "1e5"}},
      {R"({"type":"number"})",
       {"7", "0.5", "-1.25e-7", "1E5"},
       {".5", "1e100", "1e"}},
      {R"({"type":"string"})",
       {"\"\"", "\"\u00e9\U0001F642\"", "\"\\u001f\\b\\t\\\\\""},
       {"\"\x01\"", "\"\\u00e9\"", "\"\\x\"", "\"a", "\"\\u000a\"", "\"\\/\""}},
      {R"({"type":"object"})",
       {"{}", "{\"a\":1,\"b\":[]}"},
       {"{\"\":1}", "{\"a\":1,}"}},
      {R"({"type":"array"})", {"[]", "[1,\"a\",[]]"}, {"{}", "[,]"}},
      {R"({"minLength":2})", {"\"ab\""}, {"\"a\"", "12"}},
  });
}

TEST(JsonSchemaTest, Objects) {
  check({
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"},
           "c":true},"required":["b"]})",
       {R"({"b":null})", R"({"a":1,"b":null})", R"({"b":null,"c":[]})",
        R"({"a":1,"b":null,"c":{"b":2}})"},
       {"{}", R"({"a":1})", R"({"b":null,"a":1})", R"({"b":null,"d":1})",
        R"({"b":null,"b":null})", R"({,"b":null})"}},
      {R"({"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"string"}})",
       {"{}", R"({"a":1})", R"({"a":1,"ab":"","b":"x"})", R"({"b":"x"})"},
       {R"({"b":1})", R"({"b":"x","a":1})", R"({"a":"x"})",
        R"({"b":"x","a":"y"})", R"({"\u0061":"x"})"}},
      {R"({"properties":{"a":true,"b":false}})",
       {"{}", R"({"a":1})"},
       {R"({"b":1})"}},
      {R"({"properties":{},"additionalProperties":false})",
       {"{}"},
       {R"({"a":1})"}},
      {R"({"required":["x"],"additionalProperties":{"type":"integer"}})",
       {R"({"x":1})", R"({"x":1,"y":2})"},
       {"{}", R"({"x":"1"})", R"({"y":1})"}},
      {R"({"properties":{"a b\"c\u00e9":{"type":"null"}},"required":["a b\"c\u00e9"]})",
       {"{\"a b\\\"c\u00e9\":null}"},
       {"{}"}},
  });
}

TEST(JsonSchemaTest, PropertiesByPattern) {
  check({
      {R"({"patternProperties":{"^n_":{"type":"integer"},"^[a-m]+s$":{"type":"null"}},"additionalProperties":false})",
       {"{}", R"({"n_1":1})", R"({"as":null,"n_":2})"},
       {R"({"n_1":null})", R"({"as":1})", R"({"x":1})", R"({"ns":null})"}},
      {R"({"properties":{"id":{"type":"null"}},"required":["id","n_x"],
           "patternProperties":{"^n_":{"type":"integer"}}})",
       {R"({"id":null,"n_x":1})", R"({"id":null,"n_x":1,"n_y":2})"},
       {"{}", R"({"id":null,"n_x":null})", R"({"id":null,"n_x":1,"z":2})",
        R"({"id":null,"n_x":1,"n_x":2})"}},
      {R"({"patternProperties":{"^a":{"type":"null"},"^b":false},"additionalProperties":true})",
       {"{}", R"({"a":null})"},
       {R"({"b":null})"}},
  });
}

TEST(JsonSchemaTest, NamesOfProperties) {
  check({
      {R"({"propertyNames":{"type":"string"},"additionalProperties":{"type":"integer"}})",
       {"{}", R"({"a":1,"b c":2})"},
       {R"({"a":null})"}},
      {R"({"propertyNames":{"$ref":"#/$defs/color"},"additionalProperties":{"type":"null"},
           "$defs":{"color":{"enum":["red","deep blue"]}}})",
       {"{}", R"({"red":null})", R"({"deep blue":null,"red":null})"},
       {R"({"green":null})", R"({"re":null})", R"({"":null})"}},
      {R"({"propertyNames":{"pattern":"^[a-z]+$","maxLength":3}})",
       {R"({"abc":1})"},
       {R"({"abcd":1})", R"({"A":1})"}},
      {R"({"properties":{"ab":true},"propertyNames":{"const":"ab"}})",
       {"{}", R"({"ab":1})"},
       {R"({"x":1})"}},
      {R"({"propertyNames":false})", {"{}"}, {R"({"a":1})"}},
  });
}

TEST(JsonSchemaTest, NumbersOfProperties) {
  check({
      {R"({"minProperties":1,"additionalProperties":{"type":"null"}})",
       {R"({"a":null})", R"({"a":null,"b":null,"c":null})"},
       {"{}"}},
      {R"({"maxProperties":2,"additionalProperties":{"type":"null"}})",
       {"{}", R"({"a":null})", R"({"a":null,"b":null})"},
       {R"({"a":null,"b":null,"c":null})"}},
      {R"({"maxProperties":0})", {"{}"}, {R"({"a":1})"}},
      {R"({"properties":{"a":true,"b":true,"c":true},"minProperties":2,"maxProperties":2})",
       {R"({"a":1,"b":2})", R"({"a":1,"c":2})", R"({"b":1,"c":2})"},
       {"{}", R"({"b":1})", R"({"a":1,"b":2,"c":3})"}},
      {R"({"properties":{"a":true,"b":true},"required":["b"],"minProperties":2,
           "additionalProperties":{"type":"null"}})",
       {R"({"a":1,"b":2})", R"({"b":2,"x":null})",
        R"({"a":1,"b":2,"x":null,"y":null})"},
       {R"({"b":2})", R"({"a":1,"x":null})"}},
      {R"({"properties":{"a":true,"b":true},"minProperties":1,"maxProperties":3,
           "additionalProperties":{"type":"null"}})",
       {R"({"a":1})", R"({"x":null,"y":null,"z":null})",
        R"({"a":1,"b":2,"x":null})"},
       {"{}", R"({"a":1,"b":2,"x":null,"y":null})",
        R"({"x":null,"y":null,"z":null,"u":null})"}},
      {R"({"properties":{"a":{"type":"object","properties":{"b":true,"c":true},"maxProperties":1}},
           "minProperties":1})",
       {R"({"a":{"b":1}})", R"({"a":{}})"},
       {R"({"a":{"b":1,"c":1}})", "{}"}},
  });
}

TEST(JsonSchemaTest, Arrays) {
  check({
      {R"({"items":{"type":"integer"},"minItems":1,"maxItems":3})",
       {"[1]", "[1,2,3]"},
       {"[]", "[1,2,3,4]", "[null]"}},
      {R"({"items":{"type":"null"},"minItems":2})",
       {"[null,null]", "[null,null,null,null]"},
       {"[null]"}},
      {R"({"prefixItems":[{"type":"integer"},{"type":"null"}]})",
       {"[]", "[1]", "[1,null]"},
       {"[null]", "[1,null,1]"}},
      {R"({"prefixItems":[{"type":"integer"}],"items":{"type":"null"},"minItems":2})",
       {"[1,null]", "[1,null,null]"},
       {"[1]", "[1,1]"}},
      {R"({"prefixItems":[{"type":"integer"}],"items":false,"minItems":1})",
       {"[1]"},
       {"[]", "[1,2]"}},
      {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
      {R"({"items":false})", {"[]"}, {"[1]"}},
      {R"({"type":"array","uniqueItems":false})", {"[1,1]"}, {}},
      {R"({"items":[{"type":"null"}]})", {"[]", "[null]"}, {"[null,null]"}},
      {R"({"items":[{}],"additionalItems":false})", {"[1]"}, {"[1,1]"}},
  });
}

TEST(JsonSchemaTest, DistinctItems) {
  std::string ten = "[0";
  for (int i = 1; i < 10; ++i)
    ten += "," + std::to_string(i);
  check({
      {R"({"items":{"enum":["a","b",3]},"uniqueItems":true})",
       {"[]", R"(["b"])", R"([3,"a","b"])", R"(["a","b",3])"},
       {R"(["a","a"])", R"([3,"b",3])"}},
      {R"({"items":{"$ref":"#/$defs/e"},"uniqueItems":true,"minItems":1,"maxItems":2,
           "$defs":{"e":{"type":"string","enum":["a","b","c",1]}}})",
       {R"(["c"])", R"(["b","a"])"},
       {"[]", R"(["a","b","c"])", "[1]", R"(["b","b"])"}},
      {R"({"items":{"enum":[0,1,2,3,4,5,6,7,8,9]},"uniqueItems":true,"minItems":2})",
       {"[0,9]", "[3,4,5]", ten + "]"},
       {"[]", "[0]", "[9,0]", "[3,3]", ten + ",9]"}},
      {R"({"items":{"enum":[0,1,2,3,4,5,6,7,8,9]},"uniqueItems":true,"maxItems":2})",
       {"[]", "[1]", "[1,2]"},
       {"[1,2,3]", "[1,1]"}},
      {R"({"items":{"type":"integer"},"uniqueItems":true,"maxItems":1})",
       {"[]", "[5]"},
       {"[5,5]"}},
  });
}

TEST(JsonSchemaTest, TypesThatAreExcluded) {
  check({
      {R"({"not":{"type":"null"}})", {"1", "\"a\"", "{}"}, {"null"}},
      {R"({"not":{"type":["number","string","object","array"]}})",
       {"null", "true"},
       {"1", "1.5", "\"\"", "[]"}},
      {R"({"type":["integer","null"],"not":{"type":"integer"}})",
       {"null"},
       {"1"}},
      {R"({"type":"string","not":false,"maxLength":1})",
       {"\"a\""},
       {"1", "\"ab\""}},
      {R"({"properties":{"a":{"not":{}},"b":{"type":"null"}}})",
       {"{}", "{\"b\":null}"},
       {"{\"a\":1}", "{\"a\":null,\"b\":null}"}},
      {R"({"anyOf":[{"type":"null"},{"minLength":1,"not":true}]})",
       {"null"},
       {"\"a\""}},
  });
}

TEST(JsonSchemaTest, MultiplesWithDecimals) {
  // In hundredths, against the remainder.
  for (int divisor : {1, 2, 5, 25, 75, 100, 150}) {
    char step[32], text[32];
    snprintf(step, sizeof(step), "%d.%02d", divisor / 100, divisor % 100);
    for (bool isInteger : {false, true}) {
      auto grammar = compileSchema(std::string("{\"type\":\"") +
                                   (isInteger ? "integer" : "number") +
                                   "\",\"multipleOf\":" + step + "}");
      for (int n = -400; n <= 400; ++n) {
        bool isMultiple = n % divisor == 0, isWhole = n % 100 == 0;
        int a = std::abs(n);
        snprintf(text, sizeof(text), "%s%d.%02d", n < 0 ? "-" : "", a / 100,
                 a % 100);
        std::string number = text;
        number.erase(number.find_last_not_of('0') + 1);
        if (number.back() == '.')
          number.pop_back();
        EXPECT_EQ(accepts(grammar, number),
                  isMultiple && (isWhole || !isInteger))
            << number << " of " << divisor << isInteger;
      }
    }
  }
  // A double holds 15 digits.
  check({{R"({"type":"number","multipleOf":0.25})",
          {"9639658899926.75", "-963965889992.75"},
          {"963965889992766.75"}}});
}

TEST(JsonSchemaTest, Constants) {
  check({
      {R"({"enum":["a","ab",1,null,{"x":[1,"\n"]},1.5]})",
       {"\"a\"", "\"ab\"", "1", "null", R"({"x":[1,"\n"]})", "1.5"},
       {"\"b\"", "12", "\"abc\"", "1.50"}},
      {R"({"type":"string","enum":["a",1]})", {"\"a\""}, {"1"}},
      {R"({"type":"integer","const":3})", {"3"}, {"4"}},
      {R"({"type":"number","enum":[1,2.5]})", {"1", "2.5"}, {}},
  });
}

TEST(JsonSchemaTest, Strings) {
  check({
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {"\"ab\"", "\"\u00e9\U0001F642\"", "\"\\n\\\"\\\\\""},
       {"\"a\"", "\"abcd\"", "\"\\n\""}},
      {R"({"type":"string","maxLength":0})", {"\"\""}, {"\"a\""}},
      {R"({"pattern":"^[a-z]+$"})", {"\"abc\""}, {"\"\"", "\"aB\""}},
      {R"({"pattern":"b"})",
       {"\"b\"", "\"abc\"", "\"\\nb\\\"\""},
       {"\"\"", "\"ac\""}},
      {R"({"pattern":"^b|c$"})", {"\"bx\"", "\"xc\""}, {"\"ab\"", "\"ca\""}},
      {R"({"pattern":"^\"\\\\\n$"})", {"\"\\\"\\\\\\n\""}, {"\"\"\\\n\""}},
      {R"({"pattern":"^[a-z]*$","minLength":2,"maxLength":3})",
       {"\"ab\"", "\"abc\""},
       {"\"a\"", "\"abcd\"", "\"a1\""}},
      {R"({"format":"date"})",
       {"\"2024-02-28\"", "\"1999-12-31\""},
       {"\"2024-02-30\"", "\"2024-13-01\"", "\"2024-1-1\""}},
      {R"({"format":"date-time"})",
       {"\"2024-06-30T23:59:59Z\"", "\"2024-06-30T00:00:00.5+02:00\""},
       {"\"2024-06-31T00:00:00Z\"", "\"2024-06-30T24:00:00Z\"",
        "\"2024-06-30\""}},
      {R"({"format":"uuid"})",
       {"\"123e4567-e89b-42d3-a456-426614174000\""},
       {"\"123\""}},
      {R"({"format":"email"})",
       {"\"a.b+c@example.org\""},
       {"\"a@b\"", "\"@example.org\"", "\"a..b@c.de\""}},
      {R"({"format":"ipv4"})",
       {"\"255.0.10.199\""},
       {"\"256.0.0.1\"", "\"1.2.3\"", "\"01.2.3.4\""}},
      {R"({"format":"ipv6"})", {"\"2001:db8:0:0:0:0:0:1\""}, {"\"1:2\""}},
      {R"({"format":"uri"})",
       {"\"https://example.org/a/b?c=d\""},
       {"\"example\""}},
      {R"({"format":"time"})", {"\"23:59:00Z\""}, {"\"23:59\""}},
      {R"({"format":"duration"})",
       {"\"P3D\"", "\"PT5M\"", "\"P1Y2M\""},
       {"\"P\"", "\"3D\""}},
      {R"({"format":"hostname"})",
       {"\"a.example.org\""},
       {"\"-a.org\"", "\"a..b\""}},
  });
}

TEST(JsonSchemaTest, IntegersWithinBounds) {
  // Every whole number near the bounds, against comparing them.
  const std::pair<int, int> bounds[] = {{0, 0},     {3, 17},    {-5, 5},
                                        {-120, -7}, {95, 1203}, {-1, 0},
                                        {100, 100}, {9, 10},    {-1000, 999}};
  for (auto [low, high] : bounds)
    for (bool isExclusive : {false, true}) {
      if (isExclusive && high - low < 2)
        continue;
      std::string kind = isExclusive ? "exclusiveM" : "m";
      auto grammar =
          compileSchema("{\"type\":\"integer\",\"" + kind +
                        "inimum\":" + std::to_string(low) + ",\"" + kind +
                        "aximum\":" + std::to_string(high) + "}");
      for (int n = low - 120; n <= high + 120; ++n)
        EXPECT_EQ(accepts(grammar, std::to_string(n)),
                  isExclusive ? low < n && n < high : low <= n && n <= high)
            << low << " " << high << " " << n << isExclusive;
    }
  check({
      {R"({"type":"integer","minimum":1.5,"maximum":3.5})",
       {"2", "3"},
       {"1", "4"}},
      {R"({"type":"integer","minimum":10})",
       {"10", "999999999999999999"},
       {"9", "-10", "010", "1000000000000000000"}},
      {R"({"type":"integer","maximum":-10})",
       {"-10", "-123"},
       {"-9", "0", "10"}},
      {R"({"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807})",
       {"0", "-5", "123456789012345678"},
       {"a"}},
      {R"({"type":"integer","multipleOf":7,"minimum":-30,"maximum":30})",
       {"0", "-28", "7", "28"},
       {"1", "-27", "35", "-35", "-"}},
      {R"({"type":"integer","exclusiveMaximum":0})", {"-1"}, {"0", "-0", "1"}},
  });
}

TEST(JsonSchemaTest, NumbersWithinBounds) {
  const std::pair<const char *, const char *> bounds[] = {
      {"0", "1"},        {"-1.5", "2.25"},   {"0.05", "0.1"}, {"1e-3", "12"},
      {"-0.75", "-0.5"}, {"99.9", "100.01"}, {"3", "3"}};
  std::vector<std::string> texts;
  for (const char *whole :
       {"0", "1", "2", "3", "9", "10", "11", "12", "13", "99", "100", "101"})
    for (const char *fraction :
         {"",     ".0",   ".001", ".0009", ".01",  ".010", ".02",  ".05",
          ".049", ".051", ".1",   ".10",   ".101", ".25",  ".250", ".26",
          ".5",   ".50",  ".75",  ".76",   ".9",   ".90",  ".99"})
      for (const char *sign : {"", "-"})
        texts.push_back(std::string(sign) + whole + fraction);
  for (auto [low, high] : bounds)
    for (bool isExclusive : {false, true}) {
      if (isExclusive && std::string(low) == high)
        continue;
      std::string kind = isExclusive ? "exclusiveM" : "m";
      auto grammar =
          compileSchema("{\"type\":\"number\",\"" + kind + "inimum\":" + low +
                        ",\"" + kind + "aximum\":" + high + "}");
      double least = atof(low), most = atof(high);
      for (const std::string &text : texts) {
        double n = atof(text.c_str());
        if (text[0] == '-' && n == 0)
          continue; // there is no -0
        EXPECT_EQ(accepts(grammar, text),
                  isExclusive ? least < n && n < most : least <= n && n <= most)
            << low << " " << high << " " << text << isExclusive;
      }
    }
}

TEST(JsonSchemaTest, Alternatives) {
  check({
      {R"({"anyOf":[{"type":"string","maxLength":1},{"type":"string","pattern":"^abc$"},{"type":"null"}]})",
       {"\"\"", "\"x\"", "\"abc\"", "null"},
       {"\"ab\"", "1"}},
      {R"({"oneOf":[{"type":"integer"},{"type":"string"}],"description":"d"})",
       {"1", "\"\""},
       {"null"}},
      {R"({"oneOf":[
            {"properties":{"k":{"const":"a"},"v":{"type":"integer"}},"required":["k","v"],"type":"object"},
            {"properties":{"k":{"const":"b"},"v":{"type":"null"}},"required":["k"],"type":"object"}]})",
       {R"({"k":"a","v":1})", R"({"k":"b"})"},
       {R"({"k":"a"})", R"({"k":"b","v":1})"}},
      {R"({"allOf":[{"type":"null"}],"title":"t"})", {"null"}, {"1"}},
      {R"({"allOf":[{},true]})", {"null", "1"}, {"x"}},
      {R"({"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},
            {"type":"object","properties":{"b":{"type":"null"}}}],"title":"t"})",
       {R"({"a":1})", R"({"a":1,"b":null})"},
       {R"({"b":null})", "1", R"({})", R"({"a":1,"c":null})"}},
      {R"({"$defs":{"base":{"type":"object","properties":{"id":{"type":"integer"}},
            "required":["id"]}},"allOf":[{"$ref":"#/$defs/base"}],
            "properties":{"n":{"type":"null"}},"required":["n","id"]})",
       {R"({"id":1,"n":null})"},
       {R"({"id":1})", R"({"n":null})"}},
      {R"({"allOf":[{"properties":{"a":{"properties":{"x":{"type":"null"}},"required":["x"]}},
            "required":["a"]},{"properties":{"a":{"properties":{"y":{"type":"null"}}}}}]})",
       {R"({"a":{"x":null}})", R"({"a":{"x":null,"y":null}})"},
       {R"({"a":{"y":null}})", R"({"a":1})", "{}"}},
      {R"({"anyOf":[false,{"type":"null"}]})", {"null"}, {"1"}},
  });
}

TEST(JsonSchemaTest, References) {
  check({
      {R"({"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},
            "next":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/n"}]}},"required":["v","next"]}},
           "$ref":"#/$defs/n","description":"list"})",
       {R"({"v":1,"next":null})", R"({"v":1,"next":{"v":2,"next":null}})"},
       {R"({"v":1})", R"({"v":1,"next":{}})",
        R"({"v":1,"next":{"v":2,"next":null})"}},
      {R"({"type":"array","items":{"$ref":"#"}})",
       {"[]", "[[],[[]]]"},
       {"[1]", "[[]"}},
      {R"({"definitions":{"a/b~c%":{"const":1}},"items":{"$ref":"#/definitions/a~1b~0c%25"}})",
       {"[1,1]"},
       {"[2]"}},
      {R"({"prefixItems":[{"const":1}],"items":{"$ref":"#/prefixItems/0"}})",
       {"[1,1,1]"},
       {"[1,2]"}},
  });
  // As deep as it may be, and no deeper: what is open can always be closed.
  auto grammar = compileSchema(R"({"type":"array","items":{"$ref":"#"}})");
  std::string open;
  while (getNextBytes(grammar, open).find('[') != std::string::npos)
    open += '[';
  EXPECT_GE(open.size(), 50u);
  EXPECT_LE(open.size(), 130u);
  EXPECT_TRUE(accepts(grammar, open + std::string(open.size(), ']')));
}

TEST(JsonSchemaTest, AThoughtMayComeFirst) {
  auto grammar =
      compileSchema(R"({"type":"null"})", constrain::Thought::Allowed);
  EXPECT_TRUE(accepts(grammar, "null"));
  EXPECT_TRUE(accepts(grammar, "<|channel>thought\nnull? \xff<channel|>null"));
  EXPECT_FALSE(accepts(grammar, "<|channel>thought"));
  EXPECT_FALSE(accepts(grammar, "<|channel>a<|channel>b<channel|>null"));
  EXPECT_FALSE(accepts(compileSchema(R"({"type":"null"})"),
                       "<|channel>a<channel|>null"));
  auto open = compileSchema(R"({"type":"null"})", constrain::Thought::Open);
  EXPECT_TRUE(accepts(open, "thought\n<channel|>null"));
  EXPECT_FALSE(accepts(open, "null"));
  EXPECT_FALSE(accepts(open, "<channel|>x<channel|>null"));
}
