//===- GeneratedSchemasTest.cpp - Schemas as libraries write them ---------===//
//
// What model_json_schema() of pydantic 2.10, and toJSONSchema() and
// zod-to-json-schema of zod 4 and 3 make of ordinary models.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Constrain/ConstrainFixture.h"

using namespace gemcut;
using namespace gemcut::test;

static void check(const char *schema, const std::vector<std::string> &good,
                  const std::vector<std::string> &bad) {
  auto grammar = compileSchema(schema);
  for (const std::string &text : good)
    EXPECT_TRUE(accepts(grammar, text)) << schema << " on " << text;
  for (const std::string &text : bad)
    EXPECT_FALSE(accepts(grammar, text)) << schema << " on " << text;
}

// class Order(BaseModel): id: UUID; size: Size = Size.m; note: str | None =
// None; tags: set[Tag]; prices: dict[str, int]; at: datetime; point:
// tuple[int, int]; count: Annotated[int, Field(gt=0, le=9)]; next: "Order |
// None" = None
TEST(GeneratedSchemasTest, PydanticModel) {
  check(
      R"({"$defs":{"Order":{"properties":{
      "id":{"format":"uuid","title":"Id","type":"string"},
      "size":{"$ref":"#/$defs/Size","default":"m"},
      "note":{"anyOf":[{"type":"string"},{"type":"null"}],"default":null,"title":"Note"},
      "tags":{"items":{"$ref":"#/$defs/Tag"},"title":"Tags","type":"array","uniqueItems":true},
      "prices":{"additionalProperties":{"type":"integer"},"title":"Prices","type":"object"},
      "at":{"format":"date-time","title":"At","type":"string"},
      "point":{"maxItems":2,"minItems":2,"prefixItems":[{"type":"integer"},{"type":"integer"}],"title":"Point","type":"array"},
      "count":{"exclusiveMinimum":0,"maximum":9,"title":"Count","type":"integer"},
      "next":{"anyOf":[{"$ref":"#/$defs/Order"},{"type":"null"}],"default":null}},
      "required":["id","tags","prices","at","point","count"],"title":"Order","type":"object"},
      "Size":{"enum":["s","m"],"title":"Size","type":"string"},
      "Tag":{"enum":["new","red"],"title":"Tag","type":"string"}},"$ref":"#/$defs/Order"})",
      {R"({"id":"123e4567-e89b-12d3-a456-426614174000","size":"s","note":null,)"
       R"("tags":["red","new"],"prices":{"a":1,"b":-2},"at":"2026-11-26T12:00:00Z",)"
       R"("point":[1,2],"count":9,"next":{"id":"123e4567-e89b-12d3-a456-426614174000",)"
       R"("tags":[],"prices":{},"at":"2026-11-26T12:00:00.5+01:00","point":[0,0],"count":1}})"},
      {R"({"id":"x"})",
       R"({"id":"123e4567-e89b-12d3-a456-426614174000","tags":["red","red"])"});
}

// Union[Cat, Dog] = Field(discriminator="kind"), where kind: Literal["cat"] =
// "cat"; a cat holds pets.
TEST(GeneratedSchemasTest, PydanticUnionsWithTags) {
  const char schema[] =
      R"({"$defs":{"Cat":{"properties":{"kind":{"const":"cat","default":"cat","title":"Kind","type":"string"},
      "friends":{"default":[],"items":{"$ref":"#/$defs/Pet"},"type":"array"}},"title":"Cat","type":"object"},
      "Dog":{"properties":{"kind":{"const":"dog","default":"dog","title":"Kind","type":"string"},
      "age":{"type":"integer"}},"required":["age"],"title":"Dog","type":"object"},
      "Pet":{"discriminator":{"mapping":{"cat":"#/$defs/Cat","dog":"#/$defs/Dog"},"propertyName":"kind"},
      "oneOf":[{"$ref":"#/$defs/Cat"},{"$ref":"#/$defs/Dog"}]}},
      "properties":{"pet":{"$ref":"#/$defs/Pet"}},"required":["pet"],"type":"object"})";
  check(
      schema,
      {R"({"pet":{"kind":"cat"}})", R"({"pet":{"kind":"dog","age":3}})",
       R"({"pet":{"kind":"cat","friends":[{"kind":"cat"},{"kind":"dog","age":1}]}})"},
      {R"({"pet":{}})", R"({"pet":{"age":3}})",
       R"({"pet":{"kind":"cat","friends":[{}]}})"});
}

