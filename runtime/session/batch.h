//===- batch.h - Many requests in the slots of one session ------*- C++ -*-===//
//
// Continuous batching: requests join and leave between steps. A step runs one
// chunk of one prompt and then one token of the sequences that are generating,
// so a long prompt holds up nobody for longer than a chunk takes.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_BATCH_H
#define GEMCUT_RUNTIME_SESSION_BATCH_H

#include "runtime/session/baked_prefix.h"
#include "runtime/session/batch_request.h"
#include "runtime/session/chunk_pace.h"
#include "runtime/session/prefix_cache.h"
#include "runtime/session/session.h"
#include "runtime/session/session_file.h"
#include "runtime/session/token_choice.h"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace gemcut {

struct BatchOptions {
  size_t queue = 64; // requests that may wait for a slot
  /// While others generate, a step reads one chunk of one prompt, cut so that
  /// it and a decode step take at most this (ChunkPace), or takes one prompt
  /// over from the prefix cache. More than decode_max_rows sequences that
  /// generate need more decode steps.
  double stallSeconds = 0.25;
  /// Of the prefix cache; 0: every prompt is run from its beginning.
  uint64_t cacheBytes = 0;
};

/// What a batch did since `open`, and what it holds now.
struct BatchCounters {
  size_t slots = 0, queued = 0, readingPrompts = 0, generating = 0;
  uint64_t accepted = 0, refused = 0, completed = 0, cancelled = 0, failed = 0;
  uint64_t promptTokens = 0, cachedTokens = 0, newTokens = 0;
  uint64_t cacheBytes = 0, cachedSequences = 0;
  uint64_t promptSteps = 0, decodeSteps = 0, decodeRows = 0;
  double promptSeconds = 0, decodeSeconds = 0; // inside the session's calls
  double longestStepSeconds = 0;               // while somebody generated
  double requestSeconds = 0; // from submission to end, of all ended requests
};

/// `step` and `run` belong to one thread, which alone uses the session;
/// everything else may be called from any thread.
class Batch {
public:
  Batch() = default;
  Batch(const Batch &) = delete;
  Batch &operator=(const Batch &) = delete;

  /// Uses all slots of `session`, which must outlive the batch.
  /// GEMCUT_OUT_OF_MEMORY: the sampler's memory cannot be mapped.
  [[nodiscard]] gemcut_status open(Session &session,
                                   const BatchOptions &options);

  /// Puts the sequences of a file into the prefix cache, and writes those that
  /// are in it. Before the first step, or behind the last. Errors: of the file.
  [[nodiscard]] gemcut_status loadCache(const SessionFile &file);
  [[nodiscard]] gemcut_status saveCache(SessionWriter &writer);

  /// Keeps a baked prefix in the prefix cache for good, beside cacheBytes. One
  /// without a state, or too long for the session, is left out.
  [[nodiscard]] gemcut_status pinPrefix(const BakedPrefix &prefix);

  uint64_t getPinnedBytes() const { return cache.getPinnedBytes(); }

  enum class Admission { Accepted, QueueFull, Closed };
  /// Accepts all requests or none; the i-th gets the ticket `firstTicket` + i.
  /// They get slots in the order of submission.
  Admission submit(std::vector<BatchRequest> requests, uint64_t &firstTicket);
  /// Ends a request before its next token; its listener still gets onEnd.
  /// Nothing happens if it has ended already.
  void cancel(uint64_t ticket);
  /// Accepts no more requests. `run` returns once all have ended; with
  /// `cancelAll` that is after the current step.
  void close(bool cancelAll);

  /// Runs one step; false if there was nothing to do.
  bool step();
  /// Steps until `close`, and waits where there is nothing to do.
  void run();

  BatchCounters getCounters() const;

private:
  struct Stream {
    Stream(BatchRequest &&what, uint64_t number)
        : request(std::move(what)), choice(request), ticket(number) {}
    Stream(const Stream &) = delete;

    BatchRequest request;
    TokenChoice choice;
    uint64_t ticket;
    int32_t slot = -1;
    size_t promptDone = 0; // tokens of the prompt that the slot holds
    bool isGenerating = false;
    int32_t next = 0; // chosen and not yet run
    double submitted = 0, started = 0;
    BatchResult result;
  };
  using StreamList = std::vector<std::unique_ptr<Stream>>;

  void takeMail();
  /// Whether somebody waits for a next token.
  bool isAnyGenerating() const;
  /// Gives slots to those who wait. While others generate it ends with the
  /// first prompt that the prefix cache knows, because copying takes time; true
  /// then.
  bool admit();
  void runPrompt();
  void runDecode();
  /// Takes over what the prefix cache has of a prompt.
  void restore(Stream &stream);
  /// Chooses the next token; ends the stream if there is to be none.
  void choose(Stream &stream, float *logits);
  void end(Stream &stream, BatchStop reason);
  void fail(Stream &stream);
  void dropEnded();
  void publish();

  Session *session = nullptr;
  Sampler sampler;
  PrefixCache cache;
  BatchOptions options;

  // Of the stepping thread.
  std::deque<std::unique_ptr<Stream>> waiting;
  StreamList running; // in the order of their slots' admission
  std::vector<int32_t> freeSlots;
  size_t promptTurn = 0, decodeTurn = 0; // whose turn it is in `running`
  ChunkPace pace;
  std::vector<Stream *> rowStreams;      // of a decode step, kept for the
  std::vector<int32_t> rowSlots, rowIds; // next one: steps allocate nothing
  BatchCounters counters;

  mutable std::mutex mutex; // of what follows
  std::condition_variable mailArrived;
  std::vector<std::unique_ptr<Stream>> submitted;
  std::vector<uint64_t> cancelled;
  uint64_t nextTicket = 1, refused = 0;
  size_t queued = 0; // submitted or waiting
  bool isClosed = false, isCancelled = false;
  BatchCounters published;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_BATCH_H
