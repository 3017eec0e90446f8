//===- Products.h - Products and the formats of their weights ---*- C++ -*-===//

#ifndef GEMCUT_PASSES_GEMMA_PRODUCTS_H
#define GEMCUT_PASSES_GEMMA_PRODUCTS_H

#include "dialects/Gemma/GemmaOps.h"

namespace gemcut::gemma {

/// The matrices that `op` multiplies its operand 0 with; none if it is not a
/// linear, gated_linear or modulated_linear.
llvm::SmallVector<mlir::Value> getProductWeights(mlir::Operation *op);

/// What the weights of a product agree on.
struct ProductForm {
  Format format;
  mlir::FlatSymbolRefAttr inputScale; ///< null: the input is not rounded
};

/// The form of product `op`. Errors: a weight that is not a gemma.get_weight,
/// has no format, or has another format or input scale than the first.
mlir::FailureOr<ProductForm> getProductForm(mlir::Operation *op,
                                            const mlir::SymbolTable &symbols);

} // namespace gemcut::gemma

#endif // GEMCUT_PASSES_GEMMA_PRODUCTS_H
