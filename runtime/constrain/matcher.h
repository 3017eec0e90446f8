//===- matcher.h - One answer's way through a grammar -----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_MATCHER_H
#define GEMCUT_RUNTIME_CONSTRAIN_MATCHER_H

#include "runtime/constrain/grammar.h"

namespace gemcut::constrain {

/// The tokens of one answer, and those that may follow. Copies are independent
/// and cheap. Used by one thread at a time; several matchers of one grammar may
/// be used by several threads.
class Matcher {
public:
  explicit Matcher(GrammarPtr grammar);

  /// Writes (vocabulary.maskWords(),) words: the tokens that may come next.
  /// Stop ids are allowed exactly where the text is complete. After a stop id
  /// nothing is.
  void fillMask(uint32_t *words);

  /// Appends a token. False, with nothing changed, if it is not allowed.
  bool accept(int32_t id);

  /// Whether the text is complete: an answer may end here.
  bool canEnd();
  /// Whether nothing but a stop id may follow, or one was accepted.
  bool isFinished();

  /// How many tokens were accepted.
  size_t size() const { return ids.size(); }
  /// Those tokens.
  const std::vector<int32_t> &getTokens() const { return ids; }
  /// Takes back all but the first `count` <= size() tokens.
  void rollback(size_t count);

private:
  int32_t getState();

  GrammarPtr grammar;
  std::vector<int32_t> ids;
  std::vector<int32_t> states; // behind each token; of `epoch`
  uint64_t epoch = 0;
  bool hasStopped = false;
};

/// Sets the logits (V,) of all ids that are not in the mask to -inf.
void maskLogits(const uint32_t *words, float *logits, size_t vocabulary);

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_MATCHER_H
