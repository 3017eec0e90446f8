//===- GemmaDialect.cpp - Dialect, types, attributes, helpers -------------===//

#include "dialects/Gemma/GemmaOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace gemcut::gemma;

#include "dialects/Gemma/GemmaDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Gemma/GemmaTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Gemma/GemmaAttrs.cpp.inc"

void GemmaDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Gemma/GemmaTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Gemma/GemmaAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Gemma/GemmaOps.cpp.inc"
      >();
}

LogicalResult KvType::verify(function_ref<InFlightDiagnostic()> emitError,
                             int64_t heads, int64_t headDim, int64_t window) {
  if (heads <= 0 || headDim <= 0)
    return emitError() << "kv state needs positive heads and head_dim, found "
                       << heads << " x " << headDim;
  if (headDim % 2)
    return emitError() << "head_dim must be even, found " << headDim;
  if (window < 0)
    return emitError() << "window must not be negative, found " << window;
  return success();
}

std::optional<int64_t> gemcut::gemma::getLayer(Operation *op) {
  if (auto layer = op->getAttrOfType<IntegerAttr>(kLayerAttr))
    return layer.getInt();
  return std::nullopt;
}

void gemcut::gemma::copyLayer(Operation *from, Operation *to) {
  if (Attribute layer = from->getAttr(kLayerAttr))
    to->setAttr(kLayerAttr, layer);
}

bool gemcut::gemma::isInt8Rows(Type type) {
  return isa<Q8Type, U8Type>(getElementTypeOrSelf(type));
}

RankedTensorType gemcut::gemma::getQuantizedType(Type type, Format format) {
  assert(isQuantized(format) && "only integers meet quantized activations");
  MLIRContext *context = type.getContext();
  Type element = hasRowScales(format) ? Type(U8Type::get(context))
                                      : Type(Q8Type::get(context));
  return cast<RankedTensorType>(type).clone(element);
}

SmallVector<float> gemcut::gemma::ropeFrequencies(double theta, int64_t headDim,
                                                  int64_t pairs, float factor) {
  SmallVector<float> frequencies;
  for (int64_t j = 0; j < pairs; ++j) {
    float exponent = float(2 * j) / float(headDim);
    float power = float(std::pow(theta, double(exponent)));
    frequencies.push_back(1.0f / power / factor);
  }
  return frequencies;
}
