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

  /// Opens a directory or a .safetensors file; in a directory the index goes
  /// first. Errors: a missing file, a damaged header (see parseHeader) or index
  /// (see parseShardIndex), a shard that is missing or holds other tensors than
  /// the index says, a total_size that is not the sum of the tensors. The files
  /// must not change while they are open.
  static llvm::Expected<std::unique_ptr<Checkpoint>> open(llvm::StringRef path);

  /// The tensor called `name`, or null.
  const TensorInfo *find(llvm::StringRef name) const;

  /// All tensors, by name.
  llvm::ArrayRef<TensorInfo> tensors() const { return infos; }

  /// Path of the file that holds the tensor.
  llvm::StringRef fileOf(const TensorInfo &tensor) const;

  /// The tensor's bytes, mapped; valid as long as the checkpoint. Thread-safe.
  llvm::ArrayRef<uint8_t> bytes(const TensorInfo &tensor) const;

  /// An error unless the tensor's dtype is one that readF32 decodes.
  llvm::Error checkFloat(const TensorInfo &tensor) const;

  /// Decodes elements [first, first + out.size()) in row-major order to
  /// float32. Range and dtype (see checkFloat) are asserted. Thread-safe.
  void readF32(const TensorInfo &tensor, int64_t first,
               llvm::MutableArrayRef<float> out) const;

  /// Drops the pages that lie wholly inside the tensor from this process's
  /// memory, so that reading a checkpoint from end to end keeps little of it
  /// resident; a later read brings them back. Thread-safe.
  void release(const TensorInfo &tensor) const;
  /// The same for elements [first, first + count) of a tensor that is itself
  /// too large to stay.
  void release(const TensorInfo &tensor, int64_t first, int64_t count) const;

private:
  struct File {
    std::string path;
    const uint8_t *data = nullptr;
    uint64_t length = 0;
  };

  Checkpoint() = default;
  llvm::Error addFile(llvm::StringRef path, std::vector<TensorInfo> *out);
  llvm::Error addShard(llvm::StringRef path, llvm::ArrayRef<std::string> names,
                       const std::string &index);
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
