//===- AddressVerifiers.cpp - Shape rules of declarations and addresses -===//
//
// A rule is stated once here as found against expected.
//
//===----------------------------------------------------------------------===//

#include "dialects/Kernel/OperandChecks.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

LogicalResult PackedOp::verify() {
  auto type = cast<WeightType>(getType());
  bool isPair = type.getLayout() == Layout::Interleaved;
  size_t expected = isPair && !getExperts() ? 2 : 1;
  if (getSources().size() != expected)
    return emitOpError() << "has " << getSources().size() << " sources, but "
                         << stringifyLayout(type.getLayout()) << " takes "
                         << expected;
  if (getOutputScales() && getOutputScales()->size() != expected)
    return emitOpError() << "has " << getOutputScales()->size()
                         << " output scales, but " << expected << " sources";
  if (getOutputScales() && !hasRowScales(type.getFormat()))
    return emitOpError() << "has output scales, which "
                         << stringifyFormat(type.getFormat())
                         << " has no place for";
  if (getExperts()) {
    int64_t experts = *getExperts(), unit = isPair ? 2 : 1;
    if (experts <= 0 || type.getRows() % (experts * unit * GEMCUT_TILE_ROWS) ||
        !llvm::is_contained({Layout::Tiles, Layout::Interleaved},
                            type.getLayout()))
      return emitOpError() << "has " << experts << " experts, but " << type
                           << " is not whole tiles of each";
  }
  if (getOffset() && *getOffset() % 64)
    return emitOpError() << "offset " << *getOffset()
                         << " is not a multiple of 64";
  return success();
}

LogicalResult WeightAddressOp::verify() {
  if (getWeights().empty())
    return emitOpError("needs at least one weight");
  return success();
}

LogicalResult ColumnsOp::verify() {
  BufferType input = getInput().getType(), result = getResult().getType();
  if (failed(expectElement(*this, "input", input, {Element::F32})) ||
      failed(expectElement(*this, "result", result, {Element::F32})))
    return failure();
  int64_t end = int64_t(getOffset()) + result.getColumns();
  if (int64_t(getOffset()) < 0 || end > input.getColumns())
    return emitOpError() << "columns " << int64_t(getOffset()) << " to " << end
                         << " leave the input's " << input.getColumns();
  if (result.getRowBytes() != input.getRowBytes() ||
      result.getRows() != input.getRows())
    return emitOpError() << "result " << result
                         << " must keep the rows and the "
                         << "row stride (" << input.getRowBytes()
                         << " bytes) of " << input;
  return success();
}

LogicalResult LastRowOp::verify() {
  BufferType input = getInput().getType(), result = getResult().getType();
  if (result.getRows() != 1 || result.getColumns() != input.getColumns() ||
      result.getElement() != input.getElement())
    return emitOpError() << "result must be one row of " << input << ", found "
                         << result;
  return success();
}
