//===- GemmaOps.cpp - Generated op code, parsing helpers, symbols ---------===//

#include "dialects/Gemma/GemmaOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace gemcut::gemma;

/// Ops whose operands share one type write it once.
static ParseResult parseSameType(OpAsmParser &parser, Type &first,
                                 Type &second) {
  if (parser.parseType(first))
    return failure();
  second = first;
  return success();
}

static void printSameType(OpAsmPrinter &printer, Operation *, Type first,
                          Type) {
  printer << first;
}

static ParseResult parseSameTypes(OpAsmParser &parser, Type &first,
                                  Type &second, Type &third) {
  if (parser.parseType(first))
    return failure();
  second = third = first;
  return success();
}

static void printSameTypes(OpAsmPrinter &printer, Operation *, Type first, Type,
                           Type) {
  printer << first;
}

#define GET_OP_CLASSES
#include "dialects/Gemma/GemmaOps.cpp.inc"

LogicalResult
GetWeightOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto weight =
      symbolTable.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError() << "names '" << getWeight()
                         << "', which is not a declared gemma.weight";
  if (weight.getType() != getResult().getType())
    return emitOpError() << "has type " << getResult().getType()
                         << ", but weight '" << getWeight() << "' has type "
                         << weight.getType();
  return success();
}

LogicalResult GetCacheOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto cache =
      symbolTable.lookupNearestSymbolFrom<KvCacheOp>(*this, getCacheAttr());
  if (!cache)
    return emitOpError() << "names '" << getCache()
                         << "', which is not a declared gemma.kv_cache";
  if (cache.getType() != getResult().getType())
    return emitOpError() << "has type " << getResult().getType()
                         << ", but cache '" << getCache() << "' has type "
                         << cache.getType();
  return success();
}

OpFoldResult SelectLastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType())
    return getInput();
  return {};
}
