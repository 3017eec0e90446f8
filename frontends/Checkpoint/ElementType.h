//===- ElementType.h - How a checkpoint stores elements ---------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHECKPOINT_ELEMENTTYPE_H
#define GEMCUT_FRONTENDS_CHECKPOINT_ELEMENTTYPE_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace gemcut::checkpoint {

/// Types of elements: those of safetensors first, then the blocks of ggml,
/// which hold 32 or 256 elements of a row with their scales.
enum class ElementType : uint8_t {
  Bool,
  U8,
  I8,
  F8E4M3,
  F8E5M2,
  F8E8M0,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  I64,
  U64,
  F64,
  C64,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ4_NL,
  MXFP4,
};

/// The name that files and their tools use: "BF16", "F8_E4M3", "Q4_K".
llvm::StringRef stringify(ElementType type);

/// True for F32, BF16 and F16.
bool isFloat(ElementType type);

/// True for the types of ggml's blocks.
bool isBlock(ElementType type);

/// Decodes `count` elements of a float type at `source` to float32, exactly.
void decodeFloats(ElementType type, const uint8_t *source, int64_t count,
                  float *out);

/// The value of an IEEE half.
float halfToFloat(uint16_t half);

} // namespace gemcut::checkpoint

#endif // GEMCUT_FRONTENDS_CHECKPOINT_ELEMENTTYPE_H
