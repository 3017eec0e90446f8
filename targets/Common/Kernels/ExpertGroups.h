//===- ExpertGroups.h - The rows of each chosen expert ----------*- C++ -*-===//
//
// Reads what kernel.route wrote: layout in its description.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_EXPERTGROUPS_H
#define GEMCUT_TARGETS_COMMON_KERNELS_EXPERTGROUPS_H

#include "targets/Common/StageEmitter.h"

namespace gemcut::targets {

/// The rows of one expert.
struct ExpertGroup {
  mlir::Value expert, start, rows; ///< i64
};

class ExpertGroups {
public:
  /// `address`: of the row of numbers, for `experts` experts.
  ExpertGroups(StageEmitter &e, mlir::Value address, int64_t experts)
      : e(e), address(address), experts(experts) {}

  mlir::Value getCount() { return load(e.i64(0)); }

  ExpertGroup get(mlir::Value index) {
    mlir::Value start = getStart(index), end = getStart(e.add(index, 1));
    return {getExpert(index), start, e.sub(end, start)};
  }

  /// The pair whose row is at `place`.
  mlir::Value getPair(mlir::Value place) {
    return load(e.add(place, kernel::RouteOp::getGroupPairs(experts)));
  }

  /// The expert of the row at `place`: of the last group that begins there or
  /// before.
  mlir::Value getExpertAt(mlir::Value place) {
    mlir::Value group = e.loop(
        e.i64(1), getCount(), 1, {e.i64(0)},
        [&](mlir::Value index, mlir::ValueRange last) -> Emitter::Values {
          mlir::Value isBefore = e.lessEqual(getStart(index), place);
          return {e.select(isBefore, index, last[0])};
        })[0];
    return getExpert(group);
  }

private:
  StageEmitter &e;
  mlir::Value address;
  int64_t experts;

  mlir::Value load(mlir::Value column) {
    return e.toI64(e.loadI32(e.at(address, e.mul(column, 4))));
  }
  mlir::Value getExpert(mlir::Value index) {
    return load(e.add(index, kernel::RouteOp::kGroupExperts));
  }
  mlir::Value getStart(mlir::Value index) {
    return load(e.add(index, kernel::RouteOp::getGroupStarts(experts)));
  }
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_EXPERTGROUPS_H
