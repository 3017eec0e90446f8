//===- tokenizer_benchmark.cpp - Speed of compiling and encoding ----------===//
//
//   tokenizer_benchmark [TOKENIZER.json [TEXT]]
//
// Without arguments: a synthetic vocabulary of real size and text of its
// pieces.
//
//===----------------------------------------------------------------------===//

#include "frontends/Tokenizer/TokenizerJson.h"
#include "test/unit/Tokenizer/SlowBpe.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <chrono>
#include <cstdio>
#include <sys/resource.h>

using namespace gemcut::test;

namespace {

double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Best of several runs, at least half a second in all.
template <typename F> double bestOf(F &&run) {
  double best = 1e30, begin = now();
  do {
    double start = now();
    run();
    best = std::min(best, now() - start);
  } while (now() - begin < 0.5);
  return best;
}

void measure(const TestTokenizer &t, const char *name,
             const std::string &text) {
  std::vector<int32_t> ids;
  double encode = bestOf([&] {
    ids.clear();
    t.tokenizer.encode(text, /*parseSpecial=*/true, ids);
  });
  std::string decoded;
  double decode = bestOf([&] { decoded = t.tokenizer.decode(ids, true); });
  double mb = static_cast<double>(text.size()) / 1e6;
  std::printf("%-28s %8.2f MB %9zu ids  encode %7.1f MB/s  decode %7.1f MB/s\n",
              name, mb, ids.size(), mb / encode, mb / decode);
}

} // namespace

int main(int argc, char **argv) {
  std::string json =
      argc > 1 ? readFile(argv[1])
               : makeSyntheticTokenizer(262144, 500000, /*seed=*/7).toJson();
  double start = now();
  auto parsed = gemcut::tokenizer::parseTokenizerJson(json, "tokenizer.json");
  if (!parsed) {
    std::fprintf(stderr, "%s\n", llvm::toString(parsed.takeError()).c_str());
    return 1;
  }
  double parse = now() - start;
  start = now();
  std::string error;
  auto t = compile(json, &error);
  if (!t) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  double total = now() - start;
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("tokenizer.json %.1f MB: parse %.2f s, whole compile %.2f s, "
              "tables %.2f MB, peak RSS so far %ld MB\n",
              static_cast<double>(json.size()) / 1e6, parse, total,
              static_cast<double>(t->tables.size()) / 1e6,
              usage.ru_maxrss / 1024);

  std::string text;
  if (argc > 2) {
    text = readFile(argv[2]);
  } else {
    for (int32_t id = 600; text.size() < (4u << 20);
         id = (id + 7919) % t->tokenizer.pieceCount())
      if (!t->tokenizer.isControl(id) && t->tokenizer.byteValue(id) < 0)
        t->tokenizer.appendPiece(id, text);
  }
  while (text.size() < (1u << 20))
    text += text;
  measure(*t, argc > 2 ? "the given text" : "pieces of the vocabulary", text);
  measure(*t, "1 MiB of 'a'", std::string(1 << 20, 'a'));
  measure(*t, "1 MiB of spaces", std::string(1 << 20, ' '));
  measure(*t, "1 MiB of '<'", std::string(1 << 20, '<'));
  std::string cjk;
  for (uint32_t i = 0; cjk.size() < (1u << 20); ++i) {
    uint32_t point = 0x4E00 + i * 2654435761u % 0x1000;
    cjk += static_cast<char>(0xE0 | point >> 12);
    cjk += static_cast<char>(0x80 | (point >> 6 & 63));
    cjk += static_cast<char>(0x80 | (point & 63));
  }
  measure(*t, "1 MiB of random CJK", cjk);
  return 0;
}
