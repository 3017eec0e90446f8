//===- product_benchmark.cpp - Speed of products on this machine ----------===//
//
//   product_benchmark [THREADS [LEVEL [gemv|gemm]]]
//
// Decoding: GB/s of packed weights streamed from memory (small matrices: from
// L2), alternating with a plain read of the same bytes. Prefill: multiply-adds
// per second from cache, beside what the bare dot instruction of the level
// reaches. Each figure is the best of several repetitions; the plain read and
// the bare instruction tell how busy the machine is.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/KernelHarness.h"

#include "fmt/format.h"
#include "llvm/ADT/StringSwitch.h"

#include <chrono>
#include <cstring>
#include <immintrin.h>
#include <sys/mman.h>
#include <thread>

using namespace gemcut;
using namespace gemcut::test;

static double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Best time of reading `bytes` on `threads` threads, four streams each.
__attribute__((target("avx2"))) static void readAll(const uint8_t *data,
                                                    int64_t bytes) {
  constexpr int64_t kStreams = 4;
  int64_t part = bytes / kStreams / 128 * 128;
  __m256i sum = _mm256_setzero_si256();
  for (int64_t at = 0; at < part; at += 128)
    for (int64_t s = 0; s < kStreams; ++s)
      for (int64_t line = 0; line < 128; line += 32)
        sum = _mm256_xor_si256(
            sum, _mm256_load_si256(reinterpret_cast<const __m256i *>(
                     data + s * part + at + line)));
  volatile int64_t sink = _mm256_extract_epi64(sum, 0);
  (void)sink;
}

static double timeRead(const uint8_t *data, int64_t bytes, int threads) {
  double start = seconds();
  std::vector<std::thread> pool;
  int64_t part = bytes / threads / 4096 * 4096;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back(readAll, data + t * part, part);
  for (std::thread &thread : pool)
    thread.join();
  return seconds() - start;
}

constexpr int64_t kPeakSteps = 2'000'000, kPeakChains = 12;

__attribute__((target("avx512vnni"))) static void runVnni() {
  __m512i sums[kPeakChains] = {};
  for (int64_t step = 0; step < kPeakSteps; ++step)
#pragma clang loop unroll(full)
    for (__m512i &sum : sums)
      asm volatile("vpdpbusd %0, %0, %0" : "+v"(sum));
}

__attribute__((target("avx2"))) static void runMaddubs() {
  __m256i sums[kPeakChains] = {};
  for (int64_t step = 0; step < kPeakSteps; ++step)
#pragma clang loop unroll(full)
    for (__m256i &sum : sums)
      asm volatile("vpmaddubsw %0, %0, %0" : "+x"(sum));
}

/// Multiply-adds per second of the instruction that products of integers use.
static double measurePeak(const targets::IsaLevel &level, int threads) {
  bool vnni = level.vectorBits == 512;
  double best = 1e9;
  for (int repetition = 0; repetition < 5; ++repetition) {
    double start = seconds();
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; ++t)
      pool.emplace_back(vnni ? runVnni : runMaddubs);
    for (std::thread &thread : pool)
      thread.join();
    best = std::min(best, seconds() - start);
  }
  return double(threads) * kPeakSteps * kPeakChains * (vnni ? 64 : 32) / best;
}

struct Shape {
  const char *op, *format, *epilogue, *output;
  int64_t n, k, rows;
};

