//===- PrepareTest.cpp - Head norms, rotation and cache writes ------------===//
//
// prepare_q, prepare_kv and prepare_qkv against an f64 reference, and every
// byte of the cache: written entries hold the rounded K and V, all others are
// as before.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/CacheImage.h"

#include "gtest/gtest.h"

#include <set>

using namespace gemcut;
using namespace gemcut::test;

namespace {

constexpr double kEps = 1e-6;
constexpr int64_t kSlots = 3;
/// Bytes in front of the cache in each slot: other layers' caches.
constexpr int64_t kCacheOffset = 128;

struct Case {
  const char *op; // "q", "kv", "qkv"; "k", "qk": values are keys
  int64_t heads, pairs, chunk;
  CacheShape cache;
  bool rawValues = false;
};

/// Values and error bounds of one head.
struct Head {
  std::vector<double> values, bounds;
};

Head referenceHead(const float *x, const std::vector<float> *w,
                   const float *table, int64_t pairs, int64_t d) {
  Head head{std::vector<double>(d), std::vector<double>(d)};
  double squares = 0;
  for (int64_t i = 0; i < d; ++i)
    squares += double(x[i]) * x[i];
  double inverse = 1 / std::sqrt(squares / d + kEps);
  for (int64_t i = 0; i < d; ++i) {
    head.values[i] = x[i] * inverse * (w ? (*w)[i] : 1.0);
    head.bounds[i] = tolerance::rmsNorm(d).bound(head.values[i]);
  }
  for (int64_t j = 0; j < pairs; ++j) {
    double a = head.values[j], b = head.values[j + d / 2];
    double c = table[j], s = table[pairs + j];
    head.values[j] = a * c - b * s;
    head.values[j + d / 2] = b * c + a * s;
    head.bounds[j] =
        tolerance::normThenSum(d).bound(std::fabs(a * c) + std::fabs(b * s));
    head.bounds[j + d / 2] =
        tolerance::normThenSum(d).bound(std::fabs(b * c) + std::fabs(a * s));
  }
  return head;
}

/// A head that is stored as it is.
Head rawHead(const float *x, int64_t d) {
  return {std::vector<double>(x, x + d), std::vector<double>(d)};
}

/// Expects the scale that the largest element gives, and element `i` within
/// half a step.
void expectQuantized(const Head &head, int64_t i, double quant, double scale) {
  double most = 0, slack = 0;
  for (size_t j = 0; j < head.values.size(); ++j) {
    most = std::max(most, std::fabs(head.values[j]));
    slack = std::max(slack, head.bounds[j]);
  }
  double rounding = 4 * tolerance::kU * most;
  ASSERT_NEAR(scale * 127, most, slack + rounding);
  ASSERT_LE(std::fabs(quant), 127);
  ASSERT_NEAR(quant * scale, head.values[i],
              scale / 2 + head.bounds[i] + rounding)
      << "dimension " << i;
}

class PrepareTest : public testing::TestWithParam<Case> {};

TEST_P(PrepareTest, MatchesReference) {
  const Case &c = GetParam();
  const CacheShape &cache = c.cache;
  const int64_t d = cache.headDim, maxRows = 40;
  llvm::StringRef parts = c.op;
  bool hasQuery = parts.contains('q'), hasKv = parts.contains('k');
  int64_t queryHeads = hasQuery ? c.heads : 0;
  int64_t valueHeads = parts.contains('v') ? cache.heads : 0;
  int64_t columns = (queryHeads + (hasKv ? cache.heads : 0) + valueHeads) * d;
  std::mt19937 rng{unsigned(columns + c.pairs)};

  StageProgram program(maxRows);
  Operand x = program.buffer(columns, "f32");
  Operand table = program.buffer(2 * c.pairs, "f32");
  Operand where = program.buffer(2, "i32");
  Operand out = program.buffer(std::max<int64_t>(c.heads, 1) * d, "f32");
  std::vector<float> qn = randomValues(rng, d, 2), kn = randomValues(rng, d, 2);
  Operand qNorm = program.vector(qn), kNorm = program.vector(kn);
  int64_t slotBytes = gemcut_round_up(kCacheOffset + cache.bytes(), 64) + 192;
  Operand kv = program.cache(cache.type(), kCacheOffset, slotBytes);
  auto join = [&](auto member) {
    std::string text = x.*member;
    if (hasQuery)
      text += ", " + qNorm.*member;
    if (hasKv)
      text += ", " + kNorm.*member;
    text += ", " + table.*member;
    if (hasKv)
      text += ", " + where.*member + ", " + kv.*member;
    return text;
  };
  std::string heads =
      hasQuery ? fmt::format(", heads = {} : i64", c.heads) : "";
  program.stage(fmt::format(
      "kernel.prepare_{} %n, {}{} {{eps = 1.0e-6 : f32{}, partition = "
      "#kernel.partition<rows, {}>{}}} : {}{}",
      std::string(hasQuery ? "q" : "") + (hasKv ? "kv" : ""),
      join(&Operand::name), hasQuery ? " outs " + out.name : "", heads, c.chunk,
      c.rawValues ? ", raw_values" : "", join(&Operand::type),
      hasQuery ? ", " + out.type : ""));

  Bytes weights = program.makeWeights();
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int64_t rows : {int64_t(1), int64_t(2), int64_t(7), maxRows}) {
      SCOPED_TRACE(fmt::format("{}, {} rows", level.name, rows));
      Bytes arena = program.makeArena();
      Bytes memory(kSlots * slotBytes, 0x5A);
      std::vector<float> input = randomValues(rng, rows * columns, 3);
      std::vector<float> angles = randomValues(rng, rows * 2 * c.pairs, 1);
      // Positions are distinct per slot; runs of them share lines of the cache.
      std::vector<int32_t> slots(rows), positions(rows);
      int32_t start = int32_t(rng() % (3 * cache.capacity));
      for (int64_t r = 0; r < rows; ++r) {
        slots[r] = int32_t(r < rows / 2 ? 1 : 2);
        positions[r] = start + int32_t(r);
        int32_t pair[2] = {slots[r], positions[r]};
        std::memcpy(arena.data() + where.offset + 8 * r, pair, 8);
      }
      putRows(arena, x, input);
      putRows(arena, table, angles);
      gemcut_step step{};
      step.weights = weights.data();
      step.arena = arena.data();
      step.kv = memory.data();
      step.rows = rows;
      kernel.run("decode", step, rows % 2 ? 1 : 3);

      std::set<int64_t> written;
      for (int64_t r = 0; r < rows; ++r) {
        const float *row = &input[r * columns];
        const float *angle = &angles[r * 2 * c.pairs];
        std::vector<double> expected, bounds;
        for (int64_t h = 0; h < queryHeads; ++h) {
          Head head = referenceHead(row + h * d, &qn, angle, c.pairs, d);
          expected.insert(expected.end(), head.values.begin(),
                          head.values.end());
          bounds.insert(bounds.end(), head.bounds.begin(), head.bounds.end());
        }
        if (hasQuery)
          expectRow(arena, out, r, expected, bounds);
        int64_t base = slots[r] * slotBytes + kCacheOffset;
        auto check = [&](const Head &head, int64_t i, int64_t offset,
                         int64_t scaleOffset) {
          for (int64_t b = 0; b < cache.elementBytes(); ++b)
            written.insert(base + offset + b);
          double actual = cache.get(memory.data(), base + offset);
          if (cache.isInt8()) {
            double scale = cache.getScale(memory.data(), base + scaleOffset);
            for (int64_t b = 0; b < 4; ++b)
              written.insert(base + scaleOffset + b);
            expectQuantized(head, i, actual, scale);
            return;
          }
          // Rounding is monotonic: the stored value lies between the roundings
          // of the two ends.
          double value = head.values[i], bound = head.bounds[i];
          ASSERT_TRUE(actual >= cache.rounded(float(value - bound)) &&
                      actual <= cache.rounded(float(value + bound)))
              << "row " << r << " dimension " << i << " is " << actual
              << ", expected " << value;
        };
        for (int64_t h = 0; hasKv && h < cache.heads; ++h) {
          const float *k = row + (queryHeads + h) * d;
          Head key = referenceHead(k, &kn, angle, c.pairs, d);
          const float *v = k + valueHeads * d;
          Head value = c.rawValues ? rawHead(v, d)
                                   : referenceHead(v, nullptr, angle, 0, d);
          for (int64_t i = 0; i < d; ++i) {
            check(key, i, cache.keyOffset(h, positions[r], i),
                  cache.keyScaleOffset(h, positions[r]));
            check(value, i, cache.valueOffset(h, positions[r], i),
                  cache.valueScaleOffset(h, positions[r]));
          }
        }
        if (HasFailure())
          return;
      }
      for (int64_t i = 0; i < memory.size(); ++i)
        if (!written.count(i))
          ASSERT_EQ(memory.data()[i], 0x5A) << "byte " << i << " changed";
      expectUntouched(arena, out, hasQuery ? rows : 0, maxRows);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PrepareTest,
    testing::Values(Case{"q", 4, 8, 1, {2, 16, kBf16, 0, 64}},
                    Case{"q", 3, 4, 4, {1, 16, kBf16, 0, 64}},
                    Case{"q", 8, 64, 1, {1, 512, kBf16, 0, 64}},
                    Case{"q", 1, 3, 1, {1, 34, kBf16, 0, 64}},
                    Case{"kv", 0, 8, 1, {2, 16, kBf16, 4, 64}},
                    Case{"kv", 0, 5, 3, {1, 34, kBf16, 4, 64}},
                    Case{"kv", 0, 5, 3, {3, 34, kF32, 4, 64}},
                    Case{"kv", 0, 64, 1, {1, 512, kBf16, 0, 64}},
                    Case{"kv", 0, 128, 2, {1, 256, kF32, 4, 96}},
                    Case{"kv", 0, 8, 3, {2, 16, kInt8, 4, 64}},
                    Case{"kv", 0, 128, 1, {1, 256, kInt8, 0, 64}},
                    Case{"k", 0, 5, 3, {3, 34, kF32, 4, 64}},
                    Case{"k", 0, 64, 1, {1, 512, kBf16, 0, 64}},
                    Case{"qk", 16, 64, 1, {1, 512, kBf16, 0, 64}},
                    Case{"qk", 4, 12, 2, {2, 48, kInt8, 4, 64}},
                    Case{"qkv", 4, 12, 2, {2, 48, kInt8, 4, 64}},
                    Case{"qkv", 4, 8, 1, {2, 16, kBf16, 4, 64}},
                    Case{"qkv", 2, 16, 1, {2, 32, kF32, 4, 64}},
                    Case{"qkv", 4, 8, 16, {4, 64, kBf16, 0, 64}},
                    Case{"qkv", 8, 128, 1, {1, 256, kBf16, 0, 64}},
                    Case{"qkv", 8, 64, 8, {2, 512, kBf16, 0, 64}},
                    Case{"qkv", 4, 64, 1, {1, 128, kF32, 0, 64}},
                    Case{"kv", 0, 5, 3, {1, 34, kBf16, 4, 64}, true},
                    Case{"kv", 0, 8, 3, {2, 16, kInt8, 4, 64}, true},
                    Case{"qkv", 4, 16, 1, {1, 32, kF32, 4, 64}, true},
                    Case{"qkv", 4, 128, 1, {1, 256, kBf16, 0, 64}, true}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return fmt::format("{}_h{}_kv{}_d{}_p{}_{}{}", c.op, c.heads,
                         c.cache.heads, c.cache.headDim, c.pairs,
                         c.cache.formatName(), c.rawValues ? "_raw" : "");
    });

} // namespace
