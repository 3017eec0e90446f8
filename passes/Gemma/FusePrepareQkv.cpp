//===- FusePrepareQkv.cpp - Norms, RoPE and KV write ----------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-prepare-qkv"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSEPREPAREQKVPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

/// rope(rms_norm(input)), with the rotation absent for a value, and the norm
/// for a raw one.
struct Head {
  Value input;
  gemma::RmsNormOp norm;
  gemma::RopeOp rope;
};

/// Matches what norms heads of `headDim`; the norm of a rotated head has a
/// weight.
std::optional<Head> matchHead(Value value, bool rotated, int64_t headDim) {
  Head head;
  if (rotated) {
    head.rope = value.getDefiningOp<gemma::RopeOp>();
    if (!head.rope || int64_t(head.rope.getHeadDim()) != headDim)
      return std::nullopt;
    value = head.rope.getInput();
  }
  head.norm = value.getDefiningOp<gemma::RmsNormOp>();
  if (!head.norm || int64_t(head.norm.getGroup()) != headDim ||
      bool(head.norm.getWeight()) != rotated)
    return std::nullopt;
  head.input = head.norm.getInput();
  return head;
}

/// A range of columns of a projection, which may be all of them.
struct ColumnRange {
  gemma::SliceOp slice; ///< null: all columns
  Value projected;
  int64_t offset;

  explicit ColumnRange(Value value)
      : slice(value.getDefiningOp<gemma::SliceOp>()),
        projected(slice ? slice.getInput() : value),
        offset(slice ? int64_t(slice.getOffset()) : 0) {}
};

struct FusePrepareQkv : gemma::impl::FusePrepareQkvPassBase<FusePrepareQkv> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto write : gemma::collectOps<gemma::KvWriteOp>(getOperation()))
      if (failed(fuseWrite(rewriter, write)))
        LDBG() << "left as it is: " << write;
    for (auto rope : gemma::collectOps<gemma::RopeOp>(getOperation()))
      if (succeeded(fuseQuery(rewriter, rope)))
        ++numQ;
  }

private:
  /// The rotated query from the first `columns` of `projected`, if there is one
  /// that prepare_qkv can compute with this norm and table.
  static std::optional<Head> matchQuery(Value projected, int64_t columns,
                                        Head key, gemma::KvWriteOp write) {
    for (Operation *user : projected.getUsers()) {
      auto slice = dyn_cast<gemma::SliceOp>(user);
      if (!slice || slice.getOffset() != 0 ||
          gemma::getColumns(slice.getResult()) != columns ||
          !slice->hasOneUse())
        continue;
      auto norm = dyn_cast<gemma::RmsNormOp>(*slice->user_begin());
      if (!norm || !norm->hasOneUse())
        continue;
      auto rope = dyn_cast<gemma::RopeOp>(*norm->user_begin());
      if (!rope)
        continue;
      std::optional<Head> head =
          matchHead(rope.getResult(), /*rotated=*/true,
                    write.getCache().getType().getHeadDim());
      // The query appears where the write is: no reader may come earlier.
      if (head && rope.getTable() == key.rope.getTable() &&
          norm.getEpsAttr() == key.norm.getEpsAttr() &&
          llvm::all_of(rope->getUsers(), [&](Operation *reader) {
            return reader->getBlock() == write->getBlock() &&
                   write->isBeforeInBlock(reader);
          }))
        return head;
    }
    return std::nullopt;
  }

  LogicalResult fuseWrite(IRRewriter &rewriter, gemma::KvWriteOp write) {
    gemma::KvType kv = write.getCache().getType();
    int64_t width = kv.getHeads() * kv.getHeadDim();
    auto key = matchHead(write.getKey(), /*rotated=*/true, kv.getHeadDim());
    auto value =
        matchHead(write.getValue(), /*rotated=*/false, kv.getHeadDim());
    if (!value)
      value = Head{write.getValue(), {}, {}};
    if (!key ||
        (value->norm && key->norm.getEpsAttr() != value->norm.getEpsAttr()))
      return failure();
    UnitAttr rawValues = value->norm ? UnitAttr() : rewriter.getUnitAttr();
    ColumnRange keys(key->input), values(value->input);
    if (keys.projected != values.projected)
      return failure();
    Value projected = keys.projected;
    int64_t queryColumns = keys.offset;
    // Values follow the keys, or are the same columns.
    int64_t valueColumns = values.offset == queryColumns ? 0 : width;
    if (values.offset != queryColumns + valueColumns ||
        gemma::getColumns(projected) != queryColumns + width + valueColumns)
      return failure();

    rewriter.setInsertionPoint(write);
    if (queryColumns == 0) {
      auto fused = gemma::PrepareKvOp::create(
          rewriter, write.getLoc(), kv, projected, key->norm.getWeight(),
          key->rope.getTable(), write.getPositions(), write.getCache(),
          key->norm.getEpsAttr(), rawValues);
      gemma::copyLayer(write, fused);
      rewriter.replaceOp(write, fused.getKv());
      ++numKv;
    } else {
      auto query = matchQuery(projected, queryColumns, *key, write);
      if (!query ||
          failed(gemma::makeAvailable(query->norm.getWeight(), write)))
        return failure();
      auto fused = gemma::PrepareQkvOp::create(
          rewriter,
          rewriter.getFusedLoc({query->rope.getLoc(), write.getLoc()}),
          query->rope.getType(), kv, projected, query->norm.getWeight(),
          key->norm.getWeight(), key->rope.getTable(), write.getPositions(),
          write.getCache(), key->norm.getEpsAttr(),
          rewriter.getI64IntegerAttr(queryColumns / kv.getHeadDim()),
          rawValues);
      gemma::copyLayer(write, fused);
      rewriter.replaceOp(write, fused.getKv());
      rewriter.replaceAllUsesWith(query->rope.getResult(), fused.getQuery());
      gemma::eraseUnused(
          rewriter, {query->rope, query->norm, query->input.getDefiningOp()});
      ++numQkv;
    }
    gemma::eraseUnused(rewriter, {key->rope, key->norm, value->norm, keys.slice,
                                  values.slice});
    return success();
  }

  LogicalResult fuseQuery(IRRewriter &rewriter, gemma::RopeOp rope) {
    auto query =
        matchHead(rope.getResult(), /*rotated=*/true, rope.getHeadDim());
    // A key that is stored here belongs to prepare_kv.
    if (!query || llvm::any_of(rope->getUsers(), [](Operation *user) {
          return isa<gemma::KvWriteOp>(user);
        })) {
      LDBG() << "no query: " << rope;
      return failure();
    }
    rewriter.setInsertionPoint(rope);
    auto fused = gemma::PrepareQOp::create(
        rewriter, rewriter.getFusedLoc({query->norm.getLoc(), rope.getLoc()}),
        rope.getType(), query->input, query->norm.getWeight(), rope.getTable(),
        query->norm.getEpsAttr());
    gemma::copyLayer(rope, fused);
    rewriter.replaceOp(rope, fused);
    gemma::eraseUnused(rewriter, {query->norm});
    return success();
  }
};

} // namespace
