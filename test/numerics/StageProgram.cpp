//===- StageProgram.cpp - A one-function kernel program of a test ---------===//

#include "test/numerics/StageProgram.h"

#include "fmt/format.h"
#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace gemcut;
using namespace gemcut::test;

/// Bytes between buffers, which no stage may write.
static constexpr int64_t kGap = 64;

Operand StageProgram::buffer(int64_t columns, const std::string &element,
                             int64_t rows) {
  rows = rows ? rows : maxRows;
  Operand result;
  result.name = fmt::format("%b{}", count++);
  result.type =
      fmt::format("!kernel.buffer<{} x {}, {}>", rows, columns, element);
  result.offset = arenaBytes;
  result.columns = columns;
  result.rowBytes = element == "f32"  ? gemcut_f32_row_bytes(columns)
                    : element == "q8" ? gemcut_q8_row_bytes(columns)
                    : element == "u8" ? gemcut_u8_row_bytes(columns)
                                      : 4 * columns;
  arenaBytes += gemcut_round_up(rows * result.rowBytes, 64) + kGap;
  body += fmt::format("  {} = kernel.alloc {{offset = {} : i64}} : {}\n",
                      result.name, result.offset, result.type);
  return result;
}

Operand StageProgram::vector(const std::vector<float> &values) {
  std::vector<uint8_t> bytes(gemcut_round_up(4 * int64_t(values.size()), 64),
                             0xFF);
  std::memcpy(bytes.data(), values.data(), 4 * values.size());
  return weight(
      fmt::format("!kernel.weight<1 x {}, f32, vector>", values.size()), bytes);
}

Operand StageProgram::weight(const std::string &type,
                             const std::vector<uint8_t> &bytes) {
  Operand result;
  result.name = fmt::format("%w{}", count);
  result.type = type;
  result.offset = int64_t(blob.size());
  bool pair = type.find("interleaved") != std::string::npos;
  declarations += fmt::format(
      "kernel.packed @w{} {{sources = [{}], offset = {} : i64}} : {}\n", count,
      pair ? R"("a", "b")" : R"("a")", result.offset, type);
  body += fmt::format("  %w{} = kernel.weight_address [@w{}] : {}\n", count,
                      count, type);
  ++count;
  blob.insert(blob.end(), bytes.begin(), bytes.end());
  blob.resize(gemcut_round_up(int64_t(blob.size()), 64));
  return result;
}

Operand StageProgram::cache(const std::string &type, int64_t offset,
                            int64_t bytesPerSlot) {
  Operand result;
  result.name = "%cache";
  result.type = "!kernel.cache" + type;
  result.offset = offset;
  slotBytes = bytesPerSlot;
  declarations += fmt::format("kernel.cache @kv {{offset = {} : i64}} : {}\n",
                              offset, result.type);
  body +=
      fmt::format("  %cache = kernel.cache_address @kv : {}\n", result.type);
  return result;
}

std::string StageProgram::text() const {
  return fmt::format(R"(
module attributes {{kernel.kv_slot_bytes = {} : i64}} {{
{}
func.func @decode(%n: i64, %ids: !kernel.buffer<{} x 1, i32>,
                  %logits: !kernel.buffer<1 x 1, f32>)
    attributes {{kernel.entry = "decode"}} {{
{}
  return
}}
}})",
                     slotBytes, declarations, maxRows, body);
}

Bytes StageProgram::makeWeights() const {
  Bytes weights(int64_t(blob.size()) + 64, 0xFF);
  std::memcpy(weights.data(), blob.data(), blob.size());
  return weights;
}

void gemcut::test::putRows(Bytes &arena, const Operand &buffer,
                           const std::vector<float> &values) {
  int64_t rows = int64_t(values.size()) / buffer.columns;
  for (int64_t row = 0; row < rows; ++row)
    std::memcpy(arena.data() + buffer.offset + row * buffer.rowBytes,
                &values[row * buffer.columns], 4 * buffer.columns);
}

