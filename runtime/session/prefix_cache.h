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

/// A sequence of tokens with pages of its caches of all positions, and
/// snapshots of its rings at some positions: there it can be taken up again.
/// Sequences that begin alike share pages and snapshots. The least recently
/// used sequences go when there is no room.
///
/// What is kept came from `prefill` and `extend` alone, so a sequence that goes
/// on from it has the same bits as one that ran from the beginning.
class PrefixCache {
public:
  /// Keeps at most `bytes` of keys and values; 0: nothing.
  void open(const gemcut_model_info &model, uint64_t bytes);

  struct Found {
    size_t restored = 0; // tokens that the slot holds now
    size_t shared = 0;   // tokens in which some sequence agrees, >= restored
  };
  /// Puts the longest possible beginning of `prompt`, but never all of it, into
  /// a slot, which holds nothing else then.
  Found restore(Session &session, int32_t slot,
                const std::vector<int32_t> &prompt);

  /// Keeps the first `count` tokens of a slot, all of them run as a prompt. The
  /// slot may hold more, as many as it could be taken back by.
  void keep(Session &session, int32_t slot, size_t count);

  /// Calls `visit` with `slot` holding each sequence up to its last snapshot,
  /// the least recently used first. Ends with the first error.
  template <typename VisitFn>
  gemcut_status visit(Session &session, int32_t slot, VisitFn visit);

  uint64_t getBytes() const { return *bytes; }
  size_t getSequenceCount() const { return sequences.size(); }

  /// Positions at which a prompt should be kept, in ascending order, beyond
  /// `found.restored`: where turns begin, where it parted from another one.
  std::vector<size_t> choosePositions(const std::vector<int32_t> &prompt,
                                      const Found &found) const;

private:
  using Buffer = std::shared_ptr<uint8_t[]>;
  struct Snapshot {
    size_t position;
    Buffer rings;
  };
  struct Sequence {
    std::vector<int32_t> tokens;
    std::vector<Buffer> pages;       // of kPage tokens, the last may be shorter
    std::vector<Snapshot> snapshots; // in ascending order
  };
  using Sequences = std::list<Sequence>;

  Buffer allocate(size_t size) const;
  /// Makes a slot hold a sequence up to a snapshot.
  gemcut_status fill(Session &session, int32_t slot, const Sequence &sequence,
                     const Snapshot &snapshot) const;
  /// The sequence with the longest beginning in common with `count` tokens.
  Sequences::iterator findBest(const int32_t *tokens, size_t count,
                               size_t &common);
  /// Copies pages from the slot, beginning with `first`.
  bool addPages(Sequence &sequence, Session &session, int32_t slot,
                size_t first);
  void addSnapshot(Sequence &sequence, size_t position, Buffer rings);
  void dropOldest();

  const gemcut_model_info *model = nullptr;
  uint64_t limit = 0;
  /// Of all buffers that exist; shared with them, who count themselves.
  std::shared_ptr<uint64_t> bytes = std::make_shared<uint64_t>(0);
  Sequences sequences; // most recently used first
};

template <typename VisitFn>
gemcut_status PrefixCache::visit(Session &session, int32_t slot,
                                 VisitFn visit) {
  for (auto it = sequences.rbegin(); it != sequences.rend(); ++it) {
    if (gemcut_status status = fill(session, slot, *it, it->snapshots.back()))
      return status;
    if (gemcut_status status = visit())
      return status;
  }
  return GEMCUT_OK;
}

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_PREFIX_CACHE_H
