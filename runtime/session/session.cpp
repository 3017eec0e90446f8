//===- session.cpp - Sequences of tokens and their steps ------------------===//

#include "runtime/session/session.h"

#include "runtime/core/clock.h"
#include "runtime/core/error.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

using namespace gemcut;

gemcut_status Session::checkSlot(int32_t slot) const {
  if (slot >= 0 && slot < slotCount)
    return GEMCUT_OK;
  return fail(GEMCUT_INVALID_ARGUMENT, "there is no slot %d; slots are 0 to %d",
              slot, slotCount - 1);
}

gemcut_status Session::reset(int32_t slot, int32_t firstPosition) {
  if (gemcut_status status = checkSlot(slot))
    return status;
  if (firstPosition < 0 || firstPosition >= context)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the first position is %d, but positions are 0 to %d; compile "
                "again with a larger --context",
                firstPosition, context - 1);
  states[slot] = {firstPosition, 0, 0};
  return GEMCUT_OK;
}

gemcut_status Session::checkAppend(int32_t slot, const int32_t *ids,
                                   size_t count) const {
  if (gemcut_status status = checkSlot(slot))
    return status;
  if (count == 0)
    return fail(GEMCUT_INVALID_ARGUMENT, "there are no tokens to run");
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || ids[i] >= program.model->vocab_size)
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "token %zu is %d, but the vocabulary has ids 0 to %d", i,
                  ids[i], program.model->vocab_size - 1);
  const SlotState &state = states[slot];
  size_t room = size_t(context - state.first) - state.count;
  if (count > room) {
    char offset[64] = "";
    if (state.first)
      snprintf(offset, sizeof(offset), " from position %d", state.first);
    return fail(GEMCUT_CONTEXT_FULL,
                "the context of %d positions is full: %zu tokens%s are in use "
                "and %zu more do not fit%s",
                context, state.count, offset, count,
                context < program.model->context
                    ? "; raise --context, or the option of the session"
                    : "; compile again with a larger --context");
  }
  return GEMCUT_OK;
}

/// The id whose row stands for `id` in the tables: its own, but for
/// placeholders (source: transformers 5.24.0, Gemma4Model.forward).
static int32_t getEmbeddedId(const gemcut_model_info &model, int32_t id) {
  const int32_t *end = model.placeholder_ids + model.placeholder_id_count;
  return std::find(model.placeholder_ids, end, id) == end
             ? id
             : model.placeholder_row;
}

void Session::append(size_t row, int32_t slot, int32_t id) {
  SlotState &state = states[slot];
  rowTokens[row] = getEmbeddedId(*program.model, id);
  rowPositions[row] = state.first + int32_t(state.count);
  rowSlots[row] = slot;
  history.as<int32_t>()[size_t(slot) * size_t(context) + state.count] = id;
  ++state.count;
}

void Session::runRows(gemcut_entry_fn entry, int32_t slot, const int32_t *ids,
                      size_t rows, size_t later) {
  for (size_t i = 0; i < rows; ++i)
    append(i, slot, ids[i]);
  pages.beginStep(rowTokens, rows);
  // The disk works while this step computes.
  pages.readAhead(ids + rows, std::min(rows, later));
  step.rows = int64_t(rows);
  step.first_position = states[slot].first;
  // Behind the activations of the entry point, which are not the same for all.
  step.logits = reinterpret_cast<float *>(
      work.data() + gemcut_logits_offset(entry == level->score
                                             ? program.model->score_arena_bytes
                                             : program.model->arena_bytes));
  team.run(entry, &step);
}

gemcut_status Session::prefill(int32_t slot, const int32_t *ids, size_t count,
                               float *&logits, const StepQuestion &goesOn) {
  if (gemcut_status status = checkAppend(slot, ids, count))
    return status;
  size_t chunk = size_t(fullPrefill ? scoreChunk : prefillChunk), rows = 0;
  pages.readAhead(ids, std::min(chunk, count));
  logits = nullptr;
  for (size_t i = 0; i < count; i += rows) {
    if (i > 0 && goesOn.ask && !goesOn.ask(goesOn.context, i, count))
      return GEMCUT_OK;
    rows = std::min(chunk, count - i);
    // Only the last chunk's last row is looked at.
    gemcut_entry_fn entry = fullPrefill         ? level->score
                            : i + rows == count ? level->prefill
                                                : level->extend;
    runRows(entry, slot, ids + i, rows, count - i - rows);
  }
  logits = step.logits;
  if (fullPrefill) {
    // `prefill` computes the last row only, `score` all of the last chunk: some
    // of them where a sampler works.
    logits = reinterpret_cast<float *>(
        work.data() + gemcut_logits_offset(program.model->arena_bytes));
    std::memmove(logits, step.logits + (rows - 1) * logitsStride,
                 logitsStride * sizeof(float));
  }
  return GEMCUT_OK;
}

gemcut_status Session::extend(int32_t slot, const int32_t *ids, size_t count,
                              size_t later) {
  size_t most = size_t(fullPrefill ? scoreChunk : prefillChunk);
  if (count > most)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "a step of a prompt has %zu ids, but 1 to %zu are possible",
                count, most);
  if (gemcut_status status = checkAppend(slot, ids, count))
    return status;
  pages.readAhead(ids, count);
  runRows(fullPrefill ? level->score : level->extend, slot, ids, count, later);
  return GEMCUT_OK;
}

