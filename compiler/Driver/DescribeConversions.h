//===- DescribeConversions.h - What became of stored levels -----*- C++ -*-===//
#ifndef GEMCUT_COMPILER_DRIVER_DESCRIBECONVERSIONS_H
#define GEMCUT_COMPILER_DRIVER_DESCRIBECONVERSIONS_H

#include "compiler/Artifact/PackWeights.h"

namespace gemcut::driver {

/// Lines for the user: how many tensors of each type of the checkpoint were
/// kept exactly, and of those that were not, in which format they are and how
/// far the worst is. Nothing where nothing was stored quantized.
///
///     kept exactly: 34 Q4_0 as q4_0, 1 Q8_0 as int8
///     converted: 12 Q4_K to int8, relative error up to 4.1e-03
///     (model.layers.3.mlp.down_proj.weight)
std::string
describeConversions(llvm::ArrayRef<artifact::Conversion> conversions);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_DESCRIBECONVERSIONS_H
