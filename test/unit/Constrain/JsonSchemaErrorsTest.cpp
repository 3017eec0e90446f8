//===- JsonSchemaErrorsTest.cpp - Schemas that are refused ----------------===//

#include "test/unit/Constrain/ConstrainFixture.h"

using namespace gemcut;
using namespace gemcut::test;

TEST(JsonSchemaErrors, ErrorsNameThePlace) {
  const std::pair<const char *, const char *> cases[] = {
      {"{", "the schema is not JSON: at byte"},
      {"3", "the schema at #: a schema must be an object, true or false"},
      {R"({"properties":{"a/b":{"foo":1}}})",
       "the schema at #/properties/a~1b/foo: the keyword 'foo' is not "
       "supported"},
      {R"({"dependentRequired":{}})", "'dependentRequired' is not supported"},
      {R"({"items":[3]})", "#/items/0: a schema must be an object"},
      {R"({"items":3})", "#/items: a schema must be an object"},
      {R"({"not":{"minLength":3}})", "#/not: 'not' is supported of {} and of"},
      {R"({"not":{"type":"integer"}})", "not of \"integer\" among numbers"},
      {R"({"type":"text"})", "#/type: a type must be"},
      {R"({"type":[]})", "#/type: a type must be"},
      {R"({"uniqueItems":true})",
       "#/uniqueItems: 'uniqueItems' needs 'items' that 'enum' or"},
      {R"({"uniqueItems":true,"items":{"type":"string"}})",
       "#/uniqueItems: 'uniqueItems' needs 'items' that 'enum' or"},
      {R"({"uniqueItems":true,"items":{"const":1},"minItems":2})",
       "#/uniqueItems: there are only 1 values for at least 2 items"},
      {R"({"minItems":-1})",
       "#/minItems: 'minItems' must be a whole number from 0"},
      {R"({"minItems":3,"maxItems":2})",
       "#/maxItems: 'maxItems' is below 'minItems'"},
      {R"({"minLength":3,"maxLength":2})",
       "#/maxLength: 'maxLength' is below 'minLength'"},
      {R"({"pattern":"a("})",
       "#/pattern: the pattern \"a(\": '(' without ')' at byte 1"},
      {R"({"pattern":"^a$","minLength":2})",
       "#/minLength: no string fulfils this"},
      {R"({"pattern":"^[a-z]{300}$","maxLength":40000})", ""},
      {R"({"pattern":".*(a|b).{200}","maxLength":40000})",
       "becomes larger than 65536 states"},
      {R"({"format":"color"})",
       "#/format: the format \"color\" is not supported; there are date"},
      {R"({"type":"integer","minimum":"1"})",
       "#/minimum: 'minimum' must be a number"},
      {R"({"type":"integer","minimum":3,"maximum":2})",
       "#: no number lies between the bounds"},
      {R"({"type":"integer","minimum":1e30})", "have more than 18 digits"},
      {R"({"type":"number","multipleOf":0})",
       "#/multipleOf: 'multipleOf' must be above 0"},
      {R"({"type":"number","multipleOf":1e-9})",
       "#/multipleOf: 'multipleOf' must be above 0"},
      {R"({"type":"number","multipleOf":"2"})", "#/multipleOf: 'multipleOf'"},
      {R"({"enum":[1],"minimum":0})",
       "#/minimum: 'minimum' beside 'enum' is not supported"},
      {R"({"anyOf":[{}],"type":"string"})",
       "#/type: 'type' beside 'anyOf' is not supported"},
      {R"({"anyOf":[]})",
       "#/anyOf: 'anyOf' must be a list of schemas that is not empty"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})",
       "#/oneOf: a value may be valid for both schema 0 and schema 1"},
      {R"({"allOf":[{},{"type":"string"}]})",
       "#/allOf/1/type: 'allOf' joins schemas of objects only"},
      {R"({"allOf":[{"required":["a"]},{"anyOf":[{}]}]})",
       "#/allOf/1/anyOf: 'anyOf' is not supported where 'allOf' joins"},
      {R"({"allOf":[{"required":["a"]},{"additionalProperties":false}]})",
       "#/allOf/1/additionalProperties: 'additionalProperties' other than"},
      {R"({"allOf":[{"required":["a"]},{"$ref":"#"}]})",
       "'allOf' leads too deep, or back to itself"},
      {R"({"$defs":{"a":{"properties":{"x":{"$ref":"#/$defs/a"}},"required":["x"]},
           "b":{"properties":{"x":{"$ref":"#/$defs/b"}}}},
           "allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]})",
       "'allOf' leads too deep, or back to itself"},
      {R"({"allOf":[]})", "#/allOf: 'allOf' must be a list of schemas"},
      {R"({"$ref":"#/$defs/x"})",
       "#/$ref: there is no \"#/$defs/x\" in this document"},
      {R"({"type":"function","function":{"name":"f","parameters":{}}})",
       "at #: this is not a schema, but has one; give the object at "
       "#/function/parameters"},
      {R"({"name":"f","schema":{}})", "give the object at #/schema"},
      {R"({"name":"f","schema":1})", "#/name: the keyword 'name' is not"},
      {R"({"$ref":"other.json"})",
       "#/$ref: the reference \"other.json\" must be"},
      {R"({"$ref":"#"})",
       "# leads back to itself before anything of it is written"},
      {R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})", "# leads back to itself"},
      {R"({"properties":{"a":{"$ref":"#"}},"required":["a"]})",
       "there is no answer that it allows"},
      {"false", "there is no answer that it allows"},
      {R"({"required":["x"],"additionalProperties":false})",
       "#/required: the property \"x\" is required, but 'properties' does not "
       "have it"},
      {R"({"minItems":50000,"items":{"items":{}},"$comment":"large"})", ""},
      {R"({"patternProperties":{"^a":{},"b$":{}}})",
       "#/patternProperties/b$: a name can match this pattern and another one, "
       "#/patternProperties/^a"},
      {R"({"patternProperties":{"(":{}}})", "#/patternProperties/(: the pat"},
      {R"({"properties":{"ab":{}},"patternProperties":{"^a":{"type":"null"}}})",
       "the property \"ab\" matches this pattern, too"},
      {R"({"patternProperties":{"^a":{}},"additionalProperties":{"type":"null"}})",
       "#/additionalProperties: beside 'patternProperties'"},
      {R"({"properties":{"ab":{}},"propertyNames":{"maxLength":1}})",
       "#/propertyNames: the property \"ab\" is none of the names"},
      {R"({"propertyNames":{"enum":["ab","xy"],"pattern":"^x"}})",
       "#/propertyNames/pattern: 'pattern' beside 'enum' is not supported"},
      {R"({"propertyNames":{"maxLength":1,"const":"ab"}})",
       "#/propertyNames/maxLength: 'maxLength' beside 'const'"},
      {R"({"propertyNames":{"enum":7}})",
       "#/propertyNames/enum: 'enum' must be a list of values"},
      {R"({"propertyNames":{"type":"integer"}})",
       "#/propertyNames/type: names are strings"},
      {R"({"propertyNames":{"$ref":"#/propertyNames"}})",
       "the names must be given by a schema of strings"},
      {R"({"minProperties":3,"properties":{"a":{}},"additionalProperties":true})",
       "#/minProperties: only 1 properties are named"},
      {R"({"minProperties":3,"maxProperties":2})",
       "#/maxProperties: 'maxProperties' is below"},
      {R"({"minProperties":-1})", "#/minProperties: 'minProperties' must be"},
      {R"({"a\nb":1})", "#/a?b: the keyword 'a?b' is not supported"},
      {R"({"properties":3})", "#/properties: 'properties' must be an object"},
      {R"({"required":"a"})", "#/required: 'required' must be a list of names"},
  };
  for (auto [schema, sentence] : cases) {
    std::string error = getSchemaError(schema);
    if (!*sentence)
      EXPECT_EQ(error, "") << schema;
    else
      EXPECT_NE(error.find(sentence), std::string::npos)
          << schema << ": " << error;
  }
  std::string deep;
  for (int i = 0; i < 70; ++i)
    deep += "{\"items\":";
  EXPECT_NE(getSchemaError(deep + "{}" + std::string(70, '}'))
                .find("nests deeper than 64"),
            std::string::npos);
}

