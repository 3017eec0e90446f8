//===- GemmaOps.h - The gemma dialect ---------------------------*- C++ -*-===//
//
// Declares the dialect, its types, attributes and ops, and the discardable
// attributes that passes read and write.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_DIALECTS_GEMMA_GEMMAOPS_H
#define GEMCUT_DIALECTS_GEMMA_GEMMAOPS_H

#include "dialects/Support/Format.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace gemcut::gemma {

/// See Gemma_Rowwise in GemmaOps.td.
template <typename ConcreteType>
class Rowwise : public mlir::OpTrait::TraitBase<ConcreteType, Rowwise> {};

/// Discardable attribute (i64) with the decoder layer an op belongs to.
inline constexpr llvm::StringLiteral kLayerAttr = "gemma.layer";
/// On a gemma.weight that adapters may change: the symbols of their A and B (see
/// gemma.adapt), and the rank.
inline constexpr llvm::StringLiteral kAdapterAttr = "gemma.adapter";
inline constexpr llvm::StringLiteral kAdapterRankAttr = "gemma.adapter_rank";
/// Function attribute (string) "decode", "prefill", "extend" or "score".
inline constexpr llvm::StringLiteral kEntryAttr = "gemma.entry";
/// Function attribute (i64): most rows of one call of an entry point.
inline constexpr llvm::StringLiteral kMaxRowsAttr = "gemma.max_rows";

/// The layer of `op`, or nullopt outside all layers.
std::optional<int64_t> getLayer(mlir::Operation *op);

/// Copies the layer attribute of `from` (if any) to `to`.
void copyLayer(mlir::Operation *from, mlir::Operation *to);

/// True for rows of !gemma.q8 or !gemma.u8.
bool isInt8Rows(mlir::Type type);

/// `type` with the element type of the rows that weights of `format`, which is
/// quantized, are multiplied with.
mlir::RankedTensorType getQuantizedType(mlir::Type type, Format format);

/// Frequencies 1 / theta^(2j / headDim) / factor, j in [0, pairs), rounded as
/// HF does: the exponent, the power, the reciprocal and the quotient each to
/// float32.
llvm::SmallVector<float> ropeFrequencies(double theta, int64_t headDim,
                                         int64_t pairs, float factor);

} // namespace gemcut::gemma

#include "dialects/Gemma/GemmaDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Gemma/GemmaTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Gemma/GemmaAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/Gemma/GemmaOps.h.inc"

#endif // GEMCUT_DIALECTS_GEMMA_GEMMAOPS_H
