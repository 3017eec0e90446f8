//===- JsonTest.cpp - Indented JSON ---------------------------------------===//

#include "runtime/cli/json.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace gemcut::cli;

TEST(Json, Document) {
  JsonWriter json;
  json.beginObject();
  json.member("text", "a\"b\\c\n\x01\xc3\xa9\xff");
  json.member("n", -3);
  json.member("x", 0.5);
  json.member("nan", NAN);
  json.key("list");
  json.beginArray();
  json.boolean(true);
  json.beginArray();
  json.endArray();
  json.endArray();
  json.endObject();
  EXPECT_EQ(json.str(), "{\n  \"text\": \"a\\\"b\\\\c\\u000a\\u0001\xc3\xa9"
                        "\xef\xbf\xbd\",\n  \"n\": -3,\n  \"x\": 0.5,\n"
                        "  \"nan\": null,\n  \"list\": [\n    true,\n    []\n"
                        "  ]\n}");
}
