//===- AttentionMerge.cpp - Partial results of one head -------------------===//

#include "targets/Common/Kernels/AttentionKernel.h"

#include "targets/Common/Kernels/RowMath.h"

#include "runtime/abi/packed_layout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kVectorBytes = 64;

/// Merges the partial results of one head.
class MergeKernel {
public:
  MergeKernel(Emitter &e, int64_t headDim, int64_t q8Columns,
              ValueRange arguments)
      : e(e), headDim(headDim), q8Columns(q8Columns), partials(arguments[0]),
        count(arguments[1]), stride(arguments[2]), output(arguments[3]),
        group(arguments[4]) {}

  void build() {
    constexpr int64_t kMost = kernel::AttentionOp::kMostParts;
    offsets = e.stack(8 * kMost);
    weights = e.stack(gemcut_round_up(4 * kMost, kVectorBytes));
    Value used = findParts();
    if (!q8Columns) {
      e.forColumns(headDim, [&](Value column, int64_t lanes) {
        storeColumns(e, weigh(used, column, lanes), output, column);
      });
      return;
    }
    e.loop(e.i64(0), e.i64(headDim / GEMCUT_GROUP), 1, [&](Value g) {
      Value column = e.mul(g, GEMCUT_GROUP);
      emitQuantizeGroup(e, weigh(used, column, kLanes),
                        weigh(used, e.add(column, kLanes), kLanes), output,
                        e.add(group, g), q8Columns);
    });
  }

private:
  using Values = Emitter::Values;

  Emitter &e;
  int64_t headDim, q8Columns;
  Value partials, count, stride, output, group;
  Value offsets, weights; ///< of the parts that have keys

  Value weightAt(Value i) { return e.at(weights, e.mul(i, 4)); }

  /// Lists the parts with keys and what each is multiplied by.
  Value findParts() {
    int64_t statsOffset =
        kernel::AttentionOp::getPartialBytes(headDim) - kVectorBytes;
    auto total = [&](Value part) { return e.at(part, statsOffset); };
    auto score = [&](Value part) { return e.at(part, statsOffset + 4); };
    auto partAt = [&](Value i) {
      return e.at(partials, e.load(e.i64Type(), e.at(offsets, e.mul(i, 8)), 8));
    };
    Values found =
        e.loop(e.i64(0), count, 1, {e.i64(0), e.f32(kLowestScore)},
               [&](Value i, ValueRange carried) -> Values {
                 Value offset = e.mul(i, stride), part = e.at(partials, offset);
                 e.store(offset, e.at(offsets, e.mul(carried[0], 8)), 8);
                 Value used = e.less(e.f32(0.0f), e.loadF32(total(part)));
                 return {e.select(used, e.add(carried[0], 1), carried[0]),
                         e.max(e.loadF32(score(part)), carried[1])};
               });
    Value used = found[0], most = found[1];
    Value sum = e.loop(
        e.i64(0), used, 1, {e.f32(0.0f)},
        [&](Value i, ValueRange carried) -> Values {
          Value part = partAt(i);
          Value weight = e.extract(
              e.exp(e.broadcast(e.sub(e.loadF32(score(part)), most))), 0);
          e.store(weight, weightAt(i));
          return {e.fma(weight, e.loadF32(total(part)), carried[0])};
        })[0];
    Value inverse = e.divF(e.f32(1.0f), sum);
    e.loop(e.i64(0), used, 1, [&](Value i) {
      e.store(e.mul(e.loadF32(weightAt(i)), inverse), weightAt(i));
    });
    return used;
  }

  Value weigh(Value used, Value column, int64_t lanes) {
    return e.loop(e.i64(0), used, 1, {e.splat(0.0f, lanes)},
                  [&](Value i, ValueRange carried) -> Values {
                    Value offset =
                        e.load(e.i64Type(), e.at(offsets, e.mul(i, 8)), 8);
                    Value x =
                        loadColumns(e, e.at(partials, offset), column, lanes);
                    Value weight = e.broadcast(e.loadF32(weightAt(i)), lanes);
                    return {e.fma(x, weight, carried[0])};
                  })[0];
  }
};

} // namespace

func::FuncOp gemcut::targets::getAttentionMerge(StageEmitter &e,
                                                int64_t headDim,
                                                int64_t q8Columns) {
  std::string name = ("gemcut_attention_merge_d" + llvm::Twine(headDim) + "_q" +
                      llvm::Twine(q8Columns))
                         .str();
  Type ptr = e.ptrType(), i64 = e.i64Type();
  FunctionType type =
      e.getBuilder().getFunctionType({ptr, i64, i64, ptr, i64}, {});
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        MergeKernel(body, headDim, q8Columns, arguments).build();
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  forbidInlining(function);
  return function;
}
