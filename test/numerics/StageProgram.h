//===- StageProgram.h - A one-function kernel program of a test -*- C++ -*-===//
//
// Lays out the buffers and weights of a test, writes the kernel IR around its
// stages, and reads and writes rows. Every byte that a test does not write is
// 0xFF, a NaN as f32, so that reading row padding or stale rows shows.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TEST_NUMERICS_STAGEPROGRAM_H
#define GEMCUT_TEST_NUMERICS_STAGEPROGRAM_H

#include "test/numerics/KernelHarness.h"
#include "test/numerics/Tolerances.h"

namespace gemcut::test {

/// A buffer or weight of the program: its SSA name, type and place.
struct Operand {
  std::string name, type;
  int64_t offset = 0; ///< bytes in the arena or the weight section
  int64_t columns = 0;
  int64_t rowBytes = 0; ///< of a buffer
};

class StageProgram {
public:
  /// Buffers hold up to `maxRows` rows.
  explicit StageProgram(int64_t maxRows) : maxRows(maxRows) {}

  /// `element`: "f32", "q8", "u8" or "i32". `rows`: if other than the most rows.
  Operand buffer(int64_t columns, const std::string &element, int64_t rows = 0);
  /// `values` as an f32 vector weight.
  Operand vector(const std::vector<float> &values);
  Operand weight(const std::string &type, const std::vector<uint8_t> &bytes);
  /// A cache at `offset` of each slot; `type` without "!kernel.cache".
  Operand cache(const std::string &type, int64_t offset, int64_t slotBytes);
  /// A stage: "kernel.rms_norm %n, ...", written with the operands' names.
  void stage(const std::string &line) { body += "  " + line + "\n"; }

  /// The whole program as kernel IR, entry point "decode".
  std::string text() const;
  Bytes makeArena() const { return Bytes(arenaBytes + 64, 0xFF); }
  Bytes makeWeights() const;

private:
  int64_t maxRows, arenaBytes = 64, slotBytes = 0;
  int count = 0;
  std::string declarations, body;
  std::vector<uint8_t> blob;
};

/// Writes `values` ((rows, columns), rows from 0) to an f32 buffer.
void putRows(Bytes &arena, const Operand &buffer,
             const std::vector<float> &values);
float getF32(Bytes &arena, const Operand &buffer, int64_t row, int64_t column);

/// Expects every element within its bound and no NaN.
void expectRow(Bytes &arena, const Operand &buffer, int64_t row,
               const std::vector<double> &expected,
               const std::vector<double> &bounds);

/// Expects a q8 row: dequantized values within half a step plus their bound,
/// the scale that the largest value gives, corrections, and a zero padding
/// group.
void expectQ8Row(Bytes &arena, const Operand &buffer, int64_t row,
                 const std::vector<double> &expected,
                 const std::vector<double> &bounds);

/// Expects that rows from `rows` on, and the gap behind the buffer, still hold
/// the fill pattern.
void expectUntouched(Bytes &arena, const Operand &buffer, int64_t rows,
                     int64_t maxRows);

uint16_t toBf16(float value); ///< nearest even
float fromBf16(uint16_t bits);
uint16_t toHalf(float value);
float fromHalf(uint16_t bits);

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_STAGEPROGRAM_H
