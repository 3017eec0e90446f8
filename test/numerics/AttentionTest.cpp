//===- AttentionTest.cpp - Attention against an f64 reference -------------===//
//
// Every head grouping, window and head size; every length up to two blocks of
// keys and beyond; positions before and after the cache wraps around; several
// slots; every way of sharing out the work. Entries that a row cannot see hold
// large finite numbers, as stale entries do. The reference uses K and V as the
// cache rounds them.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/CacheImage.h"

#include "dialects/Kernel/KernelOps.h"

#include "gtest/gtest.h"

#include <map>

using namespace gemcut;
using namespace gemcut::test;
using llvm::StringRef;

namespace {

constexpr int64_t kCacheOffset = 64;

struct Case {
  int64_t heads;
  CacheShape cache;
  const char *output;
  int32_t longest; // position of the last row of the fullest slot
  const char *partition = "heads, 8";
  int64_t firstPosition = 0;
};

/// One head of one row, as f64 has it. Magnitude: sum_t p[t] |v[t]|. Products
/// and their root sum of squares: of q[d] k[d], the largest of any key.
struct Expected {
  std::vector<double> values, magnitudes;
  double products = 0, rootSquares = 0;
  int64_t keys = 0;
  /// For int8: the largest |q[d]| times root sum of squares of a key, and what
  /// rounding the terms p[t] * scale[t] of each block changes at most.
  double roundedQuery = 0;
  std::vector<double> roundedTerms;
};

/// One slot's keys and values of positions top - capacity + 1 .. top, as the
/// cache keeps them, and the slot's bytes.
class Slot {
public:
  Slot(std::mt19937 &rng, const CacheShape &shape, int32_t top, uint8_t *cache)
      : shape(shape), top(top),
        oldest(std::max<int64_t>(0, top - shape.capacity + 1)) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    // What earlier sequences left behind.
    std::vector<float> row(shape.headDim);
    for (int64_t h = 0; h < shape.heads; ++h)
      for (int64_t p = 0; p < shape.capacity; ++p)
        for (bool isKey : {true, false}) {
          for (float &x : row)
            x = 1e4f * uniform(rng);
          isKey ? shape.putKey(cache, h, p, row.data())
                : shape.putValue(cache, h, p, row.data());
        }
    for (int64_t p = oldest; p <= top; ++p)
      for (int64_t h = 0; h < shape.heads; ++h) {
        // Some keys stand out, so that softmax is far from uniform.
        float size = rng() % 8 == 0 ? 2.0f : 0.3f;
        for (int64_t d = 0; d < shape.headDim; ++d) {
          keys.push_back(size * uniform(rng));
          values.push_back(uniform(rng));
        }
        shape.putKey(cache, h, p, &keys[index(p, h)]);
        valueScales.push_back(
            shape.putValue(cache, h, p, &values[index(p, h)]));
      }
  }

  int64_t index(int64_t position, int64_t head) const {
    return ((position - oldest) * shape.heads + head) * shape.headDim;
  }

  CacheShape shape;
  int64_t top, oldest;
  std::vector<float> keys, values; // (positions, heads, D)
  std::vector<float> valueScales;  // (positions, heads)
};

/// Appends one head of one row.
void addReference(const Slot &slot, const float *query, int64_t first,
                  int64_t last, int64_t kvHead, Expected &expected) {
  int64_t d = slot.shape.headDim;
  std::vector<double> scores;
  double largest = -1e300;
  double largestQuery = 0;
  for (int64_t i = 0; i < d; ++i)
    largestQuery = std::max(largestQuery, double(std::fabs(query[i])));
  for (int64_t p = first; p <= last; ++p) {
    const float *key = &slot.keys[slot.index(p, kvHead)];
    double score = 0, absolute = 0, squares = 0, keySquares = 0;
    for (int64_t i = 0; i < d; ++i) {
      double product = double(query[i]) * key[i];
      keySquares += double(key[i]) * key[i];
      score += product;
      absolute += std::fabs(product);
      squares += product * product;
    }
    scores.push_back(score);
    largest = std::max(largest, score);
    expected.products = std::max(expected.products, absolute);
    expected.rootSquares = std::max(expected.rootSquares, std::sqrt(squares));
    expected.roundedQuery =
        std::max(expected.roundedQuery, largestQuery * std::sqrt(keySquares));
  }
  double total = 0;
  for (double &score : scores)
    total += score = std::exp(score - largest);
  expected.keys = std::max(expected.keys, last - first + 1);
  auto scaleOf = [&](int64_t p) {
    return double(slot.valueScales[slot.index(p, kvHead) / d]);
  };
  // Half a step of each block: 1 / 254 of its largest term.
  std::map<int64_t, double> halfStep;
  for (int64_t p = first; p <= last; ++p) {
    double &most = halfStep[p / GEMCUT_KV_BLOCK];
    most = std::max(most, scores[p - first] / total * scaleOf(p) / 254);
  }
  for (int64_t i = 0; i < d; ++i) {
    double sum = 0, magnitude = 0, rounding = 0;
    for (int64_t p = first; p <= last; ++p) {
      float value = slot.values[slot.index(p, kvHead) + i];
      double term = scores[p - first] / total * value;
      sum += term;
      magnitude += std::fabs(term);
      rounding += halfStep[p / GEMCUT_KV_BLOCK] * std::fabs(value) / scaleOf(p);
    }
    expected.roundedTerms.push_back(rounding);
    expected.values.push_back(sum);
    expected.magnitudes.push_back(magnitude);
  }
}

