//===- SessionTest.cpp - Sequences, chunks and slots ----------------------===//

#include "runtime/session/session.h"
#include "runtime/core/error.h"
#include "test/unit/runtime/FakeProgram.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace gemcut;
using namespace gemcut::test;

namespace {

std::vector<float> copyRow(const float *row) { return {row, row + kFakeVocab}; }

bool errorHas(const std::string &fragment) {
  return std::string(gemcut_last_error()).find(fragment) != std::string::npos;
}

struct Setup {
  int threads, chunk;
  bool fullPrefill;
};

class SessionTest : public testing::TestWithParam<Setup> {
protected:
  void SetUp() override {
    SessionOptions options;
    options.level = "baseline";
    options.threads = GetParam().threads;
    options.chunk = GetParam().chunk;
    options.fullPrefill = GetParam().fullPrefill;
    options.slots = kFakeSlots;
    ASSERT_EQ(session.open(getFakeProgram(), options), GEMCUT_OK)
        << gemcut_last_error();
  }
  Session session;
};

struct Rows {
  std::vector<std::vector<float>> rows;
  static gemcut_status visit(void *context, size_t row, const float *logits) {
    auto *self = static_cast<Rows *>(context);
    EXPECT_EQ(row, self->rows.size());
    self->rows.push_back(copyRow(logits));
    return GEMCUT_OK;
  }
};

} // namespace

namespace {
/// Advice about single rows, as row numbers; of two pages each.
std::vector<std::pair<int64_t, int>> rowAdvice;
alignas(65536) const uint8_t kPagedWeights[4 * 8192 + kFakeVocab * 8192] = {9};

int recordAdvice(void *address, size_t length, int advice) {
  int64_t offset = static_cast<const uint8_t *>(address) - kPagedWeights;
  if (length == 8192)
    rowAdvice.push_back({(offset - 4 * 8192) / 8192, advice});
  return 0;
}
} // namespace

TEST(SessionPages, RowsAreReadAheadOnceAndAsSoonAsTheyAreKnown) {
  gemcut_model_info model = gemcut_model;
  model.row_tables[0] = {4 * 8192, uint32_t(kFakeVocab), 8192};
  model.row_table_count = 1;
  Program program = getFakeProgram(model);
  program.weights = kPagedWeights;
  SessionOptions options;
  options.level = "baseline";
  options.threads = 1;
  options.advise = recordAdvice;
  Session session;
  ASSERT_EQ(session.open(program, options), GEMCUT_OK) << gemcut_last_error();
  ASSERT_EQ(session.reset(0), GEMCUT_OK);
  auto expectAhead = [](const std::vector<int32_t> &ids) {
    std::vector<std::pair<int64_t, int>> expected;
    for (int32_t id : ids)
      expected.push_back({id, MADV_WILLNEED});
    EXPECT_EQ(rowAdvice, expected);
    rowAdvice.clear();
  };
  rowAdvice.clear();
  float *logits;
  std::vector<int32_t> ids = makeIds(2 * kFakePrefillChunk + 3);
  ASSERT_EQ(session.prefill(0, ids.data(), ids.size(), logits), GEMCUT_OK);
  expectAhead(ids);
  int32_t slot = 0, id = 17;
  ASSERT_EQ(session.decode(&slot, &id, 1, logits), GEMCUT_OK);
  expectAhead({17});
  Rows rows;
  ids = makeIds(2 * kFakeScoreChunk + 1, /*seed=*/5);
  ASSERT_EQ(session.score(0, ids.data(), ids.size(), Rows::visit, &rows),
            GEMCUT_OK);
  expectAhead(ids);
}

TEST(SessionPages, PrivateBytesAreThePlanOfAllEntryPoints) {
  gemcut_model_info model = gemcut_model;
  model.vocab_size = 1 << 18;
  model.arena_bytes = 100 << 20;
  model.score_arena_bytes = 10 << 20;
  model.decode_max_rows = 8;
  model.score_chunk = 64;
  // Eight rows of 1 MiB and a sampler behind the largest arena, 64 rows behind
  // that of score.
  EXPECT_EQ(gemcut_work_bytes(&model, /*scoreChunk=*/64),
            (uint64_t(108) << 20) + (64 << 10));
  model.arena_bytes = 11 << 20;
  EXPECT_EQ(gemcut_work_bytes(&model, /*scoreChunk=*/64), uint64_t(74) << 20);
  auto planned = [&](int32_t slots, int32_t threads) {
    return gemcut_private_bytes(&model, slots, threads);
  };
  EXPECT_EQ(planned(3, 1) - planned(1, 1),
            2 * (model.kv_slot_bytes + 4 * uint64_t(model.context)));
  EXPECT_EQ(planned(1, 5) - planned(1, 1), 4 * GEMCUT_THREAD_BYTES);
  // One row of logits where one sequence runs, and none of score's.
  EXPECT_EQ(planned(1, 1) - gemcut_generate_bytes(&model, 1, 1),
            (uint64_t(74 - 11 - 1) << 20) - (64 << 10));
}

