//===- attention_benchmark.cpp - Speed of attention on this machine -------===//
//
//   attention_benchmark [LEVEL [THREADS]]
//
// Decoding: rows of different slots, so that K and V come from memory. GB/s
// counts every key and value once. Prefill: the last 256 rows of a prompt. Best
// of several runs; the plain read of the same bytes tells how busy the machine
// is.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/CacheImage.h"

#include "dialects/Kernel/KernelOps.h"

#include "fmt/format.h"

#include <chrono>
#include <cstring>
#include <numeric>
#include <sys/mman.h>

using namespace gemcut;
using namespace gemcut::test;

static double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Sums 64-bit words in four streams; the compiler vectorizes it.
static uint64_t readAll(const uint8_t *data, int64_t bytes) {
  const auto *words = reinterpret_cast<const uint64_t *>(data);
  int64_t part = bytes / 32;
  uint64_t sums[4] = {};
  for (int64_t i = 0; i < part; ++i)
    for (int s = 0; s < 4; ++s)
      sums[s] += words[s * part + i];
  return std::accumulate(sums, sums + 4, uint64_t(0));
}

struct Shape {
  const char *name;
  int64_t heads;
  CacheShape cache;
  int64_t visible; // positions up to the row's own
  bool prefill;
};

static void measure(const Shape &s, const targets::IsaLevel &level,
                    int threads) {
  int64_t d = s.cache.headDim, columns = s.heads * d;
  int64_t slotBytes = gemcut_round_up(s.cache.bytes(), 4096);
  int64_t slots =
      s.prefill ? 1 : std::max<int64_t>(2, (int64_t(192) << 20) / slotBytes);
  int64_t rows = s.prefill ? 256 : slots;
  StageProgram program(rows);
  Operand query = program.buffer(columns, "f32");
  Operand positions = program.buffer(2, "i32");
  Operand out = program.buffer(columns, "q8");
  Operand kv = program.cache(s.cache.type(), 0, slotBytes);
  Operand partials =
      program.buffer(kernel::AttentionOp::getPartialColumns(s.heads, d), "f32");
  int64_t blockRows = s.prefill ? std::min<int64_t>(16, 64 / s.heads) : 1;
  program.stage(fmt::format(
      "kernel.attention %n, {}, {}, {} partials {} outs {} {{heads = {} : i64, "
      "partition = #kernel.partition<{}, {}>}} : {}, {}, {} partials {}, {}",
      query.name, kv.name, positions.name, partials.name, out.name, s.heads,
      s.prefill ? "heads" : "keys", blockRows, query.type, kv.type,
      positions.type, partials.type, out.type));
  CompiledKernel kernel(program.text(), level);

  std::mt19937 rng(1);
  Bytes arena = program.makeArena();
  int64_t cacheBytes = slots * slotBytes;
  // In huge pages, as a session has it.
  auto *memory =
      static_cast<uint8_t *>(mmap(nullptr, cacheBytes, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  madvise(memory, cacheBytes, MADV_HUGEPAGE);
  // Small values of either sign: bf16 0x3C80 is 1/64.
  for (int64_t i = 0; i < cacheBytes; i += 2) {
    uint16_t bits = uint16_t(0x3C80 + (rng() & 0x807F));
    std::memcpy(memory + i, &bits, 2);
  }
  putRows(arena, query, randomValues(rng, rows * columns, 1.0f));
  for (int64_t r = 0; r < rows; ++r) {
    int32_t pair[2] = {
        s.prefill ? 0 : int32_t(r),
        int32_t(s.prefill ? s.visible - rows + r : s.visible - 1)};
    std::memcpy(arena.data() + positions.offset + 8 * r, pair, 8);
  }
  gemcut_step step{};
  step.arena = arena.data();
  step.kv = memory;
  step.rows = rows;
  double best = 1e9, read = 1e9;
  volatile uint64_t sink = 0;
  for (int repetition = 0; repetition < 9; ++repetition) {
    double start = seconds();
    kernel.run("decode", step, threads);
    best = std::min(best, seconds() - start);
    start = seconds();
    sink = sink + readAll(memory, cacheBytes);
    read = std::min(read, seconds() - start);
  }
  int64_t keys = 0; // of all rows
  for (int64_t r = 0; r < rows; ++r) {
    int64_t seen = s.prefill ? s.visible - rows + r + 1 : s.visible;
    keys += s.cache.window ? std::min(seen, s.cache.window) : seen;
  }
  double bytes =
      double(keys * d * 2 * s.cache.heads) * double(s.cache.elementBytes());
  double macs = double(s.heads * keys * d * 2);
  fmt::print("{:11} {:28} {} threads {:7.1f} us/row {:6.1f} GB/s {:6.1f} "
             "GMAC/s (plain read, 1 thread: {:5.1f} GB/s)\n",
             level.name, s.name, threads, best / double(rows) * 1e6,
             bytes / best * 1e-9, macs / best * 1e-9,
             double(cacheBytes) / read * 1e-9);
  munmap(memory, cacheBytes);
}

int main(int argc, char **argv) {
  const Shape shapes[] = {
      {"decode 8h D256 window 512", 8, {1, 256, kBf16, 512, 768}, 700, false},
      {"decode 4h D256 window 512", 4, {1, 256, kBf16, 512, 768}, 700, false},
      {"decode 8h D512 context 4096", 8, {1, 512, kBf16, 0, 4096}, 4096, false},
      {"decode 4h D512 context 4096", 4, {1, 512, kBf16, 0, 4096}, 4096, false},
      {"decode 2h D512 context 4096", 2, {1, 512, kBf16, 0, 4096}, 4096, false},
      {"decode 1h D512 context 4096", 1, {1, 512, kBf16, 0, 4096}, 4096, false},
      {"decode 8h D512 int8", 8, {1, 512, kInt8, 0, 4096}, 4096, false},
      {"prefill 8h D512 int8 at 4096", 8, {1, 512, kInt8, 0, 4096}, 4096, true},
      {"prefill 8h D256 window 512", 8, {1, 256, kBf16, 512, 768}, 4096, true},
      {"prefill 8h D512 at 1024", 8, {1, 512, kBf16, 0, 1024}, 1024, true},
      {"prefill 8h D512 at 4096", 8, {1, 512, kBf16, 0, 4096}, 4096, true},
      {"prefill 8h D512 at 32768", 8, {1, 512, kBf16, 0, 32768}, 32768, true},
      {"prefill 2h D256 at 4096", 2, {1, 256, kBf16, 0, 4096}, 4096, true},
  };
  std::string only = argc > 1 ? argv[1] : "";
  int most = argc > 2 ? std::atoi(argv[2]) : 2;
  for (const targets::IsaLevel &level : hostLevels())
    if (canMeasure(level))
      for (const Shape &shape : shapes)
        for (int threads = 1; threads <= most; threads *= 2)
          if (only.empty() || only == "all" || only == level.name)
            measure(shape, level, threads);
  return 0;
}
