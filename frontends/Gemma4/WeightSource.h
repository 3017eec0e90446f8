//===- WeightSource.h - Where weight values come from -----------*- C++ -*-===//
//
// The importer asks for names, shapes and dtypes; the reference interpreter and
// the packer read values, a range at a time.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GEMMA4_WEIGHTSOURCE_H
#define GEMCUT_FRONTENDS_GEMMA4_WEIGHTSOURCE_H

#include "frontends/Safetensors/Checkpoint.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>

namespace gemcut::gemma4 {

/// Element type and shape of a tensor, as stored.
struct WeightInfo {
  safetensors::DType dtype = safetensors::DType::F32;
  llvm::SmallVector<int64_t, 4> shape;

  int64_t elements() const;
};

/// The tensors of a model by their full names, prefix included. All functions
/// are thread-safe.
class WeightSource {
public:
  virtual ~WeightSource();

  /// What is known of the tensor `name`; nullopt if there is none.
  virtual std::optional<WeightInfo> find(llvm::StringRef name) const = 0;

  /// Reads elements [firstElement, firstElement + out.size()) in row-major
  /// order as float32 (bfloat16 and float16 are exact in it). Errors: no such
  /// tensor, a dtype that is not F32, BF16 or F16, a range outside the tensor.
  virtual llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                              llvm::MutableArrayRef<float> out) const = 0;

  /// Says that the tensor is not needed soon: its pages may go. Reading it
  /// later still works.
  virtual void done(llvm::StringRef name) const {}
};

/// The tensors of a checkpoint, which must outlive this.
class CheckpointWeights : public WeightSource {
public:
  explicit CheckpointWeights(const safetensors::Checkpoint &checkpoint)
      : checkpoint(checkpoint) {}

  std::optional<WeightInfo> find(llvm::StringRef name) const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;
  void done(llvm::StringRef name) const override;

private:
  const safetensors::Checkpoint &checkpoint;
};

/// Success if [firstElement, firstElement + count) lies in the tensor and its
/// dtype is F32, BF16 or F16; otherwise the error that readF32 promises.
llvm::Error checkRead(llvm::StringRef name,
                      const std::optional<WeightInfo> &info,
                      int64_t firstElement, int64_t count);

} // namespace gemcut::gemma4

#endif // GEMCUT_FRONTENDS_GEMMA4_WEIGHTSOURCE_H
