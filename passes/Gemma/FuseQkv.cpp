//===- FuseQkv.cpp - One product for q, k and v ---------------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-qkv"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSEQKVPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

/// Output rows of one packed tile of weights (GEMCUT_TILE_ROWS).
constexpr int64_t kTileRows = GEMCUT_TILE_ROWS;

/// The projection behind a key (rotated and normed) or value.
gemma::LinearOp getProjection(Value value, bool rotated) {
  if (rotated) {
    auto rope = value.getDefiningOp<gemma::RopeOp>();
    if (!rope)
      return {};
    value = rope.getInput();
  }
  if (auto norm = value.getDefiningOp<gemma::RmsNormOp>())
    value = norm.getInput();
  else if (rotated)
    return {};
  auto linear = value.getDefiningOp<gemma::LinearOp>();
  return gemma::isPlain(linear) ? linear : gemma::LinearOp();
}

/// True if an attention over `state` asks with `linear`, behind norm and RoPE.
bool isQueryOf(gemma::LinearOp linear, Value state) {
  return llvm::any_of(state.getUsers(), [&](Operation *user) {
    auto attention = dyn_cast<gemma::AttentionOp>(user);
    return attention && attention.getKv() == state &&
           getProjection(attention.getQuery(), /*rotated=*/true) == linear;
  });
}

struct FuseQkv : gemma::impl::FuseQkvPassBase<FuseQkv> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto write : gemma::collectOps<gemma::KvWriteOp>(getOperation())) {
      SmallVector<gemma::LinearOp> parts = getParts(write);
      if (!parts.empty() && succeeded(fuse(rewriter, parts)))
        numFused += parts.size();
    }
  }

private:
  /// q (if it reads the same rows), k and v (unless it is k) of one layer, or
  /// nothing.
  SmallVector<gemma::LinearOp> getParts(gemma::KvWriteOp write) {
    gemma::LinearOp key = getProjection(write.getKey(), /*rotated=*/true);
    gemma::LinearOp value = getProjection(write.getValue(), /*rotated=*/false);
    if (!key || !value) {
      LDBG() << "k or v is no plain linear: " << write;
      return {};
    }
    if (key.getInput() != value.getInput() ||
        key->getBlock() != value->getBlock() ||
        gemma::getLayer(key) != gemma::getLayer(value)) {
      LDBG() << "k and v have different inputs or layers: " << write;
      return {};
    }
    SmallVector<gemma::LinearOp> parts{key};
    if (value != key)
      parts.push_back(value);
    for (Operation *user : key.getInput().getUsers()) {
      auto query = dyn_cast<gemma::LinearOp>(user);
      if (query && query != key && query != value &&
          query->getBlock() == key->getBlock() &&
          gemma::getLayer(query) == gemma::getLayer(key) &&
          isQueryOf(query, write.getResult())) {
        parts.insert(parts.begin(), query);
        break;
      }
    }
    // One product is as it should be.
    return parts.size() > 1 ? parts : SmallVector<gemma::LinearOp>();
  }

  LogicalResult fuse(IRRewriter &rewriter,
                     MutableArrayRef<gemma::LinearOp> parts) {
    SmallVector<Value> weights;
    SmallVector<Location> locs;
    int64_t columns = 0;
    Operation *first = parts.front();
    for (gemma::LinearOp part : parts) {
      int64_t size = gemma::getColumns(part.getResult());
      if (size % kTileRows) {
        LDBG() << "output size is not a multiple of a tile's rows: " << part;
        return failure();
      }
      columns += size;
      weights.push_back(part.getWeights().front());
      locs.push_back(part.getLoc());
      if (part->isBeforeInBlock(first))
        first = part;
    }
    for (Value weight : weights)
      if (failed(gemma::makeAvailable(weight, first))) {
        LDBG() << "a weight is computed later: " << weight;
        return failure();
      }

    rewriter.setInsertionPoint(first);
    gemma::LinearOp model = parts.front();
    auto type = cast<RankedTensorType>(model.getType());
    auto fused = gemma::LinearOp::create(
        rewriter, rewriter.getFusedLoc(locs),
        RankedTensorType::get({type.getDimSize(0), columns},
                              type.getElementType()),
        model.getInput(), weights, model.getScaleAttr(), FloatAttr());
    gemma::copyLayer(model, fused);
    int64_t offset = 0;
    SmallVector<Operation *> replaced;
    for (gemma::LinearOp part : parts) {
      auto slice =
          gemma::SliceOp::create(rewriter, part.getLoc(), part.getType(), fused,
                                 rewriter.getI64IntegerAttr(offset));
      gemma::copyLayer(part, slice);
      offset += gemma::getColumns(part.getResult());
      rewriter.replaceAllUsesWith(part.getResult(), slice);
      replaced.push_back(part);
    }
    gemma::eraseUnused(rewriter, replaced);
    return success();
  }
};

} // namespace
