//===- session.h - Sequences of tokens and their steps ----------*- C++ -*-===//
//
// Owns what a model needs to run: the threads, the activation arena, the KV
// memory of all slots, and the tokens each slot holds. Everything is mapped at
// `open`; no later call allocates.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_SESSION_H
#define GEMCUT_RUNTIME_SESSION_SESSION_H

#include "runtime/abi/memory_plan.h"
#include "runtime/abi/model.h"
#include "runtime/abi/status.h"
#include "runtime/core/memory.h"
#include "runtime/core/team.h"
#include "runtime/core/weight_pages.h"
#include "runtime/session/fetch_ahead.h"
#include "runtime/session/two_stage_head.h"

#include <cstddef>
#include <cstdint>

namespace gemcut {

/// What a session runs: the compiled model, the code levels, the weight
/// section. All of it must outlive the session.
struct Program {
  const gemcut_model_info *model;
  const gemcut_level *levels;
  int32_t levelCount;
  const uint8_t *weights; // gemcut_model_info.weight_bytes bytes; if page
                          // aligned, a shared mapping of a file
  uint64_t weightBytes;   // what is mapped at `weights`
};

struct SessionOptions {
  int threads = 0;               // 0: see UsableCores::getThreads
  const char *level = nullptr;   // null: the best that the CPU has
  const char *adapter = nullptr; // one of model.adapters; null: none
  int slots = 1;                 // sequences held at once, at most model.slots
  int context = 0;          // positions per slot; 0: all that were compiled
  int chunk = 0;            // rows per prefill or score step; 0: the most
  bool fullPrefill = false; // prompts through the `score` entry
  /// Bytes of row tables mapped at a time; 0: no bound. WeightPages.
  uint64_t tableBytes = GEMCUT_TABLE_RESIDENT_BYTES;
  WeightPages::AdviseFn advise = madvise; // another one in tests
};

/// Asked between the steps of a prompt, of which `done` of `total` ids have
/// run: false stops it.
struct StepQuestion {
  bool (*ask)(void *context, size_t done, size_t total) = nullptr;
  void *context = nullptr;
};

/// Up to `slots` independent sequences. Not thread-safe: one caller at a time.
class Session {
public:
  Session() = default;
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  /// GEMCUT_INVALID_ARGUMENT: an option exceeds what was compiled, or names an
  /// adapter that was not.
  /// GEMCUT_CORRUPT_ARTIFACT: model description or weights do not fit together.
  /// GEMCUT_UNSUPPORTED_CPU: see chooseLevel.
  [[nodiscard]] gemcut_status open(const Program &program,
                                   const SessionOptions &options);

  /// Empties a slot; its next token gets position `firstPosition`, and no row
  /// sees keys below it. KV memory is not cleared: the entry points only read
  /// entries of positions that were written since.
  [[nodiscard]] gemcut_status reset(int32_t slot, int32_t firstPosition = 0);

  /// Appends `count` > 0 ids to a slot. `logits` points to the (V,) logits of
  /// the last one, which the caller may change, valid until the next step.
  /// GEMCUT_CONTEXT_FULL and GEMCUT_INVALID_ARGUMENT leave the slot as it was.
  /// Where `goesOn` stopped it, `logits` is null and the slot holds what was
  /// run.
  [[nodiscard]] gemcut_status prefill(int32_t slot, const int32_t *ids,
                                      size_t count, float *&logits,
                                      const StepQuestion &goesOn = {});

  /// Appends `count` (1 .. getPrefillChunk()) ids in one step without logits;
  /// `later` ids follow behind them and will be appended next. Cutting a prompt
  /// into such steps changes no bit of what prefill gives for the rest.
  [[nodiscard]] gemcut_status extend(int32_t slot, const int32_t *ids,
                                     size_t count, size_t later);

  /// One step of `rows` (1 .. decode_max_rows) tokens; row r is appended to
  /// `slots[r]`. Rows of one slot follow each other. Slots of one step must
  /// have the same first position. `logits`: (rows, V) with `logitsStride`
  /// floats between rows, valid until the next step.
  [[nodiscard]] gemcut_status decode(const int32_t *slots, const int32_t *ids,
                                     size_t rows, float *&logits);

  /// As decode of one row, but only the logits that can be among the `best`
  /// largest need be right: others may be -inf. Suppressed ids of the model do
  /// not count. best 0: all are right. Reads less where the executable was
  /// compiled with a two-stage head.
  [[nodiscard]] gemcut_status decodeBest(int32_t slot, int32_t id, size_t best,
                                         float *&logits);

  /// Receives the (V,) logits of the token with index `row` of the ids.
  /// Returning an error ends `score` with it.
  using ScoreFn = gemcut_status (*)(void *context, size_t row,
                                    const float *logits);