/// Error bounds of a row at `level`.
std::vector<double> boundsOf(const Expected &row, const CacheShape &cache,
                             const targets::IsaLevel &level) {
  Tolerance tolerance =
      tolerance::attention(cache.headDim, row.keys, row.products);
  if (cache.format == kBf16 && level.hasBf16Dot && cache.headDim % 16 == 0)
    tolerance.rel += tolerance::attentionInBf16(row.rootSquares);
  if (cache.isInt8())
    tolerance.rel += tolerance::attentionInInt8(row.roundedQuery);
  std::vector<double> bounds;
  for (size_t i = 0; i < row.magnitudes.size(); ++i)
    bounds.push_back(tolerance.bound(row.magnitudes[i]) +
                     (cache.isInt8() ? row.roundedTerms[i] : 0));
  return bounds;
}

/// A program of one attention stage and the caches that it reads.
class AttentionProgram {
public:
  AttentionProgram(const Case &c, int64_t maxRows,
                   const std::vector<int32_t> &tops, std::mt19937 &rng)
      : c(c), columns(c.heads * c.cache.headDim), maxRows(maxRows),
        program(maxRows) {
    query = program.buffer(columns, "f32");
    positions = program.buffer(2, "i32");
    out = program.buffer(columns, c.output);
    slotBytes = gemcut_round_up(kCacheOffset + c.cache.bytes(), 64) + 64;
    Operand kv = program.cache(c.cache.type(), kCacheOffset, slotBytes);
    std::string partialsName, partialsType;
    if (StringRef(c.partition).starts_with("keys")) {
      Operand partials = program.buffer(
          kernel::AttentionOp::getPartialColumns(c.heads, c.cache.headDim),
          "f32");
      partialsName = " partials " + partials.name;
      partialsType = " partials " + partials.type;
    }
    program.stage(fmt::format(
        "kernel.attention %n, {}, {}, {}{} outs {} {{heads = {} : i64, "
        "partition = #kernel.partition<{}>}} : {}, {}, {}{}, {}",
        query.name, kv.name, positions.name, partialsName, out.name, c.heads,
        c.partition, query.type, kv.type, positions.type, partialsType,
        out.type));
    memory = std::make_unique<Bytes>(int64_t(tops.size()) * slotBytes, 0);
    for (size_t s = 0; s < tops.size(); ++s)
      slots.emplace_back(rng, c.cache, tops[s],
                         memory->data() + s * slotBytes + kCacheOffset);
  }

  std::string text() const { return program.text(); }

  Expected reference(std::pair<int32_t, int32_t> where,
                     const float *query) const {
    const Slot &slot = slots[where.first];
    int64_t last = where.second;
    int64_t first = c.cache.window ? last - c.cache.window + 1 : 0;
    first = std::max(first, c.firstPosition);
    EXPECT_GE(first, slot.oldest) << "the test sees evicted positions";
    Expected row;
    for (int64_t h = 0; h < c.heads; ++h)
      addReference(slot, query + h * c.cache.headDim, first, last,
                   h / (c.heads / c.cache.heads), row);
    return row;
  }

