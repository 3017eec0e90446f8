//===- WeightFilter.h - Some tensors of a source changed --------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHECKPOINT_WEIGHTFILTER_H
#define GEMCUT_FRONTENDS_CHECKPOINT_WEIGHTFILTER_H

#include "frontends/Checkpoint/WeightSource.h"

#include <memory>

namespace gemcut::checkpoint {

/// The tensors of another source as they are, for classes that change some. Who
/// changes the values of a tensor overrides `find` too: what is read is then
/// F32, without levels.
class WeightFilter : public WeightSource {
public:
  explicit WeightFilter(std::unique_ptr<WeightSource> source)
      : source(std::move(source)) {}

  std::optional<WeightInfo> find(llvm::StringRef name) const override {
    return source->find(name);
  }
  std::vector<std::string> names() const override { return source->names(); }
  std::string fileOf(llvm::StringRef name) const override {
    return source->fileOf(name);
  }
  std::string nameInFile(llvm::StringRef name) const override {
    return source->nameInFile(name);
  }
  StoredElement locate(llvm::StringRef name, int64_t element) const override {
    return source->locate(name, element);
  }
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override {
    return source->readF32(name, firstElement, out);
  }
  llvm::Error readLevels(llvm::StringRef name, int64_t firstRow,
                         llvm::MutableArrayRef<int8_t> levels,
                         llvm::MutableArrayRef<float> scales) const override {
    return source->readLevels(name, firstRow, levels, scales);
  }
  void done(llvm::StringRef name) const override { source->done(name); }

protected:
  const WeightSource &getSource() const { return *source; }

  /// `info` as that of a tensor whose values are computed.
  static void makeComputed(std::optional<WeightInfo> &info) {
    if (!info)
      return;
    info->type = ElementType::F32;
    info->levels = std::nullopt;
  }

private:
  const std::unique_ptr<WeightSource> source;
};

} // namespace gemcut::checkpoint

#endif // GEMCUT_FRONTENDS_CHECKPOINT_WEIGHTFILTER_H
