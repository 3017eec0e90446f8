//===- BufferLiveness.cpp - When a function's buffers are in use ----------===//

#include "passes/Kernel/BufferLiveness.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace gemcut::kernel;

/// The buffer that `value` is or views; null for arguments of the function.
static AllocOp getStorage(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto columns = dyn_cast<ColumnsOp>(op))
      value = columns.getInput();
    else if (auto last = dyn_cast<LastRowOp>(op))
      value = last.getInput();
    else
      return dyn_cast<AllocOp>(op);
  }
  return {};
}

int64_t gemcut::kernel::getAllocBytes(AllocOp alloc) {
  return gemcut_round_up(alloc.getResult().getType().getByteSize(),
                         GEMCUT_ROW_ALIGNMENT);
}

SmallVector<LiveBuffer> gemcut::kernel::getLiveBuffers(func::FuncOp function) {
  llvm::MapVector<Operation *, LiveBuffer> live;
  int64_t position = 0;
  for (Operation &op : function.getBody().front()) {
    for (Value operand : op.getOperands())
      if (AllocOp alloc = getStorage(operand)) {
        auto [entry, isNew] =
            live.try_emplace(alloc, LiveBuffer{alloc, position, position});
        entry->second.last = position;
      }
    ++position;
  }
  SmallVector<LiveBuffer> buffers;
  for (auto &[op, buffer] : live) {
    if (op->hasAttr(kKeptAttr)) {
      buffer.first = 0;
      buffer.last = position;
    }
    buffers.push_back(buffer);
  }
  return buffers;
}
