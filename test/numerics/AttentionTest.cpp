//===- AttentionTest.cpp - Attention against an f64 reference -------------===//
//
// Every head grouping, window and head size; positions before and after the
// cache wraps around; several slots. Entries that a row cannot see hold large
// finite numbers, as stale entries do. The reference uses K and V as the cache
// rounds them.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/CacheImage.h"

#include "gtest/gtest.h"

using namespace gemcut;
using namespace gemcut::test;

namespace {

constexpr int64_t kSlots = 3;
constexpr int64_t kCacheOffset = 64;

struct Case {
  int64_t heads;
  CacheShape cache;
  const char *output;
  int32_t longest; // position of the last row of the fullest slot
  const char *partition = "heads, 1";
  int64_t firstPosition = 0;
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
    for (int64_t at = 0; at < shape.bytes(); at += shape.elementBytes())
      shape.put(cache, at, 1e4f * uniform(rng));
    for (int64_t p = oldest; p <= top; ++p)
      for (int64_t h = 0; h < shape.heads; ++h) {
        // Some keys stand out, so that softmax is far from uniform.
        float size = rng() % 8 == 0 ? 2.0f : 0.3f;
        for (int64_t d = 0; d < shape.headDim; ++d) {
          float k = shape.rounded(size * uniform(rng));
          float v = shape.rounded(uniform(rng));
          shape.put(cache, shape.keyOffset(h, p, d), k);
          shape.put(cache, shape.valueOffset(h, p, d), v);
          keys.push_back(k);
          values.push_back(v);
        }
      }
  }

  int64_t index(int64_t position, int64_t head) const {
    return ((position - oldest) * shape.heads + head) * shape.headDim;
  }

  CacheShape shape;
  int64_t top, oldest;
  std::vector<float> keys, values; // (positions, heads, D)
};

/// One head of one row: result and error bounds.
void reference(const Slot &slot, const float *query, int64_t first,
               int64_t last, int64_t kvHead, std::vector<double> &expected,
               std::vector<double> &bounds) {
  int64_t d = slot.shape.headDim;
  std::vector<double> scores;
  double largest = -1e300, products = 0;
  for (int64_t p = first; p <= last; ++p) {
    const float *key = &slot.keys[slot.index(p, kvHead)];
    double score = 0, absolute = 0;
    for (int64_t i = 0; i < d; ++i) {
      score += double(query[i]) * key[i];
      absolute += std::fabs(double(query[i]) * key[i]);
    }
    scores.push_back(score);
    largest = std::max(largest, score);
    products = std::max(products, absolute);
  }
  double total = 0;
  for (double &score : scores)
    total += score = std::exp(score - largest);
  Tolerance tolerance =
      tolerance::attention(d, int64_t(scores.size()), products);
  for (int64_t i = 0; i < d; ++i) {
    double sum = 0, magnitude = 0;
    for (int64_t p = first; p <= last; ++p) {
      double term =
          scores[p - first] / total * slot.values[slot.index(p, kvHead) + i];
      sum += term;
      magnitude += std::fabs(term);
    }
    expected.push_back(sum);
    bounds.push_back(tolerance.bound(magnitude));
  }
}

class AttentionTest : public testing::TestWithParam<Case> {};