  /// As prefill, but calls `visit` with the logits of every token, in order.
  [[nodiscard]] gemcut_status score(int32_t slot, const int32_t *ids,
                                    size_t count, ScoreFn visit, void *context);

  /// Whether `rewind` to `count` tokens is possible: sliding caches hold the
  /// window and one chunk, so at most a chunk of tokens can be taken back, and
  /// none that were adopted.
  bool canRewind(int32_t slot, size_t count) const;
  /// Takes back all but the first `count` tokens of a slot.
  /// GEMCUT_INVALID_ARGUMENT unless canRewind.
  [[nodiscard]] gemcut_status rewind(int32_t slot, size_t count);

  /// Sets a slot back to its first `count` tokens without restoring what
  /// sliding caches have overwritten since: for timing, where values do not
  /// matter.
  void rewindForTiming(int32_t slot, size_t count);

  /// The KV memory of a slot, model.kv_slot_bytes.
  uint8_t *getKv(int32_t slot) const {
    return kv.data() + size_t(slot) * program.model->kv_slot_bytes;
  }
  /// Makes a slot hold `count` tokens from position 0 on, whose keys and values
  /// the caller has put into its KV memory (runtime/session/kv_image.h).
  /// Errors: as prefill.
  [[nodiscard]] gemcut_status adopt(int32_t slot, const int32_t *ids,
                                    size_t count);

  /// The tokens a slot holds.
  const int32_t *getTokens(int32_t slot) const {
    return history.as<int32_t>() + size_t(slot) * size_t(context);
  }
  size_t getTokenCount(int32_t slot) const { return states[slot].count; }
  /// Of them, those that `adopt` gave.
  size_t getAdopted(int32_t slot) const { return states[slot].adopted; }
  /// Of the first token: see `reset`.
  int32_t getFirstPosition(int32_t slot) const { return states[slot].first; }

  const gemcut_model_info &getModel() const { return *program.model; }
  const gemcut_level &getLevel() const { return *level; }
  Team &getTeam() { return team; }
  const Team &getTeam() const { return team; }
  int32_t getContext() const { return context; }
  int32_t getSlots() const { return slotCount; }
  int32_t getPrefillChunk() const { return prefillChunk; }
  int32_t getScoreChunk() const { return scoreChunk; }
  size_t getLogitsStride() const { return logitsStride; }

  /// For Sampler::open; a step may change what is in it.
  uint8_t *getSamplerWork() const {
    return work.data() +
           gemcut_sampler_offset(program.model, program.model->decode_max_rows);
  }

  /// Bytes of the KV memory of all slots that are resident now.
  size_t countResidentKv() const { return kv.countResident(); }
  /// What the two-stage head did since `open`; all 0 without one.
  const TwoStageHead &getHead() const { return head; }

  /// (layers,) rows that ran through each layer since `clearLayerRows`.
  const uint64_t *getLayerRows() const { return layerRows.as<uint64_t>(); }
  void clearLayerRows();

private:
  struct SlotState {
    int32_t first = 0;
    size_t count = 0;
    size_t adopted = 0; // tokens whose rings hold only what the next one sees
  };

  gemcut_status checkModel() const;
  gemcut_status chooseAdapter(const char *name);
  gemcut_status checkOptions(const SessionOptions &options);
  gemcut_status allocate();
  gemcut_status checkSlot(int32_t slot) const;
  gemcut_status checkAppend(int32_t slot, const int32_t *ids,
                            size_t count) const;
  /// Runs rows of one slot at its end, and appends them; `later` ids follow
  /// behind them in further steps.
  void runRows(gemcut_entry_fn entry, int32_t slot, const int32_t *ids,
               size_t rows, size_t later);
  void append(size_t row, int32_t slot, int32_t id);
  /// Checks and appends the rows of a decode step.
  gemcut_status beginDecode(const int32_t *slots, const int32_t *ids,
                            size_t rows);
  static void rescore(void *session, const int32_t *tiles, size_t count);

  Program program = {};
  const gemcut_level *level = nullptr;
  FetchAheadByRows fetchAhead;
  FetchAhead boundsFetchAhead; // of bounds
  TwoStageHead head;
  WeightPages pages;
  Memory work, kv, history, rowMemory, layerRows, slotMemory;
  Team team; // last, so that its threads end before their memory does
  SlotState *states = nullptr; // (slotCount,)
  gemcut_step step = {};
  int32_t *rowTokens = nullptr, *rowPositions = nullptr, *rowSlots = nullptr;
  int32_t context = 0, slotCount = 0, prefillChunk = 0, scoreChunk = 0;
  size_t logitsStride = 0;
  bool fullPrefill = false;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_SESSION_H
