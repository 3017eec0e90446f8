//===- TensorStatistics.h - What the values of tensors are like -*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_TENSORSTATISTICS_H
#define GEMCUT_COMPILER_DRIVER_TENSORSTATISTICS_H

#include "compiler/Driver/Reporter.h"

#include <string>
#include <vector>

namespace gemcut::driver {

/// A matrix of a checkpoint, in float64 over all of its values.
struct TensorStatistics {
  std::string name, dtype; ///< as the checkpoint has them
  std::vector<int64_t> shape;
  double mean = 0, rms = 0;
  double absMax = 0; ///< largest magnitude
  /// Fourth moment over the squared second one, about 0: 3 for normal values,
  /// larger the heavier the tails. 0 if all values are 0.
  double kurtosis = 0;
};

/// Reads the matrices (two dimensions or more) of the checkpoint `path` that
/// its text model uses, on one thread per core. Errors: those of loadModel and
/// of reading; CancelledError.
llvm::Expected<std::vector<TensorStatistics>>
measureTensors(const std::string &path, Reporter &reporter);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_TENSORSTATISTICS_H
