//===- Checkpoint.h - The tensors of a checkpoint ---------------*- C++ -*-===//
//
// A directory with model.safetensors, or with shards and an index, or one file.
// Files stay mapped and are never read whole.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_SAFETENSORS_CHECKPOINT_H
#define GEMCUT_FRONTENDS_SAFETENSORS_CHECKPOINT_H

#include "frontends/Checkpoint/MappedFile.h"
#include "frontends/Checkpoint/WeightSource.h"
#include "frontends/Safetensors/SafetensorsHeader.h"

#include "llvm/ADT/StringMap.h"

#include <memory>

namespace gemcut::safetensors {

class Checkpoint : public checkpoint::WeightSource {
public:
  Checkpoint(const Checkpoint &) = delete;
  Checkpoint &operator=(const Checkpoint &) = delete;

  /// Opens a directory or a .safetensors file; in a directory the index goes
  /// first. Errors: a missing file, a damaged header (see parseHeader) or index
  /// (see parseShardIndex), a shard that is missing or holds other tensors than
  /// the index says, a total_size that is not the sum of the tensors. The files
  /// must not change while they are open.
  static llvm::Expected<std::unique_ptr<Checkpoint>> open(llvm::StringRef path);

  /// The tensor called `name`, or null.
  const TensorInfo *findTensor(llvm::StringRef name) const;

  /// All tensors, by name.
  llvm::ArrayRef<TensorInfo> tensors() const { return infos; }

  /// The tensor's bytes, mapped; valid as long as the checkpoint. Thread-safe.
  llvm::ArrayRef<uint8_t> bytes(const TensorInfo &tensor) const;

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override;
  std::vector<std::string> names() const override;
  std::string fileOf(llvm::StringRef name) const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;
  void done(llvm::StringRef name) const override;

private:
  Checkpoint() = default;
  llvm::Error addFile(llvm::StringRef path, std::vector<TensorInfo> *out);
  llvm::Error addShard(llvm::StringRef path, llvm::ArrayRef<std::string> names,
                       const std::string &index);
  llvm::Error openIndex(llvm::StringRef directory, llvm::StringRef indexPath);
  void finish();

  std::vector<checkpoint::MappedFile> files;
  std::vector<TensorInfo> infos;
  llvm::StringMap<size_t> byName;
};

/// Fails if `path` is one of several files of a model by its name,
/// "model-00002-of-00003.safetensors", and says what to name instead.
llvm::Error refuseShard(llvm::StringRef path);

} // namespace gemcut::safetensors

#endif // GEMCUT_FRONTENDS_SAFETENSORS_CHECKPOINT_H
