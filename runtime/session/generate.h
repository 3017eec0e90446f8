//===- generate.h - The loop from prompt to answer --------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_GENERATE_H
#define GEMCUT_RUNTIME_SESSION_GENERATE_H

#include "runtime/core/logits_filter.h"
#include "runtime/session/sampler.h"
#include "runtime/session/session.h"

namespace gemcut {

enum class StopReason {
  StopId,      // the model ended its turn, or the filter is finished
  Limit,       // `limit` tokens were generated
  Caller,      // a callback returned false
  ContextFull, // no position is left
};

struct GenerateOptions {
  int64_t limit = -1; // most tokens to generate; -1: until the context is full
  bool ignoreStop = false;        // treat stop ids as ordinary tokens
  LogitsFilter *filter = nullptr; // which tokens may come; null: all
  StepQuestion onStep;            // of the prompt
};

struct GenerateStats {
  size_t promptTokens = 0;
  size_t newTokens = 0;      // passed to the callback
  double prefillSeconds = 0; // until the first token is chosen
  double decodeSeconds = 0;  // from then on
  StopReason reason = StopReason::Limit;
};

/// Receives each token in order, without the stop id; false ends the loop.
using TokenFn = bool (*)(void *context, int32_t id);

/// Appends `ids` to the slot, then generates tokens until something of
/// StopReason happens. The slot holds all generated tokens but the last one,
/// which was chosen and not yet run. With noRepeat, all tokens that the slot
/// holds are forbidden. GEMCUT_CONTEXT_FULL only if the prompt itself does not
/// fit.
[[nodiscard]] gemcut_status
generate(Session &session, Sampler &sampler, int32_t slot, const int32_t *ids,
         size_t count, const GenerateOptions &options, TokenFn onToken,
         void *context, GenerateStats &stats);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_GENERATE_H
