//===- OperandChecks.cpp - Found against expected, for one operand ------===//
//
// See OperandChecks.h.
//
//===----------------------------------------------------------------------===//

#include "dialects/Kernel/OperandChecks.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

LogicalResult kernel::expectColumns(Operation *op, StringRef what,
                                    int64_t found, StringRef reason,
                                    int64_t expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << what << " has " << found << " columns, but "
                           << reason << " is " << expected;
}

LogicalResult kernel::expectElement(Operation *op, StringRef what,
                                    BufferType type,
                                    ArrayRef<Element> allowed) {
  if (llvm::is_contained(allowed, type.getElement()))
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError() << what << " is " << stringifyElement(type.getElement())
                        << ", expected ";
  llvm::interleave(
      allowed, [&](Element e) { diagnostic << stringifyElement(e); },
      [&] { diagnostic << " or "; });
  return diagnostic;
}

LogicalResult kernel::expectVector(Operation *op, StringRef what,
                                   WeightType type, int64_t size) {
  if (type.getLayout() == Layout::Vector && type.getColumns() == size)
    return success();
  return op->emitOpError() << what << " is " << type
                           << ", expected a vector of " << size;
}
