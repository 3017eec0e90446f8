//===- json_schema.cpp - JSON schemas -------------------------------------===//

#include "runtime/constrain/json_schema.h"

#include "runtime/constrain/grammar_masks.h"
#include "runtime/constrain/schema_compiler.h"
#include "runtime/core/error.h"

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

/// Recursion over a schema is as deep as its text nests.
static constexpr int kMostNesting = 64;

namespace {
/// Finds out where a text stops being JSON, and how deep it nests.
class Checker : public nlohmann::json_sax<Json> {
public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t &) override { return true; }
  bool string(string_t &) override { return true; }
  bool binary(binary_t &) override { return true; }
  bool key(string_t &) override { return true; }
  bool start_object(size_t) override { return ++depth <= kMostNesting; }
  bool start_array(size_t) override { return ++depth <= kMostNesting; }
  bool end_object() override { return --depth >= 0; }
  bool end_array() override { return --depth >= 0; }
  bool parse_error(size_t at, const std::string &token,
                   const nlohmann::detail::exception &) override {
    position = at;
    last = token;
    return false;
  }

  int depth = 0;
  size_t position = 0;
  std::string last;
};
} // namespace

gemcut_status constrain::parseJson(std::string_view text, const char *what,
                                   Json &out) {
  Checker checker;
  if (!Json::sax_parse(text, &checker)) {
    if (checker.depth > kMostNesting)
      return fail(GEMCUT_INVALID_ARGUMENT, "%s nests deeper than %d", what,
                  kMostNesting);
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s is not JSON: at byte %zu, near '%.40s'", what,
                checker.position, checker.last.c_str());
  }
  out = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return GEMCUT_OK;
}

gemcut_status constrain::addSchema(NetworkBuilder &builder, ValueSyntax &syntax,
                                   const Json &schema, const char *what,
                                   uint32_t from, uint32_t to) {
  return SchemaCompiler(builder, syntax, schema, what).run(from, to);
}

gemcut_status constrain::compileJsonSchema(const VocabularyPtr &vocabulary,
                                           std::string_view schema,
                                           const GrammarOptions &options,
                                           GrammarPtr &grammar) {
  const char *what = "the schema";
  Json document;
  if (gemcut_status status = parseJson(schema, what, document))
    return status;
  NetworkBuilder builder;
  uint32_t root = builder.addRule("the answer"), from;
  if (gemcut_status status = addThought(builder, *vocabulary, options.thought,
                                        builder.startOf(root), from))
    return status;
  ValueSyntax syntax(builder, /*quoteId=*/-1);
  if (gemcut_status status =
          addSchema(builder, syntax, document, what, from, builder.endOf(root)))
    return status;
  return makeGrammar(vocabulary, builder, what, grammar);
}
