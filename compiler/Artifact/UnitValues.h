//===- UnitValues.h - What packing reads of the checkpoint ------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_UNITVALUES_H
#define GEMCUT_COMPILER_ARTIFACT_UNITVALUES_H

#include "compiler/Artifact/PackPlan.h"
#include "frontends/Checkpoint/WeightSource.h"

namespace gemcut::artifact {

struct UnitValues {
  std::vector<float> values; ///< (rows, columns)
  /// Those of KnownScales, where the checkpoint's levels are levels of the
  /// format too; empty otherwise.
  std::vector<float> scales;
};

/// True if the checkpoint stores the tensor quantized.
bool isQuantized(const checkpoint::WeightSource &weights, llvm::StringRef name);

/// Reads a unit of `source`. Errors name the tensor and its file: it cannot be
/// read, a value is not finite or too large for the format.
llvm::Error readUnit(const checkpoint::WeightSource &weights,
                     PackSource &source, const PackUnit &unit, UnitValues &out);

/// The scales that products round the outputs of a source under, or 0: one, or
/// of experts one for each matrix.
llvm::Expected<std::vector<float>>
readOutputScales(const checkpoint::WeightSource &weights, PackSource &source);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_UNITVALUES_H
