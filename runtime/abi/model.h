/* What a produced executable knows about its model, and the code it holds.
 *
 * The compiler fills `gemcut_model_info` and emits it as the constant symbol
 * `gemcut_model`; the tables of entry points are `gemcut_levels` and
 * `gemcut_level_count`. Fixed-width little-endian fields; no pointers in the info,
 * so the same bytes serve every target.
 */
#ifndef GEMCUT_RUNTIME_ABI_MODEL_H
#define GEMCUT_RUNTIME_ABI_MODEL_H

#include "runtime/abi/step.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GEMCUT_MODEL_VERSION 4
#define GEMCUT_MAX_STOP_IDS 16
#define GEMCUT_MAX_SUPPRESSED_IDS 64
#define GEMCUT_MAX_PLACEHOLDER_IDS 4
#define GEMCUT_MAX_ROW_TABLES 4
#define GEMCUT_MAX_ADAPTERS 8
#define GEMCUT_MAX_KV_CACHES 128
#define GEMCUT_ADAPTER_NAME 32 /* bytes, with the terminator */

/* -1 where the vocabulary has no such token. */
typedef struct gemcut_special_ids {
  int32_t pad, bos, eos, turn_open, turn_close, think, channel_open,
      channel_close;
} gemcut_special_ids;

/* A table of which a step reads the rows of its tokens only; layout "rows" of
 * runtime/abi/packed_layout.h. */
typedef struct gemcut_row_table {
  uint64_t offset; /* in the weight section, a multiple of GEMCUT_TABLE_PAGE */
  uint32_t rows, row_bytes;
} gemcut_row_table;

/* The KV cache of one layer in a slot: `regions` regions (K and V of each KV head)
 * of capacity / GEMCUT_KV_BLOCK blocks each. Layout: runtime/abi/packed_layout.h. */
typedef struct gemcut_kv_cache {
  uint64_t offset;      /* from the beginning of the slot */
  uint32_t regions;
  uint32_t block_bytes; /* of GEMCUT_KV_BLOCK positions of a region */
  uint32_t capacity;    /* positions, a multiple of GEMCUT_KV_BLOCK */
  uint32_t window;      /* positions that a row sees, itself included; 0: all, and
                           capacity is at least the context */
} gemcut_kv_cache;

typedef struct gemcut_model_info {
  uint32_t version;        /* GEMCUT_MODEL_VERSION */
  uint32_t size;           /* sizeof(gemcut_model_info) */
  char name[64];           /* model directory's name, for people */
  char quantization[32];   /* "int4", "bf16", ... or the recipe's name */
  char kv_type[8];         /* "bf16", "f32", "int8" */
  int32_t vocab_size;
  int32_t layers;
  int32_t hidden_size;
  int32_t context;         /* positions per slot */
  int32_t slots;
  int32_t decode_max_rows; /* 8 */
  int32_t prefill_chunk;   /* most rows of one prefill step */
  int32_t score_chunk;     /* most rows of one score step */
  int32_t last_own_kv_layer; /* layers after it run for one row in prefill;
                                layers - 1 when no layer shares KV */
  int32_t unused;          /* 0 */
  uint64_t arena_bytes;    /* largest of entry points but score */
  uint64_t score_arena_bytes; /* of the entry point `score` */
  uint64_t kv_slot_bytes;  /* stride between slots, multiple of 4096 */
  uint64_t weight_bytes;   /* length of the weight section */
  uint64_t weight_bytes_per_token; /* read by a decode step of one row */
  gemcut_special_ids special;
  int32_t stop_ids[GEMCUT_MAX_STOP_IDS];
  int32_t stop_id_count;
  int32_t suppressed_ids[GEMCUT_MAX_SUPPRESSED_IDS];
  int32_t suppressed_id_count;
  /* Defaults from generation_config.json. do_sample 0 means greedy. */
  int32_t do_sample;
  int32_t top_k;           /* 0: off */
  float temperature, top_p /* 1: off */, min_p /* 0: off */;
  gemcut_row_table row_tables[GEMCUT_MAX_ROW_TABLES];
  int32_t row_table_count;
  int32_t two_stage_head;  /* 1: the levels have `bounds` and `rescore` */
  uint64_t sidecar_checksum; /* XXH64 of the weight section that a sidecar file must
                                hold; 0: the weights are not in one */
  uint64_t table_resident_bytes; /* bound of what is mapped of row tables; 0:
                                    GEMCUT_TABLE_RESIDENT_BYTES */
  /* Ids that stand for images, sound and video: where one is text all the same, as
   * when the model generates it, its row is that of the id `placeholder_row`. */
  int32_t placeholder_ids[GEMCUT_MAX_PLACEHOLDER_IDS];
  int32_t placeholder_id_count;
  int32_t placeholder_row;
  uint8_t reserved[16];
  int32_t adapter_count;
  /* Names of the adapters that gemcut_step.adapter chooses, in order. */
  char adapters[GEMCUT_MAX_ADAPTERS][GEMCUT_ADAPTER_NAME];
  int32_t kv_cache_count;
  gemcut_kv_cache kv_caches[GEMCUT_MAX_KV_CACHES];
} gemcut_model_info;

/* Code of one ISA level. The runtime picks the first level, in table order, whose
 * features the CPU has; the compiler writes the best first. */
typedef struct gemcut_level {
  const char *name;     /* "avx512bf16", "avx512vnni", "avx2" */
  const char *features; /* "avx2,fma,f16c,bmi2", names of runtime/core/cpu.h */
  /* extend: a prefill chunk that more will follow; writes no logits */
  gemcut_entry_fn decode, prefill, extend, score;
  /* With two_stage_head, otherwise null. bounds: decode of one row, whose logits
   * become upper bounds of them. rescore, behind it: `rows` is a number of weight
   * tiles of the head and `tokens` their indices; writes the logits 16 t .. 16 t + 15
   * of each, the same bits as decode does, and no others. */
  gemcut_entry_fn bounds, rescore;
} gemcut_level;

extern const gemcut_model_info gemcut_model;
extern const gemcut_level gemcut_levels[];
extern const int32_t gemcut_level_count;

#ifdef __cplusplus
}
#endif
#endif
