//===- Int8Ops.cpp - Values as int8 stands for them -----------------------===//

#include "compiler/Reference/Ops.h"

#include "runtime/abi/packed_layout.h"

#include <algorithm>
#include <cmath>

using namespace gemcut;
using namespace gemcut::reference;

float reference::roundInt8(float x, float scale) {
  return std::min(std::max(std::nearbyint(x / scale), -128.0f), 127.0f) * scale;
}

Tensor reference::quantize(const Tensor &input) {
  Tensor result(input.rows, input.columns);
  for (size_t g = 0; g < input.values.size(); g += GEMCUT_GROUP) {
    const float *x = input.values.data() + g;
    float largest = 0;
    for (int64_t i = 0; i < GEMCUT_GROUP; ++i)
      largest = std::max(largest, std::fabs(x[i]));
    int exponent;
    float mantissa =
        std::frexp(largest * (1.0f / GEMCUT_Q8_LARGEST_QUOTIENT), &exponent);
    // The least power of two that is not below the quotient.
    float scale = std::ldexp(1.0f, mantissa == 0.5f ? exponent - 1 : exponent);
    scale = largest == 0 ? GEMCUT_Q8_LEAST_SCALE
                         : std::max(scale, GEMCUT_Q8_LEAST_SCALE);
    for (int64_t i = 0; i < GEMCUT_GROUP; ++i)
      result.values[g + i] = std::nearbyint(x[i] / scale) * scale;
  }
  return result;
}

Tensor reference::roundInt8(const Tensor &input, float scale) {
  Tensor result = input;
  for (float &x : result.values)
    x = roundInt8(x, scale);
  return result;
}

Tensor reference::quantizeRows(const Tensor &input) {
  Tensor result = input;
  for (int64_t r = 0; r < result.rows; ++r) {
    float largest = 0;
    for (float x : result.row(r))
      largest = std::max(largest, std::fabs(x));
    for (float &x : result.row(r))
      x = largest == 0 ? 0 : roundInt8(x, largest / 127);
  }
  return result;
}
