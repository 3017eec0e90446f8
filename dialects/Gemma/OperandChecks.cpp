//===- OperandChecks.cpp - Found against expected, for operands -----------===//

#include "dialects/Gemma/OperandChecks.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::gemma;

int64_t gemma::rowsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getDimSize(0);
}

int64_t gemma::columnsOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getDimSize(type.getRank() - 1);
}

LogicalResult gemma::expectSize(Operation *op, StringRef what, int64_t found,
                                StringRef reason, int64_t expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << what << " is " << found << ", but " << reason
                           << " is " << expected;
}

LogicalResult gemma::expectSameRows(Operation *op, ValueRange values) {
  for (Value value : values) {
    auto type = cast<RankedTensorType>(value.getType());
    if (type.getRank() == 2 && type.isDynamicDim(1))
      return op->emitOpError() << "needs static columns, found " << type;
    if (rowsOf(value) != rowsOf(values.front()))
      return op->emitOpError()
             << "mixes row counts: " << values.front().getType() << " and "
             << type;
  }
  return success();
}