gemcut_status Session::beginDecode(const int32_t *slots, const int32_t *ids,
                                   size_t rows) {
  if (rows < 1 || rows > size_t(program.model->decode_max_rows))
    return fail(GEMCUT_INVALID_ARGUMENT,
                "a decode step has %zu rows, but 1 to %d are possible", rows,
                program.model->decode_max_rows);
  for (size_t i = 0; i < rows; ++i) {
    if (gemcut_status status = checkAppend(slots[i], ids + i, 1))
      return status;
    if (states[slots[i]].first != states[slots[0]].first)
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "slots %d and %d begin at positions %d and %d; rows of one "
                  "step must begin at the same",
                  slots[0], slots[i], states[slots[0]].first,
                  states[slots[i]].first);
    // Several rows of one slot must fit together.
    size_t same = size_t(std::count(slots, slots + i, slots[i])) + 1;
    const SlotState &state = states[slots[i]];
    if (state.count + same > size_t(context - state.first))
      return fail(GEMCUT_CONTEXT_FULL,
                  "the context of %d positions is full: %zu tokens are in use "
                  "and %zu more do not fit",
                  context, state.count, same);
  }
  for (size_t i = 0; i < rows; ++i)
    append(i, slots[i], ids[i]);
  pages.readAhead(rowTokens, rows);
  pages.beginStep(rowTokens, rows);
  step.rows = int64_t(rows);
  step.first_position = states[slots[0]].first;
  step.logits = reinterpret_cast<float *>(
      work.data() + gemcut_logits_offset(program.model->arena_bytes));
  return GEMCUT_OK;
}

gemcut_status Session::decode(const int32_t *slots, const int32_t *ids,
                              size_t rows, float *&logits) {
  if (gemcut_status status = beginDecode(slots, ids, rows))
    return status;
  step.fetch_ahead = fetchAhead[rows].next();
  double start = seconds();
  team.run(level->decode, &step);
  fetchAhead[rows].record(seconds() - start);
  logits = step.logits;
  return GEMCUT_OK;
}

void Session::rescore(void *session, const int32_t *tiles, size_t count) {
  auto *self = static_cast<Session *>(session);
  gemcut_step step = self->step;
  step.tokens = tiles;
  step.rows = int64_t(count);
  self->team.run(self->level->rescore, &step);
}

gemcut_status Session::decodeBest(int32_t slot, int32_t id, size_t best,
                                  float *&logits) {
  if (best == 0 || best > TwoStageHead::kMostBest ||
      !program.model->two_stage_head || !head.shouldTry())
    return decode(&slot, &id, 1, logits);
  if (gemcut_status status = beginDecode(&slot, &id, 1))
    return status;
  logits = step.logits;
  gemcut_step bounds = step;
  bounds.logits = logits + logitsStride;
  bounds.fetch_ahead = boundsFetchAhead.next();
  double start = seconds();
  team.run(level->bounds, &bounds);
  boundsFetchAhead.record(seconds() - start);
  head.choose(bounds.logits, best, rescore, this, logits);
  return GEMCUT_OK;
}

gemcut_status Session::score(int32_t slot, const int32_t *ids, size_t count,
                             ScoreFn visit, void *visitContext) {
  if (gemcut_status status = checkAppend(slot, ids, count))
    return status;
  pages.readAhead(ids, std::min(size_t(scoreChunk), count));
  for (size_t i = 0; i < count;) {
    size_t rows = std::min(size_t(scoreChunk), count - i);
    runRows(level->score, slot, ids + i, rows, count - i - rows);
    for (size_t row = 0; row < rows; ++row)
      if (gemcut_status status =
              visit(visitContext, i + row, step.logits + row * logitsStride))
        return status;
    i += rows;
  }
  return GEMCUT_OK;
}

bool Session::canRewind(int32_t slot, size_t count) const {
  // A ring has window - 1 + chunk entries, chunk being the most rows of any
  // entry point (passes/Kernel/PlanKv). The next row needs the window - 1
  // positions in front of it, which fewer than `chunk` + 1 later tokens cannot
  // have overwritten.
  const gemcut_model_info &model = *program.model;
  int32_t chunk =
      std::max({model.decode_max_rows, model.prefill_chunk, model.score_chunk});
  size_t used = states[slot].count;
  return count <= used && (count == 0 || (count >= states[slot].adopted &&
                                          used - count <= size_t(chunk)));
}

gemcut_status Session::rewind(int32_t slot, size_t count) {
  if (slot < 0 || slot >= slotCount || !canRewind(slot, count))
    return fail(GEMCUT_INVALID_ARGUMENT,
                "slot %d cannot be taken back to %zu tokens", slot, count);
  states[slot].count = count;
  states[slot].adopted = std::min(states[slot].adopted, count);
  return GEMCUT_OK;
}

gemcut_status Session::adopt(int32_t slot, const int32_t *ids, size_t count) {
  if (gemcut_status status = reset(slot))
    return status;
  if (gemcut_status status = checkAppend(slot, ids, count))
    return status;
  std::copy(ids, ids + count,
            history.as<int32_t>() + size_t(slot) * size_t(context));
  states[slot].count = states[slot].adopted = count;
  return GEMCUT_OK;
}

void Session::rewindForTiming(int32_t slot, size_t count) {
  states[slot].count = std::min(states[slot].count, count);
}

void Session::clearLayerRows() {
  std::memset(layerRows.data(), 0, layerRows.size());
}
