//===- KernelOps.cpp - Generated op code and symbol checks ----------------===//

#include "dialects/Kernel/KernelOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace gemcut::kernel;

#include "dialects/Kernel/KernelInterfaces.cpp.inc"

/// Types of a norm: input, weight if there is one, output. The weight cannot be
/// an optional group, because a comma follows the input either way.
static ParseResult parseNormTypes(OpAsmParser &parser, Type &input,
                                  Type &weight, Type &output) {
  BufferType buffer;
  if (parser.parseCustomTypeWithFallback(buffer) || parser.parseComma() ||
      parser.parseType(output))
    return failure();
  input = buffer;
  if (failed(parser.parseOptionalComma()))
    return success();
  weight = output;
  if (parser.parseCustomTypeWithFallback(buffer))
    return failure();
  output = buffer;
  return success();
}

static void printNormTypes(OpAsmPrinter &printer, Operation *, Type input,
                           Type weight, Type output) {
  printer.printStrippedAttrOrType(cast<BufferType>(input));
  printer << ", ";
  if (!weight) {
    printer << output;
    return;
  }
  printer << weight << ", ";
  printer.printStrippedAttrOrType(cast<BufferType>(output));
}

#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.cpp.inc"

LogicalResult
WeightAddressOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  WeightType type = getResult().getType();
  int64_t rows = 0;
  for (auto name : getWeights().getAsRange<FlatSymbolRefAttr>()) {
    auto packed = symbolTable.lookupNearestSymbolFrom<PackedOp>(*this, name);
    if (!packed)
      return emitOpError() << "names '" << name.getValue()
                           << "', which is not a declared kernel.packed";
    auto part = cast<WeightType>(packed.getType());
    if (part.getColumns() != type.getColumns() ||
        part.getFormat() != type.getFormat() ||
        part.getLayout() != type.getLayout())
      return emitOpError() << "has type " << type << ", but '"
                           << name.getValue() << "' has type " << part;
    rows += part.getRows();
  }
  if (rows != type.getRows())
    return emitOpError() << "has " << type.getRows()
                         << " rows, but its weights have " << rows;
  return success();
}

LogicalResult
CacheAddressOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto cache =
      symbolTable.lookupNearestSymbolFrom<CacheOp>(*this, getCacheAttr());
  if (!cache)
    return emitOpError() << "names '" << getCache()
                         << "', which is not a declared kernel.cache";
  if (cache.getType() != getResult().getType())
    return emitOpError() << "has type " << getResult().getType()
                         << ", but cache '" << getCache() << "' has type "
                         << cache.getType();
  return success();
}

Element gemcut::kernel::getActivations(Format format) {
  return hasRowScales(format)     ? Element::U8
         : hasGroupScales(format) ? Element::Q8
                                  : Element::F32;
}

int64_t AttentionOp::getBarrierCount() {
  PartitionAttr partition = getPartitionAttr();
  if (!partition || partition.getDim() == PartitionDim::Rows)
    return 1;
  BufferType output = getOutput().getType();
  bool hasPadding = output.getElement() == Element::Q8 &&
                    output.getColumns() % GEMCUT_TILE_K_MULTIPLE != 0;
  return partition.getDim() == PartitionDim::Keys || hasPadding ? 2 : 1;
}