  /// Runs `kernel` for rows `begin` to `end` and checks them.
  void check(CompiledKernel &kernel, const targets::IsaLevel &level,
             const std::vector<std::pair<int32_t, int32_t>> &where,
             const std::vector<float> &queries,
             const std::vector<Expected> &expected, int64_t begin, int64_t end,
             int threads) {
    Bytes arena = program.makeArena();
    putRows(arena, query,
            std::vector<float>(queries.begin() + begin * columns,
                               queries.begin() + end * columns));
    std::memcpy(arena.data() + positions.offset, &where[begin],
                8 * (end - begin));
    gemcut_step step{};
    step.arena = arena.data();
    step.kv = memory->data();
    step.rows = end - begin;
    step.first_position = c.firstPosition;
    kernel.run("decode", step, threads);
    for (int64_t r = begin; r < end; ++r) {
      std::vector<double> bounds = boundsOf(expected[r], c.cache, level);
      if (StringRef(c.output) == "q8")
        expectQ8Row(arena, out, r - begin, expected[r].values, bounds);
      else
        expectRow(arena, out, r - begin, expected[r].values, bounds);
    }
    expectUntouched(arena, out, end - begin, maxRows);
  }

private:
  const Case &c;
  int64_t columns, maxRows;
  StageProgram program;
  Operand query, positions, out;
  int64_t slotBytes;
  std::unique_ptr<Bytes> memory;
  std::vector<Slot> slots;
};

class AttentionTest : public testing::TestWithParam<Case> {};
class AttentionLengthTest : public testing::TestWithParam<Case> {};

TEST_P(AttentionTest, MatchesReference) {
  const Case &c = GetParam();
  const CacheShape &cache = c.cache;
  int64_t columns = c.heads * cache.headDim;
  std::mt19937 rng(unsigned(columns * 31 + cache.window));

  std::vector<int32_t> tops{c.longest, c.longest / 2, c.longest};
  // Rows of a chunk of prompt, then rows of other sequences.
  std::vector<std::pair<int32_t, int32_t>> where;
  for (int32_t back = 18; back >= 0; --back)
    if (c.longest - back >= c.firstPosition)
      where.push_back({0, c.longest - back});
  where.push_back({2, c.longest});
  where.push_back({1, c.longest / 2});
  for (int32_t position : {0, 1, 7, 15, 16, 17, 31, 32, 33})
    if (position <= c.longest && c.longest < cache.capacity)
      where.push_back({2, position});
  where.erase(
      std::remove_if(where.begin(), where.end(),
                     [&](auto &w) { return w.second < c.firstPosition; }),
      where.end());
  int64_t maxRows = int64_t(where.size());

  AttentionProgram program(c, maxRows, tops, rng);
  std::vector<float> queries = randomValues(rng, maxRows * columns, 2.0f);
  std::vector<Expected> expected;
  for (int64_t r = 0; r < maxRows; ++r)
    expected.push_back(program.reference(where[r], &queries[r * columns]));
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int64_t rows : {int64_t(1), int64_t(2), int64_t(5), maxRows}) {
      rows = std::min(rows, maxRows);
      SCOPED_TRACE(fmt::format("{}, {} rows", level.name, rows));
      program.check(kernel, level, where, queries, expected, 0, rows,
                    rows % 2 ? 3 : 1);
      if (HasFailure())
        return;
    }
  }
}

/// A prompt whose rows see 1 to `longest` + 1 keys: each alone, and all of
/// them.
TEST_P(AttentionLengthTest, MatchesReference) {
  const Case &c = GetParam();
  int64_t columns = c.heads * c.cache.headDim, count = c.longest + 1;
  std::mt19937 rng(unsigned(columns * 31 + c.cache.window));
  AttentionProgram program(c, count, {c.longest}, rng);
  std::vector<float> queries = randomValues(rng, count * columns, 2.0f);
  std::vector<std::pair<int32_t, int32_t>> where;
  std::vector<Expected> expected;
  for (int64_t r = 0; r < count; ++r) {
    where.push_back({0, int32_t(r)});
    expected.push_back(program.reference(where[r], &queries[r * columns]));
  }
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int64_t r = 0; r < count && !HasFailure(); ++r) {
      SCOPED_TRACE(fmt::format("{}, length {}", level.name, r + 1));
      program.check(kernel, level, where, queries, expected, r, r + 1,
                    r % 3 ? 1 : 2);
      // A block of rows that begins at every place in a block of keys.
      program.check(kernel, level, where, queries, expected, r,
                    std::min(r + 7, count), 1);
    }
    SCOPED_TRACE(level.name + ", all rows");
    program.check(kernel, level, where, queries, expected, 0, count, 2);
  }
}

