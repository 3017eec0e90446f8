//===- Blocks.h - The element types of ggml ---------------------*- C++ -*-===//
//
// Blocks hold 32 or 256 consecutive elements of a row with their scales. What
// the bytes mean is defined by ggml-quants.c (dequantize_row_*), revision of
// 2026-03, and repeated in gguf-py/gguf/quants.py, which the tests compare
// with.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GGUF_BLOCKS_H
#define GEMCUT_FRONTENDS_GGUF_BLOCKS_H

#include "frontends/Checkpoint/WeightSource.h"

namespace gemcut::gguf {

struct BlockSize {
  int64_t elements = 1, bytes = 0;
};

/// Elements and bytes of a block; one element for types without blocks.
BlockSize blockSize(checkpoint::ElementType type);

/// The type of this number in the file, nullopt if it is not supported.
std::optional<checkpoint::ElementType> typeOfNumber(uint32_t number);
/// ggml's name of the type of this number, supported or not; "unknown".
llvm::StringRef nameOfNumber(uint32_t number);
/// The names of all supported types, for errors.
std::string supportedTypes();

/// The level form of a type whose blocks have one scale and no offset: Q4_0,
/// Q5_0, Q8_0, IQ4_NL and MXFP4.
std::optional<checkpoint::LevelForm> levelForm(checkpoint::ElementType type);

/// Decodes `blocks` blocks of a block type to float32: the same operations in
/// the same order as ggml, so the same bits.
void decodeBlocks(checkpoint::ElementType type, const uint8_t *source,
                  int64_t blocks, float *out);

/// Decodes blocks of a type with a level form: 32 levels and a scale each.
void decodeLevels(checkpoint::ElementType type, const uint8_t *source,
                  int64_t blocks, int8_t *levels, float *scales);

} // namespace gemcut::gguf

#endif // GEMCUT_FRONTENDS_GGUF_BLOCKS_H
