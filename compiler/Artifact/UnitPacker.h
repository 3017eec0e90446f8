//===- UnitPacker.h - Rows of the checkpoint to packed bytes ----*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_UNITPACKER_H
#define GEMCUT_COMPILER_ARTIFACT_UNITPACKER_H

#include "compiler/Artifact/BlockWriter.h"
#include "compiler/Artifact/ColumnErrors.h"
#include "compiler/Artifact/UnitValues.h"

namespace gemcut::artifact {

/// What rounding changed in some values.
struct RoundingErrors {
  double squares = 0;       ///< sum of the values' squares
  double squaredErrors = 0; ///< sum of the errors' squares
  double largestError = 0;  ///< its magnitude

  void add(float value, float packed);
  void add(const RoundingErrors &others);
  /// sqrt(squaredErrors / squares); 0 without errors.
  double getRelative() const;
};

/// Reads, packs and writes units, one after the other, with buffers that it
/// keeps: one for each thread.
class UnitPacker {
public:
  /// Without an output, nothing is written.
  UnitPacker(const checkpoint::WeightSource &weights, BlockWriter *output)
      : weights(weights), output(output) {}

  /// Returns the bytes that the unit's rows have in the section.
  /// `columnErrors`, which may be null: see packTile. `errors`, which may be
  /// null, receives what packing changes; levels that are kept have no errors.
  /// Errors: those of readUnit, readOutputScales and writing.
  llvm::Expected<uint64_t> pack(PackSource &source, const PackUnit &unit,
                                const ColumnErrors *columnErrors,
                                RoundingErrors *errors);

private:
  const checkpoint::WeightSource &weights;
  BlockWriter *output;
  UnitValues read;
  std::vector<uint8_t> packed;

  llvm::Error packVector(PackSource &source);
  llvm::Error packTableRows(PackSource &source, const PackUnit &unit,
                            RoundingErrors *errors);
  llvm::Error packTiles(PackSource &source, const PackUnit &unit,
                        const ColumnErrors *columnErrors,
                        RoundingErrors *errors);
  llvm::Error writeTiles(PackSource &source, const PackUnit &unit,
                         int64_t tiles);
  llvm::Error write(PackSource &source, const uint8_t *bytes, size_t count,
                    uint64_t offset);
  /// Those of `read` for row `row` of it; null if there are none.
  const float *getScales(int64_t row, const PackUnit &unit) const;
};

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_UNITPACKER_H