// Decimal, condecimal(multiple_of=Decimal("0.05"), ge=0), SecretStr, bytes,
// Path, EmailStr, UUID4.
TEST(GeneratedSchemasTest, PydanticDecimalsAndFormats) {
  check(
      R"({"anyOf":[{"type":"number"},{"type":"string","pattern":"^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$"}]})",
      {"1.5", R"("1.50")", R"("+.5")", R"("007")", R"("-3.")"},
      {R"("")", R"("-")", R"("+.")", R"("1e5")", R"("1.2.3")"});
  check(R"({"type":"number","multipleOf":0.05,"minimum":0,"maximum":10})",
        {"0", "0.05", "9.95", "10", "3.5", "10.00"},
        {"0.01", "9.99", "10.05", "0.050", "-0.05"});
  check(R"({"type":"string","format":"password","writeOnly":true})",
        {R"("a b")"}, {"1"});
  check(R"({"type":"string","format":"binary"})", {R"("")"}, {});
  check(R"({"type":"string","format":"path"})", {R"("/a/b")"}, {});
  check(R"({"type":"string","format":"uuid4"})",
        {R"("123e4567-e89b-42d3-a456-426614174000")"},
        {R"("123e4567-e89b-12d3-a456-426614174000")"});
}

// z.object({name: z.string().min(1), email: z.email(), age: z.int(), score:
// z.number().nullable(), kind: z.literal("a"), map: z.record(z.string(),
// z.boolean()), never: z.undefined().optional()})
TEST(GeneratedSchemasTest, Zod4) {
  check(
      R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{
      "name":{"type":"string","minLength":1},
      "email":{"type":"string","format":"email","pattern":"^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$"},
      "age":{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991},
      "score":{"anyOf":[{"type":"number"},{"type":"null"}]},
      "kind":{"type":"string","const":"a"},
      "map":{"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"boolean"}},
      "never":{"not":{}}},
      "required":["name","email","age","score","kind","map"],"additionalProperties":false})",
      {R"({"name":"x","email":"a.b@c.org","age":-3,"score":null,"kind":"a","map":{"k":true}})"},
      {R"({"name":"x","email":"a..b@c.org"})",
       R"({"name":"x","email":".b@c.org"})", R"({"name":"","email")",
       R"({"name":"x","email":"a@c.org","age":-3,"score":1,"kind":"a","map":{},"never":1})"});
  check(
      R"({"type":"string","format":"date-time","pattern":"^(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|(?:02)-(?:0[1-9]|1\\d|2[0-8])))T(?:(?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d+)?)?(?:Z))$"})",
      {R"("2026-11-26T12:00:00Z")"}, {R"("2026-11-26T12:00:00+01:00")"});
  // z.cuid(): a format that only its pattern describes
  check(R"({"type":"string","format":"cuid","pattern":"^[cC][^\\s-]{8,}$"})",
        {R"("c12345678")"}, {R"("x12345678")"});
  // z.discriminatedUnion
  check(
      R"({"oneOf":[{"type":"object","properties":{"t":{"type":"string","const":"a"},"x":{"type":"number","multipleOf":0.01}},"required":["t","x"],"additionalProperties":false},
      {"type":"object","properties":{"t":{"type":"string","const":"b"}},"required":["t"],"additionalProperties":false}]})",
      {R"({"t":"a","x":0.01})", R"({"t":"b"})"}, {R"({"t":"a","x":0.001})"});
}

// Draft 7 by zod-to-json-schema, and OpenAPI 3.0.
TEST(GeneratedSchemasTest, OlderDrafts) {
  check(
      R"({"type":"array","minItems":2,"maxItems":2,"items":[{"type":"string"},{"type":"number"}],"$schema":"http://json-schema.org/draft-07/schema#"})",
      {R"(["a",1])"}, {R"(["a"])", R"([1,"a"])", R"(["a",1,1])"});
  check(
      R"({"type":"array","items":[{"type":"null"}],"additionalItems":{"type":"boolean"}})",
      {"[]", "[null]", "[null,true,false]"}, {"[true]", "[null,null]"});
  check(R"({"type":"string","nullable":true,"minLength":1})",
        {R"("a")", "null"}, {R"("")"});
  check(R"({"type":"string","nullable":true,"enum":["a",null]})",
        {R"("a")", "null"}, {R"("b")"});
  check(R"({"type":"string","nullable":true,"enum":["a"]})", {R"("a")"},
        {"null"});
  check(R"({"type":"string","nullable":false})", {R"("a")"}, {"null"});
}
