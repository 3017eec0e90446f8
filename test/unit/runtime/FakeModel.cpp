//===- FakeModel.cpp - A tiny model whose logits can be checked -----------===//

#include "test/unit/runtime/FakeModel.h"

#include "runtime/abi/packed_layout.h"

using namespace gemcut;
using namespace gemcut::test;

uint64_t test::fakeState(const int32_t *tokens, int64_t count,
                         int64_t firstPosition) {
  uint64_t state = 0;
  for (int64_t i = 0; i < count; ++i)
    state += uint64_t(tokens[i] + 1) * uint64_t(firstPosition + i + 1);
  return state;
}

float test::fakeLogit(uint64_t state, int32_t v, uint8_t weight) {
  uint64_t hash = (state + weight + 1) * 0x9E3779B97F4A7C15 +
                  uint64_t(v) * 0xBF58476D1CE4E5B9;
  hash ^= hash >> 29;
  hash *= 0x94D049BB133111EB;
  return float(hash >> 40) * 0x1p-20f; // 0 .. 16
}

/// One stage, as generated code does it.
template <typename Body>
static void forChunks(const gemcut_step *step, int64_t thread, int64_t chunks,
                      Body body) {
  int64_t chunk;
  while ((chunk = gemcut_team_claim(step->team, thread, chunks)) >= 0)
    body(chunk);
  gemcut_team_barrier(step->team, thread);
}

static int32_t *getKv(const gemcut_step *step, int32_t slot) {
  return reinterpret_cast<int32_t *>(step->kv + uint64_t(slot) *
                                                    gemcut_model.kv_slot_bytes);
}

static void writeKv(const gemcut_step *step, int64_t thread) {
  forChunks(step, thread, step->rows, [&](int64_t row) {
    getKv(step, step->slots[row])[step->positions[row]] = step->tokens[row];
  });
}

/// States go through the arena, so that a missing barrier shows.
static void sumKeys(const gemcut_step *step, int64_t thread) {
  auto *states = reinterpret_cast<uint64_t *>(step->arena);
  forChunks(step, thread, step->rows, [&](int64_t row) {
    int64_t first = step->first_position;
    states[row] = fakeState(getKv(step, step->slots[row]) + first,
                            step->positions[row] - first + 1, first);
  });
}

static void writeLogits(const gemcut_step *step, int64_t thread,
                        int64_t firstRow) {
  const auto *states = reinterpret_cast<const uint64_t *>(step->arena);
  int64_t stride = gemcut_f32_row_bytes(kFakeVocab) / 4;
  forChunks(step, thread, kFakeVocab, [&](int64_t v) {
    for (int64_t row = firstRow; row < step->rows; ++row)
      step->logits[(row - firstRow) * stride + v] =
          fakeLogit(states[row], int32_t(v), step->weights[0]);
  });
}

static void countRows(const gemcut_step *step, int64_t thread,
                      uint64_t laterRows) {
  if (thread != 0)
    return;
  for (int32_t layer = 0; layer < kFakeLayers; ++layer)
    step->layer_rows[layer] += layer > gemcut_model.last_own_kv_layer
                                   ? laterRows
                                   : uint64_t(step->rows);
}

static void runAll(const gemcut_step *step, int64_t thread) {
  writeKv(step, thread);
  sumKeys(step, thread);
  writeLogits(step, thread, 0);
  countRows(step, thread, uint64_t(step->rows));
}

static void runPrefill(const gemcut_step *step, int64_t thread) {
  writeKv(step, thread);
  sumKeys(step, thread);
  writeLogits(step, thread, step->rows - 1);
  countRows(step, thread, 1);
}

static void runExtend(const gemcut_step *step, int64_t thread) {
  writeKv(step, thread);
  countRows(step, thread, 0);
}

static gemcut_model_info makeModel() {
  gemcut_model_info model = {};
  model.version = GEMCUT_MODEL_VERSION;
  model.size = sizeof(model);
  __builtin_strcpy(model.name, "fake \"model\"");
  __builtin_strcpy(model.quantization, "none");
  __builtin_strcpy(model.kv_type, "ids");
  model.vocab_size = kFakeVocab;
  model.layers = kFakeLayers;
  model.hidden_size = 8;
  model.context = kFakeContext;
  model.slots = kFakeSlots;
  model.decode_max_rows = 8;
  model.prefill_chunk = kFakePrefillChunk;
  model.score_chunk = kFakeScoreChunk;
  model.last_own_kv_layer = 2;
  model.arena_bytes = 8 * 8;
  model.score_arena_bytes = 8 * 4;
  model.kv_slot_bytes = 4096;
  model.kv_caches[model.kv_cache_count++] = {
      0, 1, GEMCUT_KV_BLOCK * sizeof(int32_t),
      uint32_t(gemcut_round_up(kFakeContext, GEMCUT_KV_BLOCK)), 0};
  model.weight_bytes = kFakeWeightBytes;
  model.weight_bytes_per_token = kFakeWeightBytes;
  model.special = kFakeSpecial;
  model.stop_ids[0] = 1;
  model.stop_ids[1] = kFakeStopId;
  model.stop_id_count = 2;
  model.suppressed_ids[0] = kFakeSuppressedId;
  model.suppressed_id_count = 1;
  model.do_sample = 1;
  model.top_k = 10;
  model.temperature = 0.75f;
  model.top_p = 0.9f;
  return model;
}

extern "C" {
extern const gemcut_model_info gemcut_model = makeModel();
extern const gemcut_level gemcut_levels[] = {
    {"impossible",
     "avx512f,avxvnni,avx512bf16,avx512vnni,avx2,fma,f16c,bmi2,"
     "avx512bw,avx512dq,avx512vl",
     nullptr, nullptr, nullptr, nullptr, nullptr, nullptr},
    {"baseline", "", runAll, runPrefill, runExtend, runAll, nullptr, nullptr},
};
extern const int32_t gemcut_level_count = 2;
}
