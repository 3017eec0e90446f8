//===- Route.cpp - The choice of experts, and rows by expert --------------===//
//
// Formula: gemma.route; layout of the groups: kernel.route. Rows choose side by
// side; then one chunk sorts the pairs by counting. Rows are copied or rounded
// to where their experts read them.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/ExpertGroups.h"
#include "targets/Common/Kernels/RowMath.h"

#include <limits>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

class Route {
public:
  Route(StageEmitter &e, kernel::RouteOp op)
      : e(e), op(op), experts(op.getLogits().getType().getColumns()),
        chosen(op.getWeights().getType().getColumns()) {}

  void build() {
    candidates = e.stack(4 * experts);
    numbers = e.stack(4 * chosen);
    forRows(e, e.get(op.getRows()), *op.getPartition(),
            [&](Value row) { chooseExperts(row); });
    ends = e.stack(4 * experts);
    e.forChunks(e.i64(1), [&](Value) { groupPairs(); });
  }

private:
  StageEmitter &e;
  kernel::RouteOp op;
  int64_t experts, chosen;
  Value candidates; ///< f32 (experts,), the chosen ones -infinity
  Value numbers;    ///< f32 (chosen,)
  Value ends;       ///< i32 (experts,)

  static Value at(Emitter &e, Value base, Value index) {
    return e.at(base, e.mul(index, 4));
  }

  void chooseExperts(Value row) {
    Value logits = e.rowAddress(op.getLogits(), row);
    e.forColumns(experts, [&](Value column, int64_t lanes) {
      storeColumns(e, loadColumns(e, logits, column, lanes), candidates,
                   column);
    });
    Value choice = e.rowAddress(op.getExperts(), row);
    Value lowest = e.f32(-std::numeric_limits<float>::infinity());
    forChosen([&](Value place) {
      auto best = e.loop(e.i64(0), e.i64(experts), 1, {lowest, e.i64(0)},
                         [&](Value expert, ValueRange best) -> Emitter::Values {
                           Value value = e.loadF32(at(e, candidates, expert));
                           Value better = e.less(best[0], value);
                           return {e.select(better, value, best[0]),
                                   e.select(better, expert, best[1])};
                         });
      e.store(lowest, at(e, candidates, best[1]));
      e.store(best[0], at(e, numbers, place));
      e.store(e.convert(best[1], e.i32Type()), at(e, choice, place));
    });
    weigh(e.rowAddress(op.getWeights(), row), choice);
  }

  /// The softmax over all experts, divided by its sum over the chosen ones, is
  /// the softmax over those. The first of them is the largest.
  void weigh(Value weights, Value choice) {
    Value largest = e.loadF32(numbers);
    Value sum = e.forColumns(
        chosen, {e.splat(0.0f)},
        [&](Value column, int64_t lanes, ValueRange sums) -> Emitter::Values {
          Value x = e.exp(e.sub(loadColumns(e, numbers, column, lanes),
                                e.broadcast(largest, lanes)));
          storeColumns(e, x, numbers, column);
          return {e.add(sums[0], e.widen(x))};
        })[0];
    Value inverse = e.divF(e.f32(1.0f), e.reduceAdd(sum));
    forChosen([&](Value place) {
      Value expert = e.toI64(e.loadI32(at(e, choice, place)));
      Value scale = e.loadF32(at(e, e.get(op.getScale()), expert));
      Value weight = e.mul(e.loadF32(at(e, numbers, place)), inverse);
      e.store(e.mul(weight, scale), at(e, weights, place));
    });
  }