TEST_P(AttentionTest, MatchesReference) {
  const Case &c = GetParam();
  const CacheShape &cache = c.cache;
  int64_t d = cache.headDim, columns = c.heads * d;
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

  StageProgram program(maxRows);
  Operand query = program.buffer(columns, "f32");
  Operand positions = program.buffer(2, "i32");
  Operand out = program.buffer(columns, c.output);
  int64_t slotBytes = gemcut_round_up(kCacheOffset + cache.bytes(), 64) + 64;
  Operand kv = program.cache(cache.type(), kCacheOffset, slotBytes);
  program.stage(fmt::format(
      "kernel.attention %n, {}, {}, {} outs {} {{heads = {} : i64, partition = "
      "#kernel.partition<{}>}} : {}, {}, {}, {}",
      query.name, kv.name, positions.name, out.name, c.heads, c.partition,
      query.type, kv.type, positions.type, out.type));

  Bytes memory(kSlots * slotBytes, 0);
  std::vector<Slot> slots;
  for (int64_t s = 0; s < kSlots; ++s)
    slots.emplace_back(rng, cache, tops[s],
                       memory.data() + s * slotBytes + kCacheOffset);
  std::vector<float> queries = randomValues(rng, maxRows * columns, 2.0f);
  std::vector<std::vector<double>> expected(maxRows), bounds(maxRows);
  for (int64_t r = 0; r < maxRows; ++r) {
    const Slot &slot = slots[where[r].first];
    int64_t last = where[r].second;
    int64_t first = cache.window ? last - cache.window + 1 : 0;
    first = std::max(first, c.firstPosition);
    ASSERT_GE(first, slot.oldest) << "the test sees evicted positions";
    for (int64_t h = 0; h < c.heads; ++h)
      reference(slot, &queries[r * columns + h * d], first, last,
                h / (c.heads / cache.heads), expected[r], bounds[r]);
  }

  for (const targets::IsaLevel &level : hostLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int64_t rows : {int64_t(1), int64_t(2), maxRows}) {
      SCOPED_TRACE(fmt::format("{}, {} rows", level.name, rows));
      Bytes arena = program.makeArena();
      std::vector<float> some(queries.begin(),
                              queries.begin() + rows * columns);
      putRows(arena, query, some);
      for (int64_t r = 0; r < rows; ++r)
        std::memcpy(arena.data() + positions.offset + 8 * r, &where[r], 8);
      gemcut_step step{};
      step.arena = arena.data();
      step.kv = memory.data();
      step.rows = rows;
      step.first_position = c.firstPosition;
      kernel.run("decode", step, rows % 2 ? 3 : 1);
      for (int64_t r = 0; r < rows; ++r) {
        if (std::string(c.output) == "q8")
          expectQ8Row(arena, out, r, expected[r], bounds[r]);
        else
          expectRow(arena, out, r, expected[r], bounds[r]);
      }
      expectUntouched(arena, out, rows, maxRows);
      if (HasFailure())
        return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionTest,
    testing::Values(
        // Groups of 1, 2, 3, 4, 6, 8 query heads.
        Case{1, {1, 16, true, 0, 48}, "f32", 40},
        Case{2, {1, 16, true, 0, 48}, "q8", 33},
        Case{4, {2, 16, true, 4, 48}, "q8", 100},
        Case{3, {1, 32, true, 0, 64}, "f32", 50},
        Case{4, {1, 32, false, 4, 48}, "q8", 200},
        Case{12, {2, 64, true, 64, 96}, "q8", 300},
        Case{8, {1, 128, true, 64, 96}, "q8", 95},
        Case{8, {8, 64, true, 0, 128}, "q8", 127},
        Case{8, {2, 128, false, 0, 128}, "f32", 100},
        // Head sizes that are no multiple of a vector.
        Case{2, {2, 34, true, 0, 48}, "f32", 40},
        Case{4, {1, 34, false, 8, 48}, "f32", 90},
        Case{2, {1, 6, true, 0, 48}, "f32", 47},
        Case{4, {2, 48, true, 0, 48}, "q8", 45},
        // Output rows with a padding group.
        Case{1, {1, 32, true, 0, 48}, "q8", 40},
        Case{3, {3, 96, true, 16, 48}, "q8", 70},
        // A row at a time.
        Case{2, {2, 16, true, 0, 48}, "q8", 40, "rows, 1"},
        Case{4, {2, 32, true, 4, 48}, "f32", 77, "rows, 3"},
        // Sizes of the models.
        Case{8, {1, 256, true, 512, 544}, "q8", 2000},
        Case{8, {1, 256, true, 512, 544}, "q8", 300},
        Case{8, {1, 512, true, 0, 1040}, "q8", 1029},
        Case{8, {1, 512, false, 0, 272}, "q8", 260},
        Case{8, {4, 256, true, 512, 544}, "q8", 700},
        // Sequences that begin later, inside and at the edge of a block.
        Case{4, {1, 64, true, 0, 48}, "f32", 1000, "heads, 1", 970},
        Case{4, {1, 64, true, 24, 64}, "f32", 1000, "heads, 1", 992},
        Case{4, {1, 64, true, 24, 64}, "f32", 1000, "heads, 1", 1000}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return fmt::format("{}_h{}_kv{}_d{}_{}_w{}_{}_p{}", info.index, c.heads,
                         c.cache.heads, c.cache.headDim,
                         c.cache.bf16 ? "bf16" : "f32", c.cache.window,
                         c.output, c.longest);
    });

} // namespace
