//===- json_schema.h - JSON schemas -----------------------------*- C++ -*-===//
//
// The subset of draft 2020-12 that compiles. Every answer is valid for the
// schema; not every valid text can be an answer (it is compact, and see below).
//
//   true, {}       any value
//   type           one or a list of them. Without it, the types that the other
//                  keywords are about; if there is none, any. OpenAPI's
//                  "nullable": true beside it adds null
//   not            of {}, true and false, and of a type or a list of them
//   enum, const    beside `type` only, which then chooses among the values
//   properties, required, additionalProperties (also a schema)
//                  Properties come in the order of `properties`, then those
//                  that only `required` names, then others. Without
//                  additionalProperties, others come only if `properties` is
//                  absent. Their names are not empty and have no escapes
//   patternProperties, propertyNames (a schema of strings), minProperties,
//   maxProperties  A name matches at most one pattern, and one of `properties`
//                  none. Beside patternProperties no others come. Whether others
//                  are equal is not followed, so they count as one for
//                  minProperties
//   items, prefixItems, minItems, maxItems
//                  Without `items`, others come only if prefixItems is absent.
//                  Older drafts' list of `items`, with additionalItems, too
//   uniqueItems    of `items` that enum or const lists; more than 8 of them come
//                  in the order of the list
//   minLength, maxLength, pattern (regex.h; found anywhere, as the draft says),
//   format         as formats.h lists them, beside `pattern` also others, which
//                  then say nothing; \u is used for control characters alone
//   minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf (with at
//                  most 6 decimals). Numbers have a bounded number of digits,
//                  see numbers.h
//   anyOf          beside annotations only
//   oneOf          the same, if it can be seen that no value is valid for two:
//                  other types, other constants, or another constant of a
//                  required property. Objects always have the property that
//                  OpenAPI's `discriminator` names
//   allOf          of one schema, beside annotations; of several schemas of
//                  objects, and beside such keywords, if all say type,
//                  properties and required alone: their properties are joined
//   $ref           "#" and "#/..." (JSON pointer), recursion included, beside
//                  annotations; $defs, definitions
//   annotations    title, description, default, examples, deprecated, readOnly,
//                  writeOnly, $comment, $schema, $id (root), contentEncoding,
//                  contentMediaType, contentSchema, x-...; of OpenAPI
//                  example, externalDocs, xml
//
// Every other keyword is an error, and so is a schema that no value is valid
// for. Values nest at most about kMostDepth (network.h) deep.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_JSON_SCHEMA_H
#define GEMCUT_RUNTIME_CONSTRAIN_JSON_SCHEMA_H

#include "runtime/abi/status.h"
#include "runtime/constrain/value_syntax.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace gemcut::constrain {

/// Parses JSON, nested at most 64 deep. GEMCUT_INVALID_ARGUMENT: `what` ("the
/// schema") is not JSON; the sentence names the byte.
[[nodiscard]] gemcut_status parseJson(std::string_view text, const char *what,
                                      nlohmann::ordered_json &out);

/// Adds the values that are valid for `schema`. `what` begins the sentences of
/// errors: "the schema", "the parameters of tool 'f'".
[[nodiscard]] gemcut_status addSchema(NetworkBuilder &builder,
                                      ValueSyntax &syntax,
                                      const nlohmann::ordered_json &schema,
                                      const char *what, uint32_t from,
                                      uint32_t to);

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_JSON_SCHEMA_H
