//===- SafetensorsHeader.h - The header of one file -------------*- C++ -*-===//
//
// Parses and checks the header of a safetensors file. Works on bytes, so that
// it can be tested and fuzzed without files.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_SAFETENSORS_SAFETENSORSHEADER_H
#define GEMCUT_FRONTENDS_SAFETENSORS_SAFETENSORSHEADER_H

#include "frontends/Checkpoint/ElementType.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gemcut::safetensors {

/// Element types of the format; those of ggml's blocks are not among them.
using DType = checkpoint::ElementType;

/// Bytes of one element.
int64_t elementBytes(DType type);

struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  uint64_t fileIndex = 0; ///< into Checkpoint's files
  uint64_t offset = 0;    ///< from the start of the file, in bytes
  uint64_t bytes = 0;

  int64_t elements() const;
};

/// Longest accepted header. The format's own limit is 100 MB.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;

/// Parses the header of a file of `fileLength` bytes from `prefix`, its first
/// bytes (at least 8 + header length of them, or all). Checks lengths, JSON
/// (see parseCheckedObject), names, dtypes, shapes and that the tensors cover
/// the data without overlap, hole or excess. Every dtype of the format is
/// accepted, readable as numbers or not. Tensors come by name. Errors name
/// `fileName`, the tensor and both numbers. Format:
/// https://github.com/huggingface/safetensors (README, "Format").
llvm::Expected<std::vector<TensorInfo>>
parseHeader(llvm::ArrayRef<uint8_t> prefix, uint64_t fileLength,
            llvm::StringRef fileName);

} // namespace gemcut::safetensors

#endif // GEMCUT_FRONTENDS_SAFETENSORS_SAFETENSORSHEADER_H