TEST_P(SessionTest, PrefillOfEveryLength) {
  for (size_t length = 1; length <= kFakeContext; ++length) {
    auto ids = makeIds(length);
    ASSERT_EQ(session.reset(0), GEMCUT_OK);
    float *logits = nullptr;
    ASSERT_EQ(session.prefill(0, ids.data(), length, logits), GEMCUT_OK);
    ASSERT_EQ(copyRow(logits), expectedLogits(ids, length)) << length;
    ASSERT_EQ(session.getTokenCount(0), length);
    ASSERT_TRUE(std::equal(ids.begin(), ids.end(), session.getTokens(0)));
  }
}

TEST_P(SessionTest, PrefillInPartsThenDecode) {
  auto ids = makeIds(kFakeContext);
  float *logits = nullptr;
  ASSERT_EQ(session.prefill(1, ids.data(), 9, logits), GEMCUT_OK);
  ASSERT_EQ(session.prefill(1, ids.data() + 9, 8, logits), GEMCUT_OK);
  EXPECT_EQ(copyRow(logits), expectedLogits(ids, 17));
  const int32_t slot = 1;
  for (size_t i = 17; i < kFakeContext; ++i) {
    ASSERT_EQ(session.decode(&slot, &ids[i], 1, logits), GEMCUT_OK);
    ASSERT_EQ(copyRow(logits), expectedLogits(ids, i + 1));
  }
}

TEST_P(SessionTest, SlotsAreIndependent) {
  std::vector<std::vector<int32_t>> ids;
  float *logits = nullptr;
  for (int32_t slot = 0; slot < kFakeSlots; ++slot) {
    ids.push_back(makeIds(20, slot));
    ASSERT_EQ(
        session.prefill(slot, ids.back().data(), size_t(4 + 3 * slot), logits),
        GEMCUT_OK);
  }
  // Rows of several slots, two of them of one slot, in mixed order.
  const int32_t slots[] = {2, 0, 2, 1};
  const int32_t tokens[] = {ids[2][10], ids[0][4], ids[2][11], ids[1][7]};
  ASSERT_EQ(session.decode(slots, tokens, 4, logits), GEMCUT_OK);
  size_t stride = session.getLogitsStride();
  EXPECT_EQ(copyRow(logits), expectedLogits(ids[2], 11));
  EXPECT_EQ(copyRow(logits + stride), expectedLogits(ids[0], 5));
  EXPECT_EQ(copyRow(logits + 2 * stride), expectedLogits(ids[2], 12));
  EXPECT_EQ(copyRow(logits + 3 * stride), expectedLogits(ids[1], 8));
}

TEST_P(SessionTest, ScoreGivesEveryRow) {
  for (size_t length : {1, 3, 4, 5, 8, 40}) {
    auto ids = makeIds(length);
    ASSERT_EQ(session.reset(0), GEMCUT_OK);
    Rows rows;
    ASSERT_EQ(session.score(0, ids.data(), length, Rows::visit, &rows),
              GEMCUT_OK);
    ASSERT_EQ(rows.rows.size(), length);
    for (size_t i = 0; i < length; ++i)
      ASSERT_EQ(rows.rows[i], expectedLogits(ids, i + 1)) << i;
  }
}

