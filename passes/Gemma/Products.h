//===- Products.h - Products and the formats of their weights ---*- C++ -*-===//

#ifndef GEMCUT_PASSES_GEMMA_PRODUCTS_H
#define GEMCUT_PASSES_GEMMA_PRODUCTS_H

#include "dialects/Gemma/GemmaOps.h"

namespace gemcut::gemma {

/// The matrices that `op` multiplies its operand 0 with; none if it is not a
/// linear, gated_linear or modulated_linear.
llvm::SmallVector<mlir::Value> getProductWeights(mlir::Operation *op);

/// The one format of the weights of product `op`. Errors: a weight that is not
/// a gemma.get_weight, has no format, or has another format than the first.
mlir::FailureOr<Format> getProductFormat(mlir::Operation *op,
                                         const mlir::SymbolTable &symbols);

} // namespace gemcut::gemma

#endif // GEMCUT_PASSES_GEMMA_PRODUCTS_H
