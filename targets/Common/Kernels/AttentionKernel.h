//===- AttentionKernel.h - Query rows over one KV head ----------*- C++ -*-===//
//
// The functions that attention stages call. Partial results are unnormalized,
// so that the keys of one row can be shared out and merged.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_ATTENTIONKERNEL_H
#define GEMCUT_TARGETS_COMMON_KERNELS_ATTENTIONKERNEL_H

#include "targets/Common/StageEmitter.h"

namespace gemcut::targets {

/// What one function of `getAttention` computes.
struct AttentionShape {
  int64_t heads;         ///< query heads of the KV head
  int64_t headDim;       ///< D
  Format format;         ///< of the cache
  int64_t window;        ///< 0: all positions
  int64_t capacity;      ///< positions of the cache
  int64_t rows;          ///< most rows of one call
  int64_t queryRowBytes; ///< from one row's query to the next one's
  int64_t outputRowBytes;
  bool partial;          ///< output partial results
  int64_t q8Columns = 0; ///< columns of the q8 rows; 0: f32 rows
};

/// Below every score, but finite: the factor from it to any score is 0.
inline constexpr float kLowestScore = -1e30f;

/// Queries (a row and head each) that one register tile holds at `level`.
int64_t getQueryTile(const IsaLevel &level, int64_t heads, int64_t rows);

/// The private function
///
///   void f(query, keys, values, first, position, rows, begin, end, output,
///          group)
///
/// query: (rows, heads, D) f32; keys, values: regions of one KV head in one
/// slot. Row r has position `position + r` and sees the keys from `first` (and
/// its window) up to its own; of these, the function adds the ones in blocks
/// begin ... end - 1 of GEMCUT_KV_BLOCK positions.
///
/// output: per row (heads, D) f32; or a q8 row, of which the groups from
/// `group` are written; or `partial` results, (heads,
/// kernel::AttentionOp::getPartialBytes): D sums of exponentials times values,
/// padded to 16, then the sum of exponentials and the score that all of them
/// are relative to, both f32. Only partial results may lack a visible key; the
/// sum is then 0.
mlir::func::FuncOp getAttention(StageEmitter &e, const AttentionShape &shape);

/// The private function
///
///   void f(partials, count, stride, output, group)
///
/// which merges `count` (up to kernel::AttentionOp::kMostParts) partial results
/// of one head, `stride` bytes apart, at least one of them with keys. output: D
/// f32, or with `q8Columns` the q8 row of which the groups from `group` are
/// written.
mlir::func::FuncOp getAttentionMerge(StageEmitter &e, int64_t headDim,
                                     int64_t q8Columns);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_ATTENTIONKERNEL_H
