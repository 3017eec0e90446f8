//===- prefix_cache.h - Beginnings of earlier prompts -----------*- C++ -*-===//
//
// Keeps keys and values of prompts, so that a later prompt that begins alike
// runs only what is new. Decision record: 20261126-prefix-reuse.md.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_PREFIX_CACHE_H
#define GEMCUT_RUNTIME_SESSION_PREFIX_CACHE_H

#include "runtime/session/session.h"

#include <list>
#include <memory>
#include <vector>

namespace gemcut {

/// Sequences of tokens with pages of their keys and values, of sliding layers
/// too, so that a sequence can be taken up again at any position. Sequences
/// that begin alike share pages. Where there is no room, the least recently
/// used sequences first lose the sliding pages in front of their last window,
/// and can then be taken up near their ends only; then they go.
///
/// What is kept came from `prefill` and `extend` alone, so a sequence that goes
/// on from it has the same bits as one that ran from the beginning.
class PrefixCache {
public:
  /// Keeps at most `bytes` of keys and values; 0: nothing.
  void open(const gemcut_model_info &model, uint64_t bytes);

  /// Puts the longest possible beginning of `prompt`, but never all of it, into
  /// a slot, which holds nothing else then. Returns how many tokens that are.
  size_t restore(Session &session, int32_t slot,
                 const std::vector<int32_t> &prompt);

  /// Keeps the first `count` tokens of a slot, all of them run as a prompt. To
  /// keep all of a long prompt this is called behind each of its steps: rings
  /// hold no more.
  void keep(Session &session, int32_t slot, size_t count);

  /// As keep, but for good: what else is kept may take `bytes` besides.
  void pin(Session &session, int32_t slot, size_t count);

  /// Calls `visit` with `slot` holding each sequence that is not pinned, the
  /// least recently used first, as far as the next prompt is expected to agree.
  /// Ends with the first error.
  template <typename VisitFn>
  gemcut_status visit(Session &session, int32_t slot, VisitFn visit);

  uint64_t getBytes() const { return *bytes; }
  uint64_t getPinnedBytes() const { return pinnedBytes; }
  size_t getSequenceCount() const { return sequences.size(); }

private:
  using Buffer = std::shared_ptr<uint8_t[]>;
  struct Page {
    Buffer linear, sliding;
  };
  struct Sequence {
    std::vector<int32_t> tokens;
    std::vector<Page> pages; // of kPage tokens
    size_t slidingFrom = 0;  // from there on sliding pages are right
    bool isPinned = false;   // and stays as it is
  };
  using Sequences = std::list<Sequence>;

  bool isOff() const { return limit == 0 && sequences.empty(); }
  Buffer allocate(size_t size) const;
  /// Whether a slot can go on behind `count` tokens of a sequence.
  bool canTakeUp(const Sequence &sequence, size_t count) const;
  /// Makes a slot hold the first `count` tokens of a sequence.
  gemcut_status fill(Session &session, int32_t slot, const Sequence &sequence,
                     size_t count) const;
  /// The sequence with the longest beginning in common with `count` tokens that
  /// can be taken up behind it.
  Sequences::iterator findBest(const int32_t *tokens, size_t count,
                               size_t &common);
  /// Adds the tokens and pages from position `from` to `count` of a slot. False
  /// if memory is out.
  bool extend(Sequence &sequence, Session &session, int32_t slot, size_t from,
              size_t count);
  /// How many tokens of a prompt the next one of a conversation has too.
  size_t getStablePart(const Sequence &sequence) const;
  /// No sequence of `count` tokens takes less once makeRoom has cut it.
  uint64_t countLeastBytes(size_t count) const;
  void makeRoom();

  const gemcut_model_info *model = nullptr;
  uint64_t limit = 0, pinnedBytes = 0;
  bool hasRings = false;
  /// Of all buffers that exist; shared with them, who count themselves.
  std::shared_ptr<uint64_t> bytes = std::make_shared<uint64_t>(0);
  Sequences sequences; // most recently used first
};

template <typename VisitFn>
gemcut_status PrefixCache::visit(Session &session, int32_t slot,
                                 VisitFn visit) {
  for (auto it = sequences.rbegin(); it != sequences.rend(); ++it) {
    size_t count = getStablePart(*it);
    if (it->isPinned || count == 0)
      continue;
    if (gemcut_status status = fill(session, slot, *it, count))
      return status;
    if (gemcut_status status = visit())
      return status;
  }
  return GEMCUT_OK;
}

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_PREFIX_CACHE_H
