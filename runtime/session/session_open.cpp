//===- session_open.cpp - What a session checks and maps once -------------===//

#include "runtime/session/session.h"

#include "runtime/abi/packed_layout.h"
#include "runtime/core/cores.h"
#include "runtime/core/cpu.h"
#include "runtime/core/error.h"

#include <algorithm>
#include <cstring>
#include <string>

using namespace gemcut;

gemcut_status Session::checkModel() const {
  const gemcut_model_info &model = *program.model;
  if (model.version != GEMCUT_MODEL_VERSION || model.size != sizeof(model))
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "the model description has version %u and %u bytes, but this "
                "runtime reads version %d with %zu bytes",
                model.version, model.size, GEMCUT_MODEL_VERSION, sizeof(model));
  if (model.vocab_size < 1 || model.layers < 1 || model.context < 1 ||
      model.slots < 1 || model.decode_max_rows < 1 || model.prefill_chunk < 1 ||
      model.score_chunk < 1)
    return fail(
        GEMCUT_CORRUPT_ARTIFACT,
        "the model description has a size below 1: vocabulary %d, layers "
        "%d, context %d, slots %d, rows per step %d, %d and %d",
        model.vocab_size, model.layers, model.context, model.slots,
        model.decode_max_rows, model.prefill_chunk, model.score_chunk);
  if (model.two_stage_head &&
      (model.two_stage_head != 1 || model.vocab_size % GEMCUT_TILE_ROWS))
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "the model description has a two-stage head (%d) of %d ids, "
                "which are no multiple of %d",
                model.two_stage_head, model.vocab_size, GEMCUT_TILE_ROWS);
  if (program.weightBytes != model.weight_bytes)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "the weight section has %llu bytes, but the code was compiled "
                "for %llu; executable and sidecar do not belong together",
                (unsigned long long)program.weightBytes,
                (unsigned long long)model.weight_bytes);
  return GEMCUT_OK;
}

gemcut_status Session::checkOptions(const SessionOptions &options) {
  const gemcut_model_info &model = *program.model;
  struct Limit {
    const char *name;
    int value, most;
  };
  const Limit limits[] = {{"slots", options.slots, model.slots},
                          {"context", options.context, model.context}};
  for (const Limit &limit : limits)
    if (limit.value < 0 || limit.value > limit.most)
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "%s is %d, but this model was compiled for 1 to %d; give one "
                  "of these, 0 for the default, or compile with another --%s",
                  limit.name, limit.value, limit.most, limit.name);
  if (options.chunk < 0)
    return fail(GEMCUT_INVALID_ARGUMENT, "chunk is %d, but must be at least 1",
                options.chunk);
  context = options.context ? options.context : model.context;
  slotCount = options.slots ? options.slots : 1;
  int chunk = options.chunk ? options.chunk : INT32_MAX;
  prefillChunk = std::min(model.prefill_chunk, chunk);
  scoreChunk = std::min(model.score_chunk, chunk);
  fullPrefill = options.fullPrefill;
  return GEMCUT_OK;
}

gemcut_status Session::allocate() {
  const gemcut_model_info &model = *program.model;
  logitsStride = size_t(gemcut_f32_row_bytes(model.vocab_size)) / sizeof(float);
  size_t rows = size_t(std::max(
      {model.decode_max_rows, model.prefill_chunk, model.score_chunk}));
  struct Request {
    Memory &memory;
    size_t bytes;
    const char *what;
    size_t hugeBytes;
  };
  const Request requests[] = {
      // Behind the activations, not all rows of logits are used.
      {work, gemcut_work_bytes(&model, scoreChunk), "activations and logits",
       model.arena_bytes},
      // Small pages: every head has regions of its own, mostly untouched.
      {kv, size_t(slotCount) * model.kv_slot_bytes, "KV caches", 0},
      {history, size_t(slotCount) * size_t(context) * sizeof(int32_t),
       "token history", 0},
      {rowMemory, 3 * rows * sizeof(int32_t), "rows of a step", 0},
      {layerRows, size_t(model.layers) * sizeof(uint64_t), "layer counters", 0},
      {slotMemory, size_t(slotCount) * sizeof(SlotState), "slots", 0},
  };
  for (const Request &request : requests)
    if (gemcut_status status = request.memory.allocate(
            request.bytes, request.what, request.hugeBytes))
      return status;
  states = slotMemory.as<SlotState>();
  rowTokens = rowMemory.as<int32_t>();
  rowPositions = rowTokens + rows;
  rowSlots = rowPositions + rows;
  return GEMCUT_OK;
}

gemcut_status Session::chooseAdapter(const char *name) {
  step.adapter = 0;
  if (!name)
    return GEMCUT_OK;
  const gemcut_model_info &model = *program.model;
  std::string known;
  for (int32_t i = 0; i < model.adapter_count; ++i) {
    if (strcmp(model.adapters[i], name) == 0)
      step.adapter = i + 1;
    known += (i ? ", " : "") + std::string(model.adapters[i]);
  }
  if (step.adapter)
    return GEMCUT_OK;
  return fail(GEMCUT_INVALID_ARGUMENT,
              "there is no adapter '%s' in this executable; %s%s", name,
              known.empty() ? "it was compiled without --lora-runtime"
                            : "it has ",
              known.c_str());
}

gemcut_status Session::open(const Program &what,
                            const SessionOptions &options) {
  program = what;
  if (gemcut_status status = checkModel())
    return status;
  if (gemcut_status status =
          chooseLevel(program.levels, program.levelCount, detectCpuFeatures(),
                      options.level, level))
    return status;
  if (gemcut_status status = checkOptions(options))
    return status;
  if (gemcut_status status = allocate())
    return status;
  if (program.model->two_stage_head)
    if (gemcut_status status = head.open(*program.model))
      return status;
  UsableCores cores = detectUsableCores();
  int threads = options.threads ? options.threads
                                : std::min(cores.getThreads(), kMaxThreads);
  if (gemcut_status status = team.start(threads, cores.getParallel()))
    return status;
  pages.open(*program.model, program.weights, options.tableBytes,
             options.advise);
  step = {};
  step.weights = program.weights;
  step.arena = work.data();
  step.kv = kv.data();
  step.tokens = rowTokens;
  step.positions = rowPositions;
  step.slots = rowSlots;
  step.team = team.state();
  step.layer_rows = layerRows.as<uint64_t>();
  return chooseAdapter(options.adapter);
}