float gemcut::test::getF32(Bytes &arena, const Operand &buffer, int64_t row,
                           int64_t column) {
  float value;
  std::memcpy(&value,
              arena.data() + buffer.offset + row * buffer.rowBytes + 4 * column,
              4);
  return value;
}

void gemcut::test::expectRow(Bytes &arena, const Operand &buffer, int64_t row,
                             const std::vector<double> &expected,
                             const std::vector<double> &bounds) {
  for (int64_t c = 0; c < buffer.columns; ++c) {
    double actual = getF32(arena, buffer, row, c);
    // Written so that a NaN fails.
    if (!(std::fabs(actual - expected[c]) <= bounds[c])) {
      ADD_FAILURE() << "row " << row << " column " << c << " is " << actual
                    << ", expected " << expected[c] << " within " << bounds[c];
      return;
    }
  }
}

void gemcut::test::expectQ8Row(Bytes &arena, const Operand &buffer, int64_t row,
                               const std::vector<double> &expected,
                               const std::vector<double> &bounds) {
  const uint8_t *bytes = arena.data() + buffer.offset + row * buffer.rowBytes;
  int64_t columns = buffer.columns;
  int64_t groups = gemcut_q8_scales_offset(columns) / GEMCUT_GROUP;
  for (int64_t g = 0; g < groups; ++g) {
    SCOPED_TRACE(fmt::format("row {} group {}", row, g));
    float scale;
    int32_t correction, sum = 0;
    std::memcpy(&scale, bytes + gemcut_q8_scales_offset(columns) + 4 * g, 4);
    std::memcpy(&correction,
                bytes + gemcut_q8_corrections_offset(columns) + 4 * g, 4);
    double largest = 0, slack = 0;
    for (int64_t i = 0; i < GEMCUT_GROUP; ++i) {
      int64_t c = g * GEMCUT_GROUP + i;
      int q = int8_t(bytes[c]);
      sum += q;
      if (c >= columns) {
        ASSERT_EQ(q, 0);
        continue;
      }
      largest = std::max(largest, std::fabs(expected[c]));
      slack = std::max(slack, bounds[c]);
      double actual = double(q) * scale;
      // A half step, and the roundings of the quotient x / scale.
      ASSERT_TRUE(std::fabs(actual - expected[c]) <=
                  bounds[c] + 0.50002 * scale)
          << "column " << c << " is " << actual << ", expected " << expected[c];
    }
    // The least power of two under which the largest value is 127 or less.
    int exponent;
    ASSERT_EQ(std::frexp(scale, &exponent), 0.5f) << "scale " << scale;
    slack += 4 * tolerance::kU * largest;
    ASSERT_TRUE(scale * 127.5 >= largest - slack &&
                (scale * 127.48 / 2 <= largest + slack ||
                 scale == GEMCUT_Q8_LEAST_SCALE))
        << "scale " << scale << ", largest " << largest;
    ASSERT_EQ(correction, -8 * sum);
  }
}

void gemcut::test::expectUntouched(Bytes &arena, const Operand &buffer,
                                   int64_t rows, int64_t maxRows) {
  const uint8_t *bytes = arena.data() + buffer.offset;
  int64_t end = gemcut_round_up(maxRows * buffer.rowBytes, 64) + kGap;
  for (int64_t i = rows * buffer.rowBytes; i < end; ++i)
    ASSERT_EQ(bytes[i], 0xFF) << "byte " << i << " of the buffer was written";
  for (int64_t i = 1; i <= kGap; ++i)
    ASSERT_EQ(bytes[-i], 0xFF) << "the gap before the buffer was written";
}

uint16_t gemcut::test::toBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return uint16_t((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float gemcut::test::fromBf16(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

uint16_t gemcut::test::toHalf(float value) {
  llvm::APFloat half(value);
  bool inexact;
  half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven,
               &inexact);
  return uint16_t(half.bitcastToAPInt().getZExtValue());
}

float gemcut::test::fromHalf(uint16_t bits) {
  llvm::APFloat half(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
  return half.convertToFloat();
}
