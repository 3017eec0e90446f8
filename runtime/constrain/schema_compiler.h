//===- schema_compiler.h - From a JSON schema to a network ------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_SCHEMA_COMPILER_H
#define GEMCUT_RUNTIME_CONSTRAIN_SCHEMA_COMPILER_H

#include "runtime/constrain/json_schema.h"

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace gemcut::constrain {

/// The types of JSON schema, as bits.
enum SchemaType : unsigned {
  kNull = 1,
  kBoolean = 2,
  kObject = 4,
  kArray = 8,
  kNumber = 16, // all numbers
  kString = 32,
  kInteger = 64, // whole numbers alone
  kAnyType = kNull | kBoolean | kObject | kArray | kNumber | kString,
};

/// Compiles one schema document; see json_schema.h.
class SchemaCompiler {
public:
  using Json = nlohmann::ordered_json;

  SchemaCompiler(NetworkBuilder &builder, ValueSyntax &syntax,
                 const Json &document, const char *what)
      : builder(builder), syntax(syntax), document(document), what(what) {}

  [[nodiscard]] gemcut_status run(uint32_t from, uint32_t to);

private:
  struct Place {
    const Json &schema;
    std::string pointer; // "#/properties/a"
    Place at(const std::string &key) const;
  };
  struct Property {
    std::string name;
    const Json *schema;
    std::string pointer;
    bool isRequired;
  };

  /// Names that match a pattern, and the schema of their values.
  struct NamePattern {
    const Json *schema;
    std::string pointer;
    CharAutomaton names;
  };
  /// Properties that a schema does not name.
  struct OtherProperties {
    CharAutomaton names;
    uint32_t rule; // of their values
  };

  gemcut_status addSchema(const Place &place, uint32_t from, uint32_t to);
  gemcut_status addReference(const Place &place, uint32_t from, uint32_t to);
  gemcut_status addAlternatives(const Place &place, const char *keyword,
                                uint32_t from, uint32_t to);
  // schema_values.cpp
  gemcut_status addConstants(const Place &place, unsigned types, uint32_t from,
                             uint32_t to);
  gemcut_status addNumber(const Place &place, bool isInteger, uint32_t from,
                          uint32_t to);
  gemcut_status addString(const Place &place, uint32_t from, uint32_t to);
  /// What 'enum' or 'const' lists; no other keywords but a type may be there.
  gemcut_status readConstants(const Place &place,
                              std::vector<const Json *> &values);
  /// The texts of strings that `place` describes.
  gemcut_status readText(const Place &place, CharAutomaton &text);
  // schema_arrays.cpp
  gemcut_status addArray(const Place &place, uint32_t from, uint32_t to);
  gemcut_status readItems(const Place &place, std::vector<uint32_t> &first,
                          uint32_t &others);
  /// Constants of which each one comes once at most.
  gemcut_status addDistinct(const Place &place, uint32_t least, uint32_t most,
                            uint32_t from, uint32_t to);
  // schema_objects.cpp
  gemcut_status addObject(const Place &place, uint32_t from, uint32_t to);
  gemcut_status readPatterns(const Place &place,
                             std::vector<NamePattern> &patterns);
  gemcut_status readProperties(const Place &place,
                               const std::vector<NamePattern> &patterns,
                               std::vector<Property> &properties);
  /// What "propertyNames" allows; `depth`: references that were followed.
  gemcut_status readNames(const Place &place, int depth, CharAutomaton &names);
  /// Whether `place` allows a name, which must be one of `names`.
  gemcut_status findName(const Place &place, const CharAutomaton &names,
                         const std::string &name, bool &isFound);
  gemcut_status readOthers(const Place &place,
                           const std::vector<Property> &properties,
                           const std::vector<NamePattern> &patterns,
                           std::vector<OtherProperties> &others);
  void addSeparator(uint32_t from, bool isFirst, uint32_t key);
  /// `isOnce`: the value's schema is used at this place alone.
  gemcut_status addMember(const Property &property, uint32_t from, uint32_t to,
                          bool isOnce);
  /// A key and its value.
  void addOthers(const std::vector<OtherProperties> &others, uint32_t from,
                 uint32_t to);
  /// The rule of a schema, to be compiled later.
  uint32_t findRule(const Json &schema, const std::string &pointer);

  // schema_keywords.cpp
  gemcut_status checkKeywords(const Place &place);
  /// Where a tool, a function or a response format of OpenAI's API, given as
  /// the document, has its schema; "" for another document.
  std::string findWrapped() const;
  gemcut_status checkAlone(const Place &place, const char *keyword);
  gemcut_status readTypes(const Place &place, unsigned &types);
  /// Removes the types that "not" names.
  gemcut_status excludeTypes(const Place &place, unsigned &types);
  gemcut_status readCount(const Place &place, const char *keyword,
                          uint32_t &value);
  // schema_merge.cpp
  gemcut_status checkPart(const Place &place);
  /// Adds the schemas of objects that `place` joins: its own keywords and those
  /// in 'allOf', behind references too.
  gemcut_status collectParts(const Place &place, int depth,
                             std::vector<const Json *> &parts);
  gemcut_status addMerged(const Place &place, uint32_t from, uint32_t to);
  // schema_tags.cpp
  /// The alternatives of a "oneOf", whose "discriminator" their objects always
  /// have.
  gemcut_status requireTags(const Place &place, std::vector<Place> &all);
  // schema_disjoint.cpp
  gemcut_status checkDisjoint(const Place &list, const std::vector<Place> &all);
  bool areDisjoint(const Json &a, const Json &b, int depth) const;
  /// The schema that a pointer names, or null.
  const Json *findReference(const std::string &reference) const;
  /// The pointer that "$ref" gives, if there is a schema.
  gemcut_status followReference(const Place &place, std::string &pointer);
  /// The schema that `place` leads to by "$ref" behind "$ref", and its pointer;
  /// without one, `place` itself.
  gemcut_status followReferences(const Place &place, const Json *&schema,
                                 std::string &pointer);
  gemcut_status refuse(const Place &place, const std::string &sentence);

  NetworkBuilder &builder;
  ValueSyntax &syntax;
  const Json &document;
  const char *what;
  std::unordered_map<std::string, uint32_t> rules; // by reference or pointer
  struct Waiting {
    const Json *schema;
    std::string pointer;
    uint32_t rule;
  };
  std::deque<Waiting> waiting; // rules without their contents
  std::deque<Json> merged;     // schemas that 'allOf' and tags made
  std::unordered_map<std::string, const Json *> tagged; // of those, by pointer
  size_t mergeVisits = 0; // of schemas, by all merges together
  int mergeDepth = 0;     // of them, inside each other
  TextSearch nameSearch;  // of all names together
};

/// Keywords that say nothing about a value.
bool isAnnotation(const std::string &keyword);

/// Whether a schema says nothing about values, so that all are valid.
bool isAnything(const nlohmann::ordered_json &schema);

/// Keywords of a schema that are no annotations.
size_t countRules(const nlohmann::ordered_json &schema);

/// The schema of any value: true. Its rule has this name.
extern const nlohmann::ordered_json kAnySchema;
inline constexpr char kAnyValueName[] = "any value";

/// References that lead to references are followed so far.
inline constexpr int kMostReferences = 16;

/// The types that are named by a type keyword or a list of them; 0 for another
/// value.
unsigned parseTypes(const nlohmann::ordered_json &type);

/// The type of a value: kInteger for whole numbers.
unsigned typeOf(const nlohmann::ordered_json &value);

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_SCHEMA_COMPILER_H
