//===- mask_benchmark.cpp - Speed of compiling and of masks ---------------===//
//
//   mask_benchmark [TOKENIZER.json]
//
// Without an argument: the synthetic vocabulary of real size of
// tokenizer_benchmark. For each grammar, random answers of tokens drawn evenly
// from the masks, which are harder than a model's: the mean time of a mask with
// accepting a token, the slowest, and that of compiling.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/grammar.h"
#include "runtime/constrain/grammar_masks.h"
#include "runtime/constrain/matcher.h"
#include "runtime/core/error.h"
#include "test/unit/Tokenizer/SlowBpe.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

using namespace gemcut;
using namespace gemcut::constrain;
using namespace gemcut::test;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static void measure(const VocabularyPtr &vocabulary, const char *name,
                    const std::string &schema, bool isPattern) {
  GrammarPtr grammar;
  double start = now();
  gemcut_status status =
      isPattern ? compileRegex(vocabulary, schema, {}, grammar)
                : compileJsonSchema(vocabulary, schema, {}, grammar);
  double compile = now() - start;
  if (status) {
    std::printf("%s: %s\n", name, gemcut_last_error());
    return;
  }
  std::mt19937 random(1);
  Mask mask(vocabulary->maskWords());
  std::vector<double> times;
  double first = 0;
  for (int answer = 0; answer < 20 && times.size() < 2000; ++answer) {
    Matcher matcher(grammar);
    for (int step = 0; step < 200 && !matcher.isFinished(); ++step) {
      start = now();
      matcher.fillMask(mask.data());
      double time = now() - start;
      std::vector<int32_t> allowed;
      for (int32_t id = 0; id < vocabulary->size(); ++id)
        if (mask[size_t(id) / 32] >> id % 32 & 1 && !vocabulary->isStop(id))
          allowed.push_back(id);
      if (allowed.empty())
        break;
      int32_t id = allowed[random() % allowed.size()];
      start = now();
      if (!matcher.accept(id))
        std::abort();
      time += now() - start;
      if (times.empty())
        first = time;
      times.push_back(time);
    }
  }
  double sum = 0;
  for (double time : times)
    sum += time;
  std::sort(times.begin(), times.end());
  std::printf("%-26s compile %6.2f ms  first mask %6.3f ms  mean %6.3f ms  "
              "median %6.3f ms  99 %% %6.3f ms  most %6.3f ms  (%zu masks, %zu "
              "states)\n",
              name, compile * 1e3, first * 1e3,
              sum / double(times.size()) * 1e3, times[times.size() / 2] * 1e3,
              times[times.size() * 99 / 100] * 1e3, times.back() * 1e3,
              times.size(), grammar->countStates());
}

int main(int argc, char **argv) {
  std::string json =
      argc > 1 ? readFile(argv[1])
               : makeSyntheticTokenizer(262144, 500000, /*seed=*/7).toJson();
  std::string error;
  auto tokenizer = compile(json, &error);
  if (!tokenizer) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  int32_t stop = tokenizer->tokenizer.role(GEMCUT_TOKEN_EOS);
  double start = now();
  VocabularyPtr vocabulary = Vocabulary::build(tokenizer->tokenizer, &stop, 1);
  std::printf(
      "vocabulary: %.0f ms, %zu plain and %zu other tokens, %zu and %zu "
      "nodes\n",
      (now() - start) * 1e3, vocabulary->getPlain().tokens.size(),
      vocabulary->getRest().tokens.size(), vocabulary->getPlain().nodes.size(),
      vocabulary->getRest().nodes.size());
  const char *person =
      R"({"type":"object","properties":{"name":{"type":"string"},
          "age":{"type":"integer","minimum":0,"maximum":150},
          "email":{"type":"string","format":"email"},
          "tags":{"type":"array","items":{"type":"string","maxLength":20},"maxItems":5},
          "address":{"type":"object","properties":{"street":{"type":"string"},"zip":{"type":"string","pattern":"^[0-9]{5}$"}},
                     "required":["street","zip"]}},
          "required":["name","age","email","tags","address"]})";
  measure(vocabulary, "any JSON", "{}", false);
  measure(vocabulary, "string", R"({"type":"string"})", false);
  measure(vocabulary, "string of 500",
          R"({"type":"string","minLength":400,"maxLength":500})", false);
  measure(vocabulary, "string of letters",
          R"({"type":"string","pattern":"^[A-Za-z ]{50,300}$"})", false);
  measure(vocabulary, "person", person, false);
  measure(vocabulary, "array of persons",
          std::string(R"({"type":"array","minItems":3,"maxItems":9,"items":)") +
              person + "}",
          false);
  measure(vocabulary, "free text", "[\\s\\S]*", true);
  measure(vocabulary, "lines of letters", "(?:[a-z ]+\\n)*", true);
  measure(vocabulary, "words", "(?:[a-z]{1,12} ){10,60}end", true);
  return 0;
}
