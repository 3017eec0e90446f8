//===- DeclareWeights.h - A symbol for each tensor of a model ---*- C++ -*-===//
//
// Beside its type a symbol says how the checkpoint stores the tensor, under
// which scales its layer rounds, and which adapters may change it.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GEMMA4_DECLAREWEIGHTS_H
#define GEMCUT_FRONTENDS_GEMMA4_DECLAREWEIGHTS_H

#include "frontends/Checkpoint/WeightSource.h"
#include "frontends/Config/ModelConfig.h"

#include "mlir/IR/Builders.h"

namespace gemcut::gemma4 {

/// Creates a gemma.weight for each tensor that `config` expects; their names in
/// `weights` begin with `prefix`. Emits an error for a tensor that is missing
/// or has another shape, a dtype that cannot be read, and scales that are none,
/// differ where layers read the same values, or round a router.
mlir::LogicalResult declareWeights(mlir::OpBuilder &builder,
                                   const config::ModelConfig &config,
                                   const checkpoint::WeightSource &weights,
                                   llvm::StringRef prefix);

} // namespace gemcut::gemma4

#endif // GEMCUT_FRONTENDS_GEMMA4_DECLAREWEIGHTS_H
