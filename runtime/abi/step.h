/* The call from the runtime into generated code.
 *
 * All threads of a team call the same entry point with the same `gemcut_step`
 * and their own thread index (SPMD). The entry point runs the whole step: every
 * stage claims chunks of work from the team and ends in the team's barrier.
 * Generated code allocates nothing and calls nothing but `gemcut_team_barrier`.
 */
#ifndef GEMCUT_RUNTIME_ABI_STEP_H
#define GEMCUT_RUNTIME_ABI_STEP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Shared by the threads of one step. Generated code increments `next_chunk`
 * (atomically, relaxed) to claim a chunk; the barrier's last arriver sets it back
 * to 0 before it releases the others. Everything else belongs to
 * runtime/core/team.cpp. */
typedef struct gemcut_team {
  int64_t next_chunk; /* offset 0, alone on its cache line */
  uint8_t reserved0[56];
  uint32_t arrived;    /* offset 64 */
  uint32_t generation; /* offset 68: futex word */
  int32_t threads;
  int32_t spin; /* pauses before sleeping; 0 when threads exceed cores */
  uint32_t sleepers; /* threads in, or about to enter, the futex */
  uint8_t reserved1[44];
} gemcut_team;

/* Waits until all `team->threads` threads have arrived. Writes made before the
 * barrier are visible after it to every thread. */
void gemcut_team_barrier(gemcut_team *team);

/* Arguments of one step. All pointers are 64-byte aligned but for `tokens`,
 * `positions` and `slots` (4). Offsets are ABI: generated code uses them. */
typedef struct gemcut_step {
  const uint8_t *weights;    /*  0: base of the weight section */
  uint8_t *arena;            /*  8: activations, gemcut_model_info.arena_bytes */
  uint8_t *kv;               /* 16: KV memory, slots * kv_slot_bytes */
  const int32_t *tokens;     /* 24: (rows,) ids, each in [0, vocab_size) */
  const int32_t *positions;  /* 32: (rows,) absolute positions, < context */
  const int32_t *slots;      /* 40: (rows,) KV slot of each row */
  int64_t rows;              /* 48: 1 .. the entry point's max_rows */
  float *logits;             /* 56: decode, score: (rows, V); prefill: (1, V);
                                    extend: not used;
                                    row stride gemcut_f32_row_bytes(V) */
  gemcut_team *team;         /* 64 */
  uint64_t *layer_rows;      /* 72: (layers,) rows run through each layer, added
                                    to by thread 0; never null */
  int64_t first_position;    /* 80: no row sees a key below it; 0, or where the
                                    sequence begins */
  int64_t fetch_ahead;       /* 88: 1: gemv stages fetch weights ahead by
                                    instructions, 0: they leave it to the CPU;
                                    same results, speed depends on the CPU */
} gemcut_step;

/* `thread` in [0, team->threads). */
typedef void (*gemcut_entry_fn)(const gemcut_step *step, int64_t thread);

#ifdef __cplusplus
}
#endif
#endif