  void groupPairs() {
    Value groups = e.get(op.getGroups());
    Value zero = e.i32(0), one = e.i32(1);
    auto forExperts = [&](llvm::function_ref<void(Value)> body) {
      e.loop(e.i64(0), e.i64(experts), 1, body);
    };
    forExperts([&](Value expert) { e.store(zero, at(e, ends, expert)); });
    forPairs([&](Value, Value expert) {
      Value end = at(e, ends, expert);
      e.store(e.add(e.loadI32(end), one), end);
    });
    // Counts become the starts of groups. Every expert writes the next group;
    // one without rows leaves it to its successor.
    Value names = e.at(groups, 4 * kernel::RouteOp::kGroupExperts);
    Value starts = e.at(groups, 4 * kernel::RouteOp::getGroupStarts(experts));
    auto last =
        e.loop(e.i64(0), e.i64(experts), 1, {e.i64(0), zero},
               [&](Value expert, ValueRange next) -> Emitter::Values {
                 Value end = at(e, ends, expert);
                 Value count = e.loadI32(end);
                 e.store(e.convert(expert, e.i32Type()), at(e, names, next[0]));
                 e.store(next[1], at(e, starts, next[0]));
                 e.store(next[1], end);
                 Value isUsed = e.less(zero, count);
                 return {e.select(isUsed, e.add(next[0], 1), next[0]),
                         e.add(next[1], count)};
               });
    e.store(last[1], at(e, starts, last[0]));
    e.store(e.convert(last[0], e.i32Type()), groups);
    Value pairs = e.at(groups, 4 * kernel::RouteOp::getGroupPairs(experts));
    forPairs([&](Value pair, Value expert) {
      Value end = at(e, ends, expert);
      Value place = e.loadI32(end);
      e.store(e.convert(pair, e.i32Type()), at(e, pairs, e.toI64(place)));
      e.store(e.add(place, one), end);
    });
  }

  void forChosen(llvm::function_ref<void(Value place)> body) {
    e.loop(e.i64(0), e.i64(chosen), 1, body);
  }

  /// All pairs, ascending; rows of the choice lie without gaps.
  void forPairs(llvm::function_ref<void(Value pair, Value expert)> body) {
    Value choice = e.get(op.getExperts());
    e.loop(e.i64(0), e.mul(e.get(op.getRows()), chosen), 1, [&](Value pair) {
      body(pair, e.toI64(e.loadI32(at(e, choice, pair))));
    });
  }
};

} // namespace

void gemcut::targets::buildRoute(StageEmitter &e, kernel::RouteOp op) {
  Route(e, op).build();
}

void gemcut::targets::buildGroupRows(StageEmitter &e, kernel::GroupRowsOp op) {
  int64_t chosen = op.getChosen();
  int64_t rowBytes = op.getOutput().getType().getRowBytes();
  ExpertGroups groups(e, e.get(op.getGroups()), op.getExperts());
  Type words = e.vecType(e.i32Type());
  forRows(e, e.mul(e.get(op.getRows()), chosen), *op.getPartition(),
          [&](Value place) {
            Value pair = groups.getPair(place);
            Value source = e.rowAddress(op.getInput(), e.div(pair, chosen));
            Value target = e.rowAddress(op.getOutput(), place);
            e.loop(e.i64(0), e.i64(rowBytes), 64, [&](Value offset) {
              e.store(e.load(words, e.at(source, offset), 64),
                      e.at(target, offset), 64);
            });
          });
}

void gemcut::targets::buildExpertQuantize(StageEmitter &e,
                                          kernel::ExpertQuantizeOp op) {
  int64_t chosen = op.getChosen();
  int64_t columns = op.getInput().getType().getColumns();
  ExpertGroups groups(e, e.get(op.getGroups()), op.getExperts());
  forRows(e, e.mul(e.get(op.getRows()), chosen), *op.getPartition(),
          [&](Value place) {
            Value row =
                op.getGrouped() ? place : e.div(groups.getPair(place), chosen);
            Value source = e.rowAddress(op.getInput(), row);
            Value target = e.rowAddress(op.getOutput(), place);
            auto quantize = [&](Value scale) {
              emitQuantizeRowU8(e, source, target, columns, scale);
            };
            if (!op.getScale())
              return quantize(Value());
            Value scale = e.loadF32(e.at(e.get(op.getScale()),
                                         e.mul(groups.getExpertAt(place), 4)));
            e.ifElse(
                e.equal(scale, e.f32(0.0f)), [&] { quantize(Value()); },
                [&] { quantize(scale); });
          });
}
