//===- LoadRows.cpp - Slots and positions of the step's rows --------------===//

#include "targets/Common/Kernels/RowMath.h"

#include "runtime/abi/step.h"

#include <cstddef>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

void gemcut::targets::buildLoadRows(StageEmitter &e, kernel::LoadRowsOp op) {
  Value step = e.getContext().step;
  auto loadArray = [&](size_t offset) {
    return e.load(e.ptrType(), e.at(step, int64_t(offset)), 8);
  };
  Value slots = loadArray(offsetof(gemcut_step, slots));
  Value positions = loadArray(offsetof(gemcut_step, positions));
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    Value index = e.mul(row, 4);
    Value target = e.rowAddress(op.getOutput(), row);
    e.store(e.loadI32(e.at(slots, index)), target);
    e.store(e.loadI32(e.at(positions, index)), e.at(target, 4));
  });
}
