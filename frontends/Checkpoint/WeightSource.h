//===- WeightSource.h - The tensors of a model ------------------*- C++ -*-===//
//
// The one interface between files of weights and everything that uses them. A
// source says which tensors there are, under the names and shapes of the
// official Hugging Face checkpoints, and how their elements are stored; the
// reference interpreter and the packer read values, a range at a time.
//
// Sources: safetensors::Checkpoint, gguf::Checkpoint, gemma4::RandomWeights. A
// source may compose one tensor from several that are stored (integers and
// their scales): it then lists the composed tensor only.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_CHECKPOINT_WEIGHTSOURCE_H
#define GEMCUT_FRONTENDS_CHECKPOINT_WEIGHTSOURCE_H

#include "frontends/Checkpoint/ElementType.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace gemcut::checkpoint {

/// The form of a tensor whose every element is level * scale: an integer times
/// a number that the elements of a group share.
struct LevelForm {
  int bits = 8;      ///< levels are in [-2^(bits - 1), 2^(bits - 1)), 2 to 8
  int64_t group = 0; ///< columns of a row that share a scale; divides the row

  friend bool operator==(const LevelForm &a, const LevelForm &b) {
    return a.bits == b.bits && a.group == b.group;
  }
  friend bool operator!=(const LevelForm &a, const LevelForm &b) {
    return !(a == b);
  }
};

/// What is known of a tensor without reading it.
struct WeightInfo {
  ElementType type = ElementType::F32; ///< as stored
  llvm::SmallVector<int64_t, 4> shape; ///< row-major, the last is the row
  std::optional<LevelForm> levels = std::nullopt; ///< if readLevels works
  uint64_t bytes = 0;                             ///< in the file; 0: in none

  int64_t elements() const;
  /// Elements of a row: the last dimension.
  int64_t columns() const { return shape.empty() ? 1 : shape.back(); }
  /// True if readF32 works: a float type, or blocks or levels, which decode.
  bool isReadable() const {
    return isFloat(type) || isBlock(type) || levels.has_value();
  }
};

/// Where a file holds the number that an element is, or that scales it.
struct StoredElement {
  std::string file;           ///< its path
  std::string tensor;         ///< by its name in the file
  int64_t element = 0;        ///< of `tensor`, row-major
  std::optional<float> scale; ///< the number there, if it is a scale
};

/// The tensors of a model by their full names, prefix included. All functions
/// are thread-safe.
class WeightSource {
public:
  virtual ~WeightSource();

  /// What is known of the tensor `name`; nullopt if there is none.
  virtual std::optional<WeightInfo> find(llvm::StringRef name) const = 0;

  /// The names of all tensors, sorted.
  virtual std::vector<std::string> names() const = 0;

  /// Path of the file that holds the tensor; empty if none does.
  virtual std::string fileOf(llvm::StringRef name) const { return ""; }

  /// The name that files of this kind have for the tensor, be it there or not.
  virtual std::string nameInFile(llvm::StringRef name) const {
    return name.str();
  }

  /// Where element `element` of the tensor, which is there, comes from. Of
  /// integers with scales in a tensor of their own: its scale.
  virtual StoredElement locate(llvm::StringRef name, int64_t element) const {
    return {fileOf(name), nameInFile(name), element, std::nullopt};
  }

  /// Reads elements [firstElement, firstElement + out.size()) in row-major
  /// order as float32. Floats are exact in it; blocks and levels give the value
  /// that their format defines, rounded as ggml does. Errors: those of
  /// checkRead.
  virtual llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                              llvm::MutableArrayRef<float> out) const = 0;

  /// Reads rows from `firstRow` on as they are stored: `levels` (rows, columns)
  /// and `scales` (rows, columns / group), so that level * scale is what
  /// readF32 gives. Errors: those of checkLevels.
  virtual llvm::Error readLevels(llvm::StringRef name, int64_t firstRow,
                                 llvm::MutableArrayRef<int8_t> levels,
                                 llvm::MutableArrayRef<float> scales) const;

  /// Says that the tensor is not needed soon: its pages may go. Reading it
  /// later still works.
  virtual void done(llvm::StringRef name) const {}
};

/// Success if readF32 may read [firstElement, firstElement + count). Errors: no
/// such tensor, a type that does not decode, a range outside the tensor.
llvm::Error checkRead(llvm::StringRef name,
                      const std::optional<WeightInfo> &info,
                      int64_t firstElement, int64_t count);

/// Success if readLevels may fill spans of these sizes. Errors: no such tensor,
/// one without levels, sizes that are not whole rows or do not belong together,
/// rows outside the tensor.
llvm::Error checkLevels(llvm::StringRef name,
                        const std::optional<WeightInfo> &info, int64_t firstRow,
                        size_t levels, size_t scales);

} // namespace gemcut::checkpoint

#endif // GEMCUT_FRONTENDS_CHECKPOINT_WEIGHTSOURCE_H
