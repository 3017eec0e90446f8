//===- token_choice.h - The next token of one of many sequences -*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_TOKEN_CHOICE_H
#define GEMCUT_RUNTIME_SESSION_TOKEN_CHOICE_H

#include "runtime/session/batch_request.h"

namespace gemcut {

/// What the choice of a sequence's tokens depends on besides its logits. The
/// request must outlive it.
class TokenChoice {
public:
  explicit TokenChoice(const BatchRequest &request)
      : request(&request), sampling(request.sampling),
        random(request.sampling.seed) {}

  /// How many of the largest logits `choose` needs; see Sampler::countNeeded.
  size_t countNeeded() const;

  /// Chooses from `logits` (vocabulary,), which it changes, and remembers the
  /// token for penalties. `sampler` lends its memory. Errors: Sampler::pick.
  [[nodiscard]] gemcut_status choose(Sampler &sampler, float *logits,
                                     size_t vocabulary, BatchToken &token);

private:
  void applyBiases(float *logits) const;

  const BatchRequest *request;
  SamplerOptions sampling;
  Pcg32 random;
  struct Count {
    int32_t id, times;
  };
  std::vector<Count> seen; // with penalties only
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_TOKEN_CHOICE_H
