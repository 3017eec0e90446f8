//===- Checkpoint.h - The tensors of a checkpoint ---------------*- C++ -*-===//
//
// A directory with model.safetensors, or with shards and an index, or one file.
// Files stay mapped and are never read whole.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_SAFETENSORS_CHECKPOINT_H
#define GEMCUT_FRONTENDS_SAFETENSORS_CHECKPOINT_H

#include "frontends/Safetensors/SafetensorsHeader.h"

#include "llvm/ADT/StringMap.h"

#include <memory>

namespace gemcut::safetensors {

class Checkpoint {
public:
  ~Checkpoint();
  Checkpoint(const Checkpoint &) = delete;
  Checkpoint &operator=(const Checkpoint &) = delete;

  /// Opens a directory or a .safetensors file. Errors: a missing file, a
  /// damaged header (see parseHeader), an index that names a missing shard, a
  /// file outside the directory, or a tensor that its shard does not hold.
  static llvm::Expected<std::unique_ptr<Checkpoint>> open(llvm::StringRef path);

  /// The tensor called `name`, or null.
  const TensorInfo *find(llvm::StringRef name) const;

  /// All tensors, by name.
  llvm::ArrayRef<TensorInfo> tensors() const { return infos; }

  /// Path of the file that holds the tensor.
  llvm::StringRef fileOf(const TensorInfo &tensor) const;

  /// The tensor's bytes, mapped; valid as long as the checkpoint. Thread-safe.
  llvm::ArrayRef<uint8_t> bytes(const TensorInfo &tensor) const;

  /// Decodes elements [first, first + out.size()) in row-major order to
  /// float32. The dtype must be F32, BF16 or F16 (asserted). Thread-safe.
  void readF32(const TensorInfo &tensor, int64_t first,
               llvm::MutableArrayRef<float> out) const;

  /// Drops the tensor's pages from memory; a later read maps them again.
  void release(const TensorInfo &tensor) const;

private:
  struct File {
    std::string path;
    const uint8_t *data = nullptr;
    uint64_t length = 0;
  };

  Checkpoint() = default;
  llvm::Error addFile(llvm::StringRef path, std::vector<TensorInfo> *out);
  llvm::Error openIndex(llvm::StringRef directory, llvm::StringRef indexPath);
  void finish();

  std::vector<File> files;
  std::vector<TensorInfo> infos;
  llvm::StringMap<size_t> byName;
};

/// Decodes `count` elements at `source` to float32. The dtype must be F32, BF16
/// or F16.
void decodeF32(DType type, const uint8_t *source, int64_t count, float *out);

} // namespace gemcut::safetensors

#endif // GEMCUT_FRONTENDS_SAFETENSORS_CHECKPOINT_H