std::string nameOf(const testing::TestParamInfo<Case> &info) {
  const Case &c = info.param;
  return fmt::format("{}_h{}_kv{}_d{}_{}_w{}_{}_p{}", info.index, c.heads,
                     c.cache.heads, c.cache.headDim, c.cache.formatName(),
                     c.cache.window, c.output, c.longest);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionTest,
    testing::Values(
        // Groups of 1, 2, 3, 4, 5, 6, 8, 16 query heads.
        Case{1, {1, 32, kBf16, 0, 64}, "f32", 40},
        Case{2, {1, 16, kBf16, 0, 64}, "f32", 33},
        Case{4, {2, 32, kBf16, 4, 64}, "q8", 100, "heads, 16"},
        Case{3, {1, 32, kBf16, 0, 64}, "f32", 50},
        Case{3, {1, 32, kBf16, 0, 64}, "q8", 50, "keys, 16"},
        Case{4, {1, 32, kF32, 4, 64}, "q8", 200, "heads, 3"},
        Case{5, {1, 32, kBf16, 0, 64}, "q8", 63},
        Case{12, {2, 64, kBf16, 64, 96}, "q8", 300},
        Case{8, {1, 128, kBf16, 64, 96}, "q8", 95},
        Case{8, {8, 64, kBf16, 0, 128}, "q8", 127, "heads, 16"},
        Case{8, {8, 64, kBf16, 0, 128}, "q8", 127, "keys, 8"},
        Case{8, {2, 128, kF32, 0, 128}, "f32", 100},
        Case{32, {2, 64, kBf16, 32, 96}, "q8", 77, "heads, 4"},
        // Head sizes that are no multiple of a vector.
        Case{2, {2, 34, kBf16, 0, 64}, "f32", 40},
        Case{4, {1, 34, kF32, 8, 64}, "f32", 90},
        Case{2, {1, 6, kBf16, 0, 64}, "f32", 47, "keys, 4"},
        Case{4, {2, 48, kBf16, 0, 64}, "f32", 45},
        // Output rows with a padding group.
        Case{1, {1, 32, kBf16, 0, 64}, "q8", 40},
        Case{3, {3, 96, kBf16, 16, 64}, "q8", 70},
        Case{3, {3, 96, kBf16, 16, 64}, "q8", 70, "keys, 1"},
        // A row at a time.
        Case{2, {2, 16, kBf16, 0, 64}, "q8", 40, "rows, 1"},
        Case{4, {2, 48, kBf16, 0, 64}, "q8", 45, "rows, 1"},
        Case{4, {2, 32, kBf16, 4, 64}, "f32", 77, "rows, 3"},
        // Sizes of the models.
        Case{8, {1, 256, kBf16, 512, 544}, "q8", 2000},
        Case{8, {1, 256, kBf16, 512, 544}, "q8", 2000, "keys, 8"},
        Case{8, {1, 256, kBf16, 512, 544}, "q8", 300},
        Case{8, {1, 512, kBf16, 0, 1056}, "q8", 1029, "keys, 8"},
        Case{8, {1, 512, kBf16, 0, 1056}, "q8", 1029},
        Case{8, {1, 512, kF32, 0, 288}, "q8", 260, "keys, 8"},
        Case{8, {4, 256, kBf16, 512, 544}, "q8", 700},
        // Keys and values in int8.
        Case{1, {1, 16, kInt8, 0, 64}, "f32", 40},
        Case{3, {1, 48, kInt8, 0, 64}, "f32", 50, "keys, 16"},
        Case{12, {2, 64, kInt8, 64, 96}, "q8", 300},
        Case{2, {2, 16, kInt8, 4, 64}, "q8", 40, "rows, 1"},
        Case{8, {1, 256, kInt8, 512, 544}, "q8", 2000},
        Case{8, {1, 512, kInt8, 0, 1056}, "q8", 1029, "keys, 8"},
        // Sequences that begin later, inside and at the edge of a block.
        Case{4, {1, 64, kBf16, 0, 64}, "f32", 1000, "heads, 8", 970},
        Case{4, {1, 64, kBf16, 24, 64}, "f32", 1000, "keys, 8", 992},
        Case{4, {1, 64, kBf16, 24, 64}, "f32", 1000, "heads, 8", 1000}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Lengths, AttentionLengthTest,
    testing::Values(Case{8, {1, 64, kBf16, 0, 96}, "q8", 69},
                    Case{8, {1, 64, kBf16, 0, 96}, "q8", 69, "keys, 8"},
                    Case{8, {1, 64, kF32, 0, 96}, "q8", 69},
                    Case{8, {1, 64, kF32, 0, 96}, "f32", 69, "keys, 8"},
                    Case{8, {1, 64, kInt8, 0, 96}, "q8", 69},
                    Case{8, {1, 64, kInt8, 0, 96}, "f32", 69, "keys, 8"},
                    Case{2, {2, 32, kInt8, 20, 96}, "f32", 69, "heads, 16"},
                    Case{4, {2, 32, kBf16, 20, 96}, "q8", 69, "heads, 16"},
                    Case{2, {2, 32, kBf16, 20, 96}, "f32", 69, "keys, 8"},
                    Case{2, {2, 34, kF32, 33, 128}, "f32", 69, "heads, 16"}),
    nameOf);

} // namespace