TEST(JsonSchemaErrors, LargeSchemasAreRefusedSoon) {
  auto repeat = [](const char *keyword, const char *schema, int count) {
    std::string text = std::string("{\"") + keyword + "\":[";
    for (int i = 0; i < count; ++i)
      text += (i ? "," : "") + std::string(schema);
    return text + "]}";
  };
  // Each of these alone takes 10 ms or more.
  const char *large = R"({"type":"string","maxLength":50000})";
  EXPECT_NE(getSchemaError(repeat("anyOf", large, 5000)).find("becomes larger"),
            std::string::npos);
  EXPECT_NE(
      getSchemaError(repeat("prefixItems", large, 5000)).find("becomes larger"),
      std::string::npos);
  EXPECT_NE(getSchemaError(repeat("oneOf", "{}", 300)).find("more than 256"),
            std::string::npos);
  // 32^8 visits of schemas that say nothing.
  std::string chain = "{\"$defs\":{\"a8\":{}";
  for (int i = 7; i > 0; --i) {
    std::string next = "{\"$ref\":\"#/$defs/a" + std::to_string(i + 1) + "\"}";
    chain +=
        ",\"a" + std::to_string(i) + "\":" + repeat("allOf", next.c_str(), 32);
  }
  chain += "}," + repeat("allOf", R"({"$ref":"#/$defs/a1"})", 32).substr(1);
  EXPECT_NE(getSchemaError(chain).find("'allOf' leads too deep"),
            std::string::npos);
}

TEST(JsonSchemaErrors, ManyNamesOfPropertiesAreFoundOrTooMany) {
  // 2000 properties among 5000 names; and a search that is too long for an
  // answer.
  auto makeName = [](int i) { return "\"name" + std::to_string(i) + "\""; };
  std::string names, properties;
  for (int i = 0; i < 5000; ++i)
    names += (i ? "," : "") + makeName(i);
  for (int i = 0; i < 2000; ++i)
    properties += (i ? "," : "") + makeName(i * 2) + ":true";
  EXPECT_EQ(getSchemaError(R"({"additionalProperties":false,"properties":{)" +
                           properties + R"(},"propertyNames":{"enum":[)" +
                           names + "]}}"),
            "");
  std::string pattern = R"({"patternProperties":{"a[ab]{3000}c":false},)";
  std::string name = "\"" + std::string(20000, 'a') + "\"";
  std::string error = getSchemaError(pattern + "\"properties\":{" + name +
                                     ":{}},\"additionalProperties\":false}");
  EXPECT_NE(error.find("the search for the names of properties becomes too "
                       "large"),
            std::string::npos)
      << error;
  // What two rules leave of the names.
  name = "\"" + std::string(1000, 'a') + "\"";
  error = getSchemaError(R"({"propertyNames":{"pattern":"a[ab]{100}"},)"
                         "\"properties\":{" +
                         name + ":{}}}");
  EXPECT_NE(error.find("what remains of the names becomes too "
                       "large"),
            std::string::npos)
      << error;
}
