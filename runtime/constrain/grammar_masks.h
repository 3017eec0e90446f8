//===- grammar_masks.h - The inside of a grammar ----------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_GRAMMAR_MASKS_H
#define GEMCUT_RUNTIME_CONSTRAIN_GRAMMAR_MASKS_H

#include "runtime/constrain/automaton.h"
#include "runtime/constrain/grammar.h"

#include <mutex>

namespace gemcut::constrain {

/// An automaton over a vocabulary, and the masks of its states.
///
/// States are numbers of the automaton of `epoch`. What was worked out is
/// forgotten when it takes more than `mostBytes`; the epoch then grows.
class Grammar {
public:
  static constexpr size_t kMostBytes = 8 << 20;
  static constexpr size_t kMostMasks = 32;

  Grammar(VocabularyPtr vocabulary, Network network,
          size_t mostBytes = kMostBytes);

  const Vocabulary &getVocabulary() const { return *vocabulary; }

  /// One user of the automaton at a time; held by the functions' callers.
  std::unique_lock<std::mutex> lock() const {
    return std::unique_lock<std::mutex>(mutex);
  }
  // All that follow need the lock.

  uint64_t getEpoch() const { return epoch; }
  int32_t getStart() const { return automaton.getStart(); }
  bool isFinal(int32_t state) const { return automaton.isFinal(state); }
  bool isLast(int32_t state) const { return automaton.isLast(state); }
  /// The state behind a token that is no stop id, or Automaton::kDead.
  int32_t accept(int32_t state, int32_t id) const;
  /// Writes the mask of a state. Changes the epoch if it has to forget.
  void fillMask(int32_t state, uint32_t *words) const;
  /// Forgets if there is too much; for callers that hold no state.
  void makeRoom() const;

  /// For tests: as often as states were forgotten.
  size_t countStates() const { return automaton.countStates(); }

private:
  struct KnownMask {
    int32_t state;
    Mask mask;
  };

  void computeMask(int32_t state, uint32_t *words) const;
  int32_t walk(const Trie &trie, int32_t state, uint32_t *words) const;
  void addSpecials(int32_t state, uint32_t *words) const;
  uint32_t symbolOf(int32_t id) const;
  void forget(std::vector<int32_t> &kept) const;

  VocabularyPtr vocabulary;
  size_t mostBytes;
  mutable std::mutex mutex;
  mutable Automaton automaton;
  mutable uint64_t epoch = 0;
  mutable std::vector<KnownMask> masks;
  mutable size_t oldestMask = 0;
  mutable std::vector<int32_t> path; // of a walk: the state behind each byte
};

/// Finishes a network and makes a grammar of it. `what` begins the sentence of
/// an error: "the schema".
[[nodiscard]] gemcut_status makeGrammar(const VocabularyPtr &vocabulary,
                                        NetworkBuilder &builder,
                                        const char *what, GrammarPtr &out);

/// A thought from `from`; gives the node behind it.
/// GEMCUT_INVALID_ARGUMENT: the vocabulary has no tokens for thoughts.
[[nodiscard]] gemcut_status addThought(NetworkBuilder &builder,
                                       const Vocabulary &vocabulary,
                                       Thought thought, uint32_t from,
                                       uint32_t &to);

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_GRAMMAR_MASKS_H