TEST_P(SessionTest, FirstPosition) {
  auto ids = makeIds(10);
  ASSERT_EQ(session.reset(0, 30), GEMCUT_OK);
  float *logits = nullptr;
  ASSERT_EQ(session.prefill(0, ids.data(), 9, logits), GEMCUT_OK);
  EXPECT_EQ(copyRow(logits), expectedLogits(ids, 9, 30));
  const int32_t slot = 0;
  ASSERT_EQ(session.decode(&slot, &ids[9], 1, logits), GEMCUT_OK);
  EXPECT_EQ(copyRow(logits), expectedLogits(ids, 10, 30));
  EXPECT_EQ(session.decode(&slot, &ids[9], 1, logits), GEMCUT_CONTEXT_FULL);
  EXPECT_TRUE(errorHas("from position 30")) << gemcut_last_error();
  EXPECT_EQ(session.reset(0, kFakeContext), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(session.reset(0, -1), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(session.reset(kFakeSlots), GEMCUT_INVALID_ARGUMENT);
  // Slots that begin at different positions cannot share a step.
  const int32_t slots[] = {0, 1};
  ASSERT_EQ(session.reset(0, 3), GEMCUT_OK);
  EXPECT_EQ(session.decode(slots, ids.data(), 2, logits),
            GEMCUT_INVALID_ARGUMENT);
}

TEST_P(SessionTest, TakingTokensBack) {
  auto ids = makeIds(30), other = makeIds(30, 5);
  float *logits = nullptr;
  ASSERT_EQ(session.prefill(0, ids.data(), 30, logits), GEMCUT_OK);
  // At most the largest step: decode_max_rows = 8.
  EXPECT_FALSE(session.canRewind(0, 21));
  EXPECT_FALSE(session.canRewind(0, 31));
  EXPECT_EQ(session.rewind(0, 21), GEMCUT_INVALID_ARGUMENT);
  ASSERT_EQ(session.rewind(0, 22), GEMCUT_OK);
  ASSERT_EQ(session.prefill(0, other.data(), 5, logits), GEMCUT_OK);
  ids.resize(22);
  ids.insert(ids.end(), other.begin(), other.begin() + 5);
  EXPECT_EQ(copyRow(logits), expectedLogits(ids, 27));
  ASSERT_EQ(session.rewind(0, 0), GEMCUT_OK);
  EXPECT_EQ(session.getTokenCount(0), 0u);
}

TEST_P(SessionTest, ContextFullLeavesTheSlotAsItWas) {
  auto ids = makeIds(kFakeContext + 1);
  float *logits = nullptr;
  EXPECT_EQ(session.prefill(0, ids.data(), kFakeContext + 1, logits),
            GEMCUT_CONTEXT_FULL);
  EXPECT_TRUE(errorHas("40 positions") && errorHas("41 more"))
      << gemcut_last_error();
  ASSERT_EQ(session.prefill(0, ids.data(), kFakeContext - 1, logits),
            GEMCUT_OK);
  const int32_t slots[] = {0, 0};
  EXPECT_EQ(session.decode(slots, ids.data(), 2, logits), GEMCUT_CONTEXT_FULL);
  EXPECT_EQ(session.getTokenCount(0), size_t(kFakeContext - 1));
  ASSERT_EQ(session.decode(slots, &ids[kFakeContext - 1], 1, logits),
            GEMCUT_OK);
  EXPECT_EQ(copyRow(logits), expectedLogits(ids, kFakeContext));
  EXPECT_EQ(session.decode(slots, ids.data(), 1, logits), GEMCUT_CONTEXT_FULL);
}

TEST_P(SessionTest, BadIdsAreRejected) {
  float *logits = nullptr;
  Rows rows;
  for (int32_t bad : {-1, kFakeVocab, INT32_MAX, INT32_MIN}) {
    int32_t ids[] = {1, bad};
    EXPECT_EQ(session.prefill(0, ids, 2, logits), GEMCUT_INVALID_ARGUMENT);
    EXPECT_TRUE(errorHas("token 1 is " + std::to_string(bad)));
    EXPECT_EQ(session.score(0, ids, 2, Rows::visit, &rows),
              GEMCUT_INVALID_ARGUMENT);
    int32_t slot = 0;
    EXPECT_EQ(session.decode(&slot, &ids[1], 1, logits),
              GEMCUT_INVALID_ARGUMENT);
  }
  int32_t id = 1, slots[9] = {}, ids[9] = {};
  EXPECT_EQ(session.prefill(0, &id, 0, logits), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(session.prefill(-1, &id, 1, logits), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(session.decode(slots, ids, 9, logits), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(session.getTokenCount(0), 0u);
}

TEST_P(SessionTest, PlaceholdersHaveTheRowOfAnotherId) {
  gemcut_model_info model = gemcut_model;
  model.placeholder_ids[0] = 11;
  model.placeholder_ids[1] = 7;
  model.placeholder_id_count = 2;
  model.placeholder_row = 3;
  Program program = getFakeProgram(model);
  SessionOptions options;
  options.threads = 2;
  options.fullPrefill = GetParam().fullPrefill;
  Session other;
  ASSERT_EQ(other.open(program, options), GEMCUT_OK) << gemcut_last_error();
  const std::vector<int32_t> ids = {2, 7, 5, 11, 6, 7, 11},
                             rows = {2, 3, 5, 3, 6, 3, 3};
  float *logits = nullptr;
  ASSERT_EQ(other.prefill(0, ids.data(), 6, logits), GEMCUT_OK);
  EXPECT_EQ(copyRow(logits), expectedLogits(rows, 6));
  const int32_t slot = 0;
  ASSERT_EQ(other.decode(&slot, &ids[6], 1, logits), GEMCUT_OK);
  EXPECT_EQ(copyRow(logits), expectedLogits(rows, 7));
  // What is in the slot are the ids as they were given.
  EXPECT_EQ(std::vector<int32_t>(other.getTokens(0), other.getTokens(0) + 7),
            ids);
}

TEST_P(SessionTest, LayerRowsShowLastRowExecution) {
  auto ids = makeIds(14);
  float *logits = nullptr;
  ASSERT_EQ(session.prefill(0, ids.data(), ids.size(), logits), GEMCUT_OK);
  const uint64_t *rows = session.getLayerRows();
  for (int layer = 0; layer < kFakeLayers; ++layer)
    EXPECT_EQ(rows[layer], layer <= 2 || GetParam().fullPrefill ? 14u : 1u);
  session.clearLayerRows();
  EXPECT_EQ(std::accumulate(rows, rows + kFakeLayers, uint64_t(0)), 0u);
}

INSTANTIATE_TEST_SUITE_P(Setups, SessionTest,
                         testing::Values(Setup{1, 0, false}, Setup{2, 0, false},
                                         Setup{3, 1, false}, Setup{2, 3, false},
                                         Setup{2, 0, true}, Setup{4, 3, true},
                                         Setup{1, 100, false}));

TEST(SessionOpen, ChecksOptionsAndModel) {
  auto open = [](SessionOptions options, Program program = getFakeProgram()) {
    if (!options.level)
      options.level = "baseline";
    Session session;
    return session.open(program, options);
  };
  SessionOptions options;
  options.slots = kFakeSlots + 1;
  EXPECT_EQ(open(options), GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(
      errorHas("slots is 4, but this model was compiled for 1 to 3; give"))
      << gemcut_last_error();
  options = {};
  options.context = kFakeContext + 1;
  EXPECT_EQ(open(options), GEMCUT_INVALID_ARGUMENT);
  options.context = -1;
  EXPECT_EQ(open(options), GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(errorHas("context is -1, but")) << gemcut_last_error();
  options = {};
  options.threads = 65;
  EXPECT_EQ(open(options), GEMCUT_INVALID_ARGUMENT);
  options = {};
  options.chunk = -1;
  EXPECT_EQ(open(options), GEMCUT_INVALID_ARGUMENT);
  options = {};
  options.level = "nosuch";
  EXPECT_EQ(open(options), GEMCUT_INVALID_ARGUMENT);

  options = {};
  options.adapter = "style";
  EXPECT_EQ(open(options), GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(errorHas("compiled without --lora-runtime"));
  gemcut_model_info model = gemcut_model;
  model.adapter_count = 2;
  strcpy(model.adapters[0], "tone");
  strcpy(model.adapters[1], "manner");
  EXPECT_EQ(open(options, getFakeProgram(model)), GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(errorHas("no adapter 'style' in this executable; it has tone, "
                       "manner"))
      << gemcut_last_error();
  options.adapter = "manner";
  EXPECT_EQ(open(options, getFakeProgram(model)), GEMCUT_OK);

  model = gemcut_model;
  model.version = GEMCUT_MODEL_VERSION + 1;
  EXPECT_EQ(open({}, getFakeProgram(model)), GEMCUT_CORRUPT_ARTIFACT);
  model = gemcut_model;
  model.vocab_size = 0;
  EXPECT_EQ(open({}, getFakeProgram(model)), GEMCUT_CORRUPT_ARTIFACT);
  Program program = getFakeProgram();
  program.weightBytes -= 1;
  EXPECT_EQ(open({}, program), GEMCUT_CORRUPT_ARTIFACT);
  EXPECT_TRUE(errorHas("4095")) << gemcut_last_error();
  EXPECT_EQ(open({}), GEMCUT_OK);
}

TEST(SessionOpen, SmallerContextIsHeld) {
  SessionOptions options;
  options.level = "baseline";
  options.context = 6;
  Session session;
  ASSERT_EQ(session.open(getFakeProgram(), options), GEMCUT_OK);
  auto ids = makeIds(7);
  float *logits;
  EXPECT_EQ(session.prefill(0, ids.data(), 7, logits), GEMCUT_CONTEXT_FULL);
  EXPECT_TRUE(errorHas("raise --context")) << gemcut_last_error();
  EXPECT_EQ(session.prefill(0, ids.data(), 6, logits), GEMCUT_OK);
}
