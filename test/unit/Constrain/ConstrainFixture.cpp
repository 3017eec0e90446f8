//===- ConstrainFixture.cpp - A vocabulary for constraints ----------------===//

#include "test/unit/Constrain/ConstrainFixture.h"

#include "runtime/core/error.h"
#include "test/unit/Tokenizer/SlowBpe.h"

using namespace gemcut;
using namespace gemcut::constrain;

const test::TestTokenizer &test::getTestTokenizer() {
  static const std::unique_ptr<TestTokenizer> tokenizer = [] {
    TokenizerSpec spec = makeSyntheticTokenizer(3000, 8000, /*seed=*/3);
    for (const char *piece :
         {"{\"",        "\":",         "\":\"", "\",\"", "\"}",    "\"]",
          "},{",        "[{",          "]}",    "\"a\"", "\\n",    "\\\"",
          "\\",         "\"",          "\\u00", "true",  "false",  "null",
          "tru",        "true,",       "12",    "-1",    "1.5",    "e+",
          "ab\"",       "a\":1",       "x\\",   "call:", "call:f", "f{",
          "a\u2581b",   "\u2581\"",    "2024-", ":",     "[",      "]",
          "_",          "+",           "=",     "@",     "/",      "\u00df\"",
          "\U0001F642", "\U0001F642\""})
      if (std::find(spec.pieces.begin(), spec.pieces.end(), piece) ==
          spec.pieces.end())
        spec.pieces.push_back(piece);
    std::string error;
    auto result = compile(spec.toJson(), &error, /*vocabSize=*/3100);
    EXPECT_TRUE(result) << error;
    return result;
  }();
  return *tokenizer;
}

VocabularyPtr test::getTestVocabulary() {
  static const VocabularyPtr vocabulary = [] {
    const text::Tokenizer &tokenizer = getTestTokenizer().tokenizer;
    int32_t stops[] = {tokenizer.role(GEMCUT_TOKEN_EOS),
                       tokenizer.role(GEMCUT_TOKEN_TURN_CLOSE)};
    return Vocabulary::build(tokenizer, stops, 2);
  }();
  return vocabulary;
}

GrammarPtr test::compileSchema(const std::string &schema,
                               constrain::Thought thought) {
  GrammarPtr grammar;
  GrammarOptions options;
  options.thought = thought;
  EXPECT_EQ(compileJsonSchema(getTestVocabulary(), schema, options, grammar),
            GEMCUT_OK)
      << schema << ": " << gemcut_last_error();
  return grammar;
}

GrammarPtr test::compilePattern(const std::string &pattern) {
  GrammarPtr grammar;
  EXPECT_EQ(compileRegex(getTestVocabulary(), pattern, {}, grammar), GEMCUT_OK)
      << pattern << ": " << gemcut_last_error();
  return grammar;
}

GrammarPtr test::compileTools(const std::vector<Tool> &tools,
                              ToolOptions options) {
  GrammarPtr grammar;
  EXPECT_EQ(compileToolCalls(getTestVocabulary(), tools, options, grammar),
            GEMCUT_OK)
      << gemcut_last_error();
  return grammar;
}

static std::string getError(gemcut_status status) {
  if (status == GEMCUT_OK)
    return "";
  EXPECT_EQ(status, GEMCUT_INVALID_ARGUMENT);
  return gemcut_last_error();
}

std::string test::getSchemaError(const std::string &schema) {
  GrammarPtr grammar;
  return getError(compileJsonSchema(getTestVocabulary(), schema, {}, grammar));
}

std::string test::getPatternError(const std::string &pattern) {
  GrammarPtr grammar;
  return getError(compileRegex(getTestVocabulary(), pattern, {}, grammar));
}

std::string test::getToolsError(const std::vector<Tool> &tools) {
  GrammarPtr grammar;
  return getError(compileToolCalls(getTestVocabulary(), tools, {}, grammar));
}

/// Feeds a text; false where it goes on in no allowed way.
static bool feed(Matcher &matcher, const std::string &text) {
  const text::Tokenizer &tokenizer = test::getTestTokenizer().tokenizer;
  for (size_t i = 0; i < text.size();) {
    int32_t id = -1;
    size_t length = 1;
    for (int32_t special : test::getTestVocabulary()->getSpecialIds()) {
      std::string_view name = tokenizer.piece(special);
      if (text.compare(i, name.size(), name) == 0) {
        id = special;
        length = name.size();
      }
    }
    if (id < 0) {
      char name[8];
      snprintf(name, sizeof name, "<0x%02X>", uint8_t(text[i]));
      id = tokenizer.find(name);
    }
    i += length;
    if (!matcher.accept(id))
      return false;
  }
  return true;
}

bool test::accepts(const GrammarPtr &grammar, const std::string &text) {
  if (!grammar)
    return false;
  Matcher matcher(grammar);
  return feed(matcher, text) && matcher.canEnd();
}

std::string test::getNextBytes(const GrammarPtr &grammar,
                               const std::string &text) {
  Matcher matcher(grammar);
  EXPECT_TRUE(feed(matcher, text)) << text;
  std::string result;
  for (int byte = 0; byte < 256; ++byte) {
    Matcher copy = matcher;
    if (feed(copy, std::string(1, char(byte))))
      result += char(byte);
  }
  return result;
}
