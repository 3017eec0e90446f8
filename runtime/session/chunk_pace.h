//===- chunk_pace.h - How long a prompt holds up the others -----*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_CHUNK_PACE_H
#define GEMCUT_RUNTIME_SESSION_CHUNK_PACE_H

#include <cstddef>
#include <cstdint>

namespace gemcut {

/// Chooses the rows of the prompt chunk that runs between two decode steps,
/// from what the last steps took, so that a chunk and the decode step behind it
/// take at most `bound` seconds.
///
/// A chunk of n rows takes a + b n seconds, a being about a decode step: both
/// read the weights once. b follows from the slowest of the last chunks, and
/// what is planned stays below the bound: where other programs make single
/// steps slow, few of them pass it. A machine that stays slower passes it once
/// and not again; a faster one gets larger chunks some steps later.
class ChunkPace {
public:
  /// Least rows of a chunk, and what chunks are a multiple of: fewer use the
  /// weights they read badly. They are run even if they take longer.
  static constexpr size_t kLeastRows = 16;

  /// `most`: rows of the largest chunk.
  void open(double boundSeconds, size_t most);

  /// Rows of the next chunk, of a prompt that has `left` to go. The chunk that
  /// ends a prompt also runs all layers for its last row and its state is kept,
  /// which is planned as two decode steps.
  size_t chooseRows(size_t left = SIZE_MAX) const;

  void recordChunk(size_t rows, double seconds);
  void recordDecode(double seconds);

private:
  /// What is remembered decides how often a machine whose steps differ by
  /// chance passes the bound; the share of it that is planned, by how much.
  static constexpr size_t kRemembered = 16;
  static constexpr double kPlanned = 0.8;

  /// Rows of a chunk beside so many decode steps.
  size_t fitRows(int decodeSteps) const;

  double planned = 0;
  size_t most = kLeastRows;
  double rowSeconds[kRemembered] = {}, decodeSeconds[kRemembered] = {};
  size_t chunks = 0, decodes = 0;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_CHUNK_PACE_H
