//===- QuantizedWeights.h - Checkpoints that store integers -----*- C++ -*-===//
//
// Official quantized releases store a matrix as several tensors: packed
// integers, scales, and what its layer rounds activations under. Here they are
// one matrix again, under the name and shape that the model has for it.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_QUANTIZED_QUANTIZEDWEIGHTS_H
#define GEMCUT_FRONTENDS_QUANTIZED_QUANTIZEDWEIGHTS_H

#include "frontends/Checkpoint/WeightSource.h"
#include "frontends/Config/ModelConfig.h"
#include "frontends/Safetensors/Checkpoint.h"

#include "llvm/ADT/StringMap.h"

#include <memory>

namespace gemcut::quantized {

/// The tensors of a quantized checkpoint. A matrix X is
///
///   quant_method "gemma":
///     X.weight             uint8 (out, in * bits / 8), 2 or 4 bits, the first
///                          column in the lowest bits, as q + 2^(bits - 1); or
///                          int8 (out, in)
///     X.weight_scale       (out, 1)             value = scale * q
///     X.embedding_quantized, X.embedding_scale  the same for a table; scales
///                          (rows, blocks of columns)
///     X.input_activation_scale, X.output_activation_scale  one value each
///     X.k_cache_scale, X.v_cache_scale          not used, as in HF
///   quant_method "compressed-tensors", format "pack-quantized":
///     X.weight_packed      int32 (out, in / 8), 4 bits as above
///     X.weight_scale       (out, in / 32)
///     X.weight_shape       (2): out, in
///
/// and here X.weight (out, in) with `levels`, and scales as (1). All other
/// tensors are as they are. Experts are matrices of their own
/// (checkpoint::StackedExperts).
class QuantizedWeights : public checkpoint::WeightSource {
public:
  /// Matches the tensors of `source` to those that `config` describes; of a
  /// checkpoint of floats, `source` itself. Errors
  /// name the file, the tensor, what was found and what is expected: a missing
  /// part, a dtype or a shape that fits no number of bits, parts of schemes
  /// that are not supported (zero points, reordered columns).
  static llvm::Expected<std::unique_ptr<checkpoint::WeightSource>>
  open(std::unique_ptr<safetensors::Checkpoint> source,
       const config::ModelConfig &config);

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override;
  std::vector<std::string> names() const override;
  std::string fileOf(llvm::StringRef name) const override;
  checkpoint::StoredElement locate(llvm::StringRef name,
                                   int64_t element) const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;
  llvm::Error readLevels(llvm::StringRef name, int64_t firstRow,
                         llvm::MutableArrayRef<int8_t> levels,
                         llvm::MutableArrayRef<float> scales) const override;
  void done(llvm::StringRef name) const override;

private:
  /// A matrix of integers: its parts in the file.
  struct Matrix {
    const safetensors::TensorInfo *packed, *scales;
    checkpoint::WeightInfo info;
  };

  explicit QuantizedWeights(std::unique_ptr<safetensors::Checkpoint> source)
      : source(std::move(source)) {}

  llvm::Error addMatrix(llvm::StringRef name,
                        const safetensors::TensorInfo &packed,
                        llvm::StringRef scaleName,
                        llvm::ArrayRef<int64_t> shape);
  llvm::Error addParts(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  /// Error: integers of all experts in one tensor, `name` with or without an
  /// ending, which no method defines.
  llvm::Error checkStacked(llvm::StringRef name) const;
  llvm::Error checkShapeTensor(llvm::StringRef name,
                               llvm::ArrayRef<int64_t> shape);
  /// Unpacks `count` levels from element `first` on.
  void unpack(const Matrix &matrix, int64_t first, int64_t count,
              int8_t *out) const;
  void readScales(const Matrix &matrix, int64_t first, int64_t count,
                  float *out) const;

  std::unique_ptr<safetensors::Checkpoint> source;
  llvm::StringMap<Matrix> matrices;
  llvm::StringMap<const safetensors::TensorInfo *> activationScales;
  /// Parts of matrices and what is not used, by their names in the file.
  llvm::StringMap<bool> hidden;
};

} // namespace gemcut::quantized

#endif // GEMCUT_FRONTENDS_QUANTIZED_QUANTIZEDWEIGHTS_H
