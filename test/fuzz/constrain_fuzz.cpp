//===- constrain_fuzz.cpp - Schemas, patterns and tools to masks ----------===//

#include "runtime/constrain/grammar.h"
#include "runtime/constrain/matcher.h"
#include "runtime/core/error.h"
#include "test/unit/Tokenizer/SlowBpe.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace gemcut;
using namespace gemcut::constrain;

namespace {

void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

const VocabularyPtr &getVocabulary() {
  static const auto tokenizer = [] {
    std::string error;
    return test::compile(
        test::makeSyntheticTokenizer(1200, 2000, /*seed=*/2).toJson(), &error,
        /*vocabSize=*/1200);
  }();
  static const VocabularyPtr vocabulary = [] {
    int32_t stop = tokenizer->tokenizer.role(GEMCUT_TOKEN_EOS);
    return Vocabulary::build(tokenizer->tokenizer, &stop, 1);
  }();
  return vocabulary;
}

/// Walks through an answer. Every state has a way on, and each bit of the first
/// masks is what accepting the token says.
void follow(const GrammarPtr &grammar, uint32_t seed) {
  const VocabularyPtr &vocabulary = getVocabulary();
  Mask mask(vocabulary->maskWords());
  Matcher matcher(grammar);
  for (int step = 0; step < 12; ++step) {
    matcher.fillMask(mask.data());
    std::vector<int32_t> allowed;
    bool mayEnd = false;
    for (int32_t id = 0; id < vocabulary->size(); ++id) {
      bool isSet = mask[size_t(id) / 32] >> id % 32 & 1;
      if (step < 2) {
        Matcher copy = matcher;
        require(copy.accept(id) == isSet, "the mask says what is accepted");
      }
      if (isSet && vocabulary->isStop(id))
        mayEnd = true;
      else if (isSet)
        allowed.push_back(id);
    }
    require(mayEnd == matcher.canEnd(), "stop ids where the answer may end");
    require(mayEnd || !allowed.empty(), "every state has a way on");
    if (allowed.empty())
      return;
    seed = seed * 1664525 + 1013904223;
    require(matcher.accept(allowed[(seed >> 8) % allowed.size()]),
            "allowed tokens are accepted");
  }
}

void check(gemcut_status status, const GrammarPtr &grammar, uint32_t seed) {
  if (status == GEMCUT_OK)
    return follow(grammar, seed);
  const char *sentence = gemcut_last_error();
  require(status == GEMCUT_INVALID_ARGUMENT && sentence[0],
          "errors say what is wrong");
  require(!std::strchr(sentence, '\n'), "errors have one line");
}

} // namespace

/// The input is a schema, the parameters of a tool, and a pattern.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  uint32_t seed = uint32_t(size * 2654435761u) ^ (size ? data[size / 2] : 0);
  GrammarPtr grammar;
  bool isSchema = size > 0 && text[0] == '{';
  if (!isSchema) {
    gemcut_status status = compileRegex(getVocabulary(), text, {}, grammar);
    check(status, grammar, seed);
    return 0;
  }
  gemcut_status status = compileJsonSchema(getVocabulary(), text, {}, grammar);
  check(status, grammar, seed);
  ToolOptions options;
  options.choice = seed & 1 ? ToolChoice::Auto : ToolChoice::Required;
  status = compileToolCalls(getVocabulary(), {{"f", std::string(text)}},
                            options, grammar);
  check(status, grammar, seed);
  return 0;
}