static void measure(const Shape &s, const targets::IsaLevel &level, int threads,
                    double peak) {
  gemcut_format format = llvm::StringSwitch<gemcut_format>(s.format)
                             .Case("int4", GEMCUT_INT4)
                             .Case("q4_0", GEMCUT_Q4_0)
                             .Case("int8", GEMCUT_INT8)
                             .Case("int2_row", GEMCUT_INT2_ROW)
                             .Case("int4_row", GEMCUT_INT4_ROW)
                             .Case("int8_row", GEMCUT_INT8_ROW)
                             .Case("bf16", GEMCUT_BF16)
                             .Default(GEMCUT_F32);
  bool rowScales = gemcut_row_format_bits(format) != 0;
  bool quantized = format != GEMCUT_F32 && format != GEMCUT_BF16;
  bool gated = std::string(s.epilogue) == "gelu_gate";
  int64_t matrixRows = gated ? 2 * s.n : s.n;
  std::string input = fmt::format("!kernel.buffer<{} x {}, {}>", s.rows, s.k,
                                  rowScales   ? "u8"
                                  : quantized ? "q8"
                                              : "f32");
  std::string output =
      fmt::format("!kernel.buffer<{} x {}, {}>", s.rows, s.n, s.output);
  std::string weight =
      fmt::format("!kernel.weight<{} x {}, {}, {}>", matrixRows, s.k, s.format,
                  gated ? "interleaved" : "tiles");
  int64_t inputBytes = s.rows * (rowScales   ? gemcut_u8_row_bytes(s.k)
                                 : quantized ? gemcut_q8_row_bytes(s.k)
                                             : gemcut_f32_row_bytes(s.k));
  std::string text = fmt::format(
      R"(kernel.packed @w {{sources = [{}], offset = 0 : i64}} : {}
func.func @decode(%n: i64, %ids: !kernel.buffer<1 x 1, i32>,
                  %logits: !kernel.buffer<1 x 1, f32>)
    attributes {{kernel.entry = "decode"}} {{
  %w = kernel.weight_address [@w] : {}
  %x = kernel.alloc {{offset = 0 : i64}} : {}
  %y = kernel.alloc {{offset = {} : i64}} : {}
  kernel.{} %n, %x, %w outs %y {{epilogue = #kernel.epilogue<{}>,
      scale = 1.0 : f32, partition = #kernel.partition<tiles, {}>}}
      : {}, {}, {}
  return
}})",
      gated ? R"("a", "b")" : R"("a")", weight, weight, input, inputBytes,
      output, s.op, s.epilogue, gated ? 4 : 8, input, weight, output);
  CompiledKernel kernel(text, level);

  int64_t bytes = gemcut_tiled_bytes(format, matrixRows, s.k);
  // Enough copies that a decode repetition cannot stay in cache, unless a
  // core's share of the weights fits its L2.
  bool cached = s.rows > 8 || bytes <= threads * (512 << 10);
  int64_t copies = cached ? 1 : std::max<int64_t>(1, (96 << 20) / bytes);
  int64_t passes = cached && s.rows <= 8 ? 100 : 1;
  auto *weights = static_cast<uint8_t *>(
      mmap(nullptr, bytes * copies + (1 << 20), PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  std::memset(weights, 0x11, bytes * copies + (1 << 20));
  Bytes arena(inputBytes + s.rows * (gemcut_f32_row_bytes(s.n) + 4096), 0);
  gemcut_step step{};
  step.arena = arena.data();
  step.rows = s.rows;
  double best = 1e9, ahead = 1e9, read = 1e9;
  for (int repetition = 0; repetition < 9; ++repetition) {
    for (double *fastest : {&best, &ahead}) {
      step.fetch_ahead = fastest == &ahead;
      double start = seconds();
      for (int64_t copy = 0; copy < copies * passes; ++copy) {
        step.weights = weights + copy % copies * bytes;
        kernel.run("decode", step, threads);
      }
      *fastest = std::min(*fastest, (seconds() - start) / double(passes));
    }
    read = std::min(read, timeRead(weights, bytes * copies, threads));
  }
  double gbps = bytes * copies / best * 1e-9;
  double readGbps = bytes * copies / read * 1e-9;
  double gmacs = double(matrixRows) * s.k * s.rows * copies / best * 1e-9;
  fmt::print("{:12} {} {:4} {:9} n={:<7} k={:<6} rows={:<4} {:7.1f} GB/s "
             "({:3.0f} % of read {:5.1f}; {:3.0f} % fetching ahead)  {:7.1f} "
             "GMAC/s ({:4.1f} % of {:.0f})\n",
             level.name, s.op, s.format, s.epilogue, s.n, s.k, s.rows, gbps,
             100 * gbps / readGbps, readGbps, 100 * read / ahead, gmacs,
             1e11 * gmacs / peak, peak * 1e-9);
  munmap(weights, bytes * copies + (1 << 20));
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const Shape shapes[] = {
      {"gemv", "int4", "none", "f32", 262144, 1536, 1},
      {"gemv", "int4", "gelu_gate", "q8", 12288, 1536, 1},
      {"gemv", "int4", "none", "f32", 1536, 12288, 1},
      {"gemv", "int4", "none", "f32", 2560, 1536, 1},
      {"gemv", "int4", "none", "f32", 65536, 704, 1},
      {"gemv", "int4", "gelu_gate", "q8", 12288, 1536, 4},
      {"gemv", "int4", "none", "f32", 6144, 12288, 4},
      {"gemv", "int4", "none", "f32", 6144, 12288, 8},
      {"gemv", "int4", "gelu_gate", "q8", 12288, 1536, 8},
      {"gemv", "int8", "none", "f32", 12288, 1536, 1},
      {"gemv", "bf16", "none", "f32", 6144, 1536, 1},
      {"gemv", "f32", "none", "f32", 6144, 1536, 1},
      {"gemv", "int2_row", "none", "f32", 262144, 1536, 1},
      {"gemv", "int2_row", "gelu_gate", "f32", 12288, 1536, 1},
      {"gemv", "int2_row", "none", "f32", 1536, 12288, 1},
      {"gemv", "int4_row", "gelu_gate", "f32", 6144, 1536, 1},
      {"gemv", "int4_row", "none", "f32", 1536, 6144, 1},
      {"gemv", "int4_row", "none", "f32", 2560, 1536, 1},
      {"gemv", "int8_row", "none", "f32", 1536, 256, 1},
      {"gemv", "int2_row", "none", "f32", 1024, 1536, 1},
      {"gemv", "int2_row", "none", "f32", 128, 12288, 1},
      {"gemv", "int4_row", "none", "f32", 512, 1536, 1},
      {"gemm", "int4", "none", "f32", 12288, 1536, 256},
      {"gemm", "int4", "gelu_gate", "q8", 6144, 1536, 256},
      {"gemm", "int4", "none", "f32", 1536, 6144, 256},
      {"gemm", "int8", "none", "f32", 12288, 1536, 256},
      {"gemm", "bf16", "none", "f32", 6144, 1536, 256},
      {"gemm", "f32", "none", "f32", 6144, 1536, 256},
  };
  llvm::StringRef only = argc > 2 ? argv[2] : "", op = argc > 3 ? argv[3] : "";
  for (const targets::IsaLevel &level : hostLevels()) {
    // Products of avx512bf16 are those of avx512vnni.
    if (!canMeasure(level) ||
        (!only.empty() ? only != level.name : level.name == "avx512bf16"))
      continue;
    double peak = measurePeak(level, threads);
    for (const Shape &shape : shapes)
      if (op.empty() || op == shape.op)
        measure(shape, level, threads, peak);
  }
  return 0;
}
