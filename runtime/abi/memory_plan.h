/* What a process that runs a model needs besides its weights: the one formula
 * that the compiler plans with and the runtime holds. All in bytes.
 */
#ifndef GEMCUT_RUNTIME_ABI_MEMORY_PLAN_H
#define GEMCUT_RUNTIME_ABI_MEMORY_PLAN_H

#include "runtime/abi/model.h"
#include "runtime/abi/packed_layout.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The process itself: the loader's and the C library's data, its heap. */
#define GEMCUT_PROCESS_BYTES ((uint64_t)256 << 10)
/* What a thread touches of its stack; up to 512 KiB more where it unpacks
 * weights for matrix registers (level amx). */
#define GEMCUT_THREAD_BYTES ((uint64_t)256 << 10)
/* Threads that plans count with where nobody knows the machine. */
#define GEMCUT_PLANNED_THREADS 4
/* Mapped of row tables at a time, where the model does not say. */
#define GEMCUT_TABLE_RESIDENT_BYTES ((uint64_t)64 << 20)
/* Logits of which the sampler keeps the largest. */
#define GEMCUT_SAMPLER_BLOCK 64
/* Sums with which the sampler finds the last of its candidates. */
#define GEMCUT_SAMPLER_SUMS 2048

/* Where the logits begin behind the activations. */
static inline uint64_t gemcut_logits_offset(uint64_t arena_bytes) {
  return (uint64_t)gemcut_round_up((int64_t)arena_bytes, 4096);
}

/* What a sampler works in: sums, and the weight and the largest logit of each
 * block. */
static inline uint64_t gemcut_sampler_bytes(int32_t vocab_size) {
  uint64_t blocks =
      ((uint64_t)vocab_size + GEMCUT_SAMPLER_BLOCK - 1) / GEMCUT_SAMPLER_BLOCK;
  return 8 * (GEMCUT_SAMPLER_SUMS + blocks) + 4 * blocks;
}

/* Where the sampler works: behind the activations and the logits of `rows`
 * rows, two at least with a two-stage head, whose bounds take the second. */
static inline uint64_t gemcut_sampler_offset(const gemcut_model_info *model,
                                             int32_t rows) {
  if (model->two_stage_head && rows < 2)
    rows = 2;
  return gemcut_logits_offset(model->arena_bytes) +
         (uint64_t)gemcut_f32_row_bytes(model->vocab_size) * (uint64_t)rows;
}

/* The larger of activations, decode_max_rows rows of logits and a sampler's
 * work, and of the smaller activations of a score step with `score_chunk` rows
 * of logits. */
static inline uint64_t gemcut_work_bytes(const gemcut_model_info *model,
                                         int32_t score_chunk) {
  uint64_t decode = gemcut_sampler_offset(model, model->decode_max_rows) +
                    gemcut_sampler_bytes(model->vocab_size);
  uint64_t score =
      gemcut_logits_offset(model->score_arena_bytes) +
      (uint64_t)gemcut_f32_row_bytes(model->vocab_size) * (uint64_t)score_chunk;
  return decode > score ? decode : score;
}

/* KV caches and ids of `slots` sequences of full length. */
static inline uint64_t gemcut_sequence_bytes(const gemcut_model_info *model,
                                             int32_t slots) {
  return (uint64_t)slots *
         (model->kv_slot_bytes + (uint64_t)model->context * sizeof(int32_t));
}

/* The process with `threads` threads and the sequences that it holds. */
static inline uint64_t gemcut_standing_bytes(const gemcut_model_info *model,
                                             int32_t slots, int32_t threads) {
  return gemcut_sequence_bytes(model, slots) + GEMCUT_PROCESS_BYTES +
         GEMCUT_THREAD_BYTES * (uint64_t)threads;
}

/* The plan: private bytes of a process that runs `slots` sequences to their
 * ends. */
static inline uint64_t gemcut_private_bytes(const gemcut_model_info *model,
                                            int32_t slots, int32_t threads) {
  return gemcut_work_bytes(model, model->score_chunk) +
         gemcut_standing_bytes(model, slots, threads);
}

/* Of them, what a process touches that samples tokens and never scores. */
static inline uint64_t gemcut_generate_bytes(const gemcut_model_info *model,
                                             int32_t slots, int32_t threads) {
  return gemcut_sampler_offset(model, slots < model->decode_max_rows
                                          ? slots
                                          : model->decode_max_rows) +
         gemcut_sampler_bytes(model->vocab_size) +
         gemcut_standing_bytes(model, slots, threads);
}

/* Of the weights, row tables. */
static inline uint64_t gemcut_all_table_bytes(const gemcut_model_info *model) {
  uint64_t bytes = 0;
  for (int32_t i = 0; i < model->row_table_count; ++i)
    bytes += (uint64_t)gemcut_table_bytes(model->row_tables[i].row_bytes,
                                          (int64_t)model->row_tables[i].rows);
  return bytes;
}

/* Bound of what is mapped of row tables; 0 never. */
static inline uint64_t
gemcut_table_resident_bytes(const gemcut_model_info *model) {
  return model->table_resident_bytes ? model->table_resident_bytes
                                     : GEMCUT_TABLE_RESIDENT_BYTES;
}

/* Weights that are in memory at a time, shared by all processes. */
static inline uint64_t
gemcut_resident_weight_bytes(const gemcut_model_info *model) {
  uint64_t tables = gemcut_all_table_bytes(model);
  uint64_t bound = gemcut_table_resident_bytes(model);
  return model->weight_bytes - tables + (tables < bound ? tables : bound);
}

#ifdef __cplusplus
}
#endif
#endif
