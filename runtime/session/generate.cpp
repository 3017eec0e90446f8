//===- generate.cpp - The loop from prompt to answer ----------------------===//

#include "runtime/session/generate.h"

#include "runtime/core/clock.h"

#include <algorithm>

using namespace gemcut;

static bool isStop(const gemcut_model_info &model, int32_t id) {
  const int32_t *end = model.stop_ids + model.stop_id_count;
  return std::find(model.stop_ids, end, id) != end;
}

gemcut_status gemcut::generate(Session &session, Sampler &sampler, int32_t slot,
                               const int32_t *ids, size_t count,
                               const GenerateOptions &options, TokenFn onToken,
                               void *context, GenerateStats &stats) {
  stats = {};
  size_t held = session.getTokenCount(slot);
  double start = seconds();
  float *logits = nullptr;
  if (gemcut_status status =
          session.prefill(slot, ids, count, logits, options.onStep))
    return status;
  stats.promptTokens = session.getTokenCount(slot) - held;
  if (!logits) {
    stats.prefillSeconds = seconds() - start;
    stats.reason = StopReason::Caller;
    return GEMCUT_OK;
  }
  sampler.forgetForbidden();
  for (size_t i = 0; i < session.getTokenCount(slot); ++i)
    sampler.forbid(session.getTokens(slot)[i]);

  double first = 0;
  gemcut_status status = GEMCUT_OK;
  while (true) {
    if (options.limit >= 0 && stats.newTokens >= size_t(options.limit)) {
      stats.reason = StopReason::Limit;
      break;
    }
    int32_t id;
    if (options.filter)
      options.filter->apply(logits);
    if ((status = sampler.pick(logits, id)))
      break;
    if (first == 0)
      first = seconds();
    if (!options.ignoreStop && isStop(session.getModel(), id)) {
      stats.reason = StopReason::StopId;
      break;
    }
    sampler.forbid(id);
    if (options.filter)
      options.filter->accept(id);
    ++stats.newTokens;
    if (!onToken(context, id)) {
      stats.reason = StopReason::Caller;
      break;
    }
    if (options.filter && options.filter->isFinished()) {
      stats.reason = StopReason::StopId;
      break;
    }
    if (options.limit >= 0 && stats.newTokens >= size_t(options.limit))
      continue; // the last token is not run
    // The best tokens that a filter leaves may be any.
    size_t best = options.filter ? 0 : sampler.countNeeded();
    status = session.decodeBest(slot, id, best, logits);
    if (status == GEMCUT_CONTEXT_FULL) {
      stats.reason = StopReason::ContextFull;
      status = GEMCUT_OK;
      break;
    }
    if (status)
      break;
  }
  double end = seconds();
  stats.prefillSeconds = (first ? first : end) - start;
  stats.decodeSeconds = first ? end - first : 0;
  return status;
}
