/* The call from the runtime into generated code.
 *
 * All threads of a team call the same entry point with the same `gemcut_step`
 * and their own thread index (SPMD). The entry point runs the whole step: every
 * stage claims chunks of work from the team and ends in the team's barrier. Outside
 * of chunks it reads nothing but the step, and only from its copy of it.
 * Generated code allocates nothing and calls nothing but the two functions of the
 * team.
 */
#ifndef GEMCUT_RUNTIME_ABI_STEP_H
#define GEMCUT_RUNTIME_ABI_STEP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The threads that run one step together; what follows belongs to
 * runtime/core/team.h.
 *
 * A stage is over when all of its chunks are done, and not when every thread has
 * come by: a thread that the operating system keeps from running holds nobody up
 * unless it is inside a chunk. It catches up by walking through the stages that
 * ended without it, so every thread must call the two functions below in the same
 * order, whatever the others do. */
typedef struct gemcut_team {
  int32_t threads; /* offset 0: how many take part, the same in all steps */
} gemcut_team;

/* Claims a chunk of the stage that `thread` is in: returns its index in
 * [0, chunks), or -1 when none is left, which also says that this thread's chunks
 * are done. `chunks` is below 2^24 and the same for every thread. */
int64_t gemcut_team_claim(gemcut_team *team, int64_t thread, int64_t chunks);

/* Waits until all chunks of the stage are done and takes `thread` to the next one.
 * Called once per stage, behind the claim that returned -1. Writes made inside
 * chunks are visible to every thread afterwards. */
void gemcut_team_barrier(gemcut_team *team, int64_t thread);

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
  int64_t adapter;           /* 96: 1 + index of the adapter that rows run with;
                                    0: none */
} gemcut_step;

/* `thread` in [0, threads of the team). */
typedef void (*gemcut_entry_fn)(const gemcut_step *step, int64_t thread);

#ifdef __cplusplus
}
#endif
#endif
