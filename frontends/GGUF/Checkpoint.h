//===- Checkpoint.h - The tensors of a GGUF model ---------------*- C++ -*-===//
//
// One file, or the parts of a split one. Files stay mapped and are never read
// whole.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GGUF_CHECKPOINT_H
#define GEMCUT_FRONTENDS_GGUF_CHECKPOINT_H

#include "frontends/Checkpoint/MappedFile.h"
#include "frontends/Checkpoint/WeightSource.h"
#include "frontends/GGUF/Header.h"

#include <memory>

namespace gemcut::gguf {

/// Tensors have the names of Hugging Face checkpoints (officialName); those
/// without one keep theirs. The two halves of split experts are one tensor.
class Checkpoint : public checkpoint::WeightSource {
public:
  Checkpoint(const Checkpoint &) = delete;
  Checkpoint &operator=(const Checkpoint &) = delete;

  /// Opens `path`, and if it is the first of several parts
  /// (NAME-00001-of-0000N.gguf) the others beside it. Errors: a file that
  /// cannot be mapped, a damaged header (see parseHeader), a part that is
  /// missing or belongs elsewhere, a tensor in two parts, halves of experts
  /// that do not fit. The files must not change while they are open.
  static llvm::Expected<std::unique_ptr<Checkpoint>> open(llvm::StringRef path);

  /// Keys and values of the first file.
  const Metadata &metadata() const { return headers.front().metadata; }
  /// Paths of all files, in order.
  std::vector<std::string> files() const;

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override;
  /// All but rope_freqs, which is part of the configuration.
  std::vector<std::string> names() const override;
  std::string fileOf(llvm::StringRef name) const override;
  std::string nameInFile(llvm::StringRef name) const override;
  checkpoint::StoredElement locate(llvm::StringRef name,
                                   int64_t element) const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;
  llvm::Error readLevels(llvm::StringRef name, int64_t firstRow,
                         llvm::MutableArrayRef<int8_t> levels,
                         llvm::MutableArrayRef<float> scales) const override;
  void done(llvm::StringRef name) const override;

private:
  /// Where a tensor is: one entry of a file, or two whose blocks of rows take
  /// turns, `turnRows` of each.
  struct Tensor {
    struct Part {
      const TensorEntry *entry;
      size_t file;
    };
    llvm::SmallVector<Part, 2> parts;
    int64_t turnRows = 0;
    llvm::SmallVector<int64_t, 4> shape;
  };

  Checkpoint() = default;
  llvm::Error addFile(llvm::StringRef path);
  llvm::Error addParts(llvm::StringRef firstPath);
  llvm::Error nameTensors();
  llvm::Error addSplitExperts(llvm::StringRef layer, Tensor::Part gate,
                              Tensor::Part up);
  const Tensor *findTensor(llvm::StringRef name) const;
  llvm::ArrayRef<uint8_t> bytesOf(const Tensor::Part &part) const;
  /// Calls `read` with the part that holds the rows from `row` on, the row in
  /// it, and how many of `rows` it holds there.
  void
  forEachRun(const Tensor &tensor, int64_t row, int64_t rows,
             llvm::function_ref<void(const Tensor::Part &, int64_t, int64_t)>
                 read) const;

  std::vector<checkpoint::MappedFile> mapped;
  std::vector<Header> headers; ///< of each file
  llvm::StringMap<Tensor> tensors;
};

} // namespace gemcut::gguf

#endif // GEMCUT_FRONTENDS_GGUF_CHECKPOINT_H
