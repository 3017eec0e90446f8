//===- batch_request.h - What a batch generates, and for whom ---*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_BATCH_REQUEST_H
#define GEMCUT_RUNTIME_SESSION_BATCH_REQUEST_H

#include "runtime/core/logits_filter.h"
#include "runtime/session/sampler.h"

#include <memory>
#include <string>
#include <vector>

namespace gemcut {

/// Added to the logit of `id` before sampling; -inf forbids the id.
struct LogitBias {
  int32_t id;
  float value;
};

/// Natural logarithm of the probability of `id` in the softmax of the model's
/// own logits: before temperature, biases, penalties and suppressed ids.
struct TokenLogprob {
  int32_t id;
  double logprob;
};

struct BatchToken {
  int32_t id;
  /// With BatchRequest::logprobs >= 0: the token's own, and the most likely
  /// ones in descending order (the lowest id first of equal ones).
  TokenLogprob chosen;
  std::vector<TokenLogprob> likeliest;
};

enum class BatchStop {
  StopId,      // the model ended its turn, or the filter is finished
  Limit,       // `limit` tokens were generated
  Listener,    // onToken returned false
  ContextFull, // no position is left
  Cancelled,   // by Batch::cancel or Batch::close
  Failed,      // BatchResult::error says why
};

struct BatchResult {
  BatchStop reason = BatchStop::Cancelled;
  size_t promptTokens = 0;
  size_t cachedTokens = 0; // of the prompt, that were not run again
  size_t newTokens = 0;    // passed to onToken
  double queuedSeconds = 0, firstTokenSeconds = 0, totalSeconds = 0;
  std::string error;
};

/// Receives what is generated. Called by the thread that steps the batch, which
/// waits meanwhile; must not call the batch.
class BatchListener {
public:
  virtual ~BatchListener() = default;
  /// Each token in order, without the stop id. False ends the request.
  virtual bool onToken(const BatchToken &token) = 0;
  /// Called once, after the last token.
  virtual void onEnd(const BatchResult &result) = 0;
};

struct BatchRequest {
  std::vector<int32_t> prompt; // at least one id
  SamplerOptions sampling;     // checkSampling holds; noRepeat is off
  std::vector<LogitBias> biases;
  /// Subtracted from the logit of each id among the new tokens: once, and times
  /// its number of occurrences.
  float presencePenalty = 0, frequencyPenalty = 0;
  int64_t limit = -1;      // most new tokens, above 0; -1: until it is full
  bool ignoreStop = false; // treat stop ids as ordinary tokens
  int logprobs = -1;       // how many of the likeliest to report; -1: nothing
  std::shared_ptr<LogitsFilter> filter; // which tokens may come; null: all
  std::shared_ptr<BatchListener> listener;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_BATCH_REQUEST_H
