//===- StackedExperts.h - Experts that are stored one by one ----*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHECKPOINT_STACKEDEXPERTS_H
#define GEMCUT_FRONTENDS_CHECKPOINT_STACKEDEXPERTS_H

#include "frontends/Checkpoint/WeightFilter.h"

#include "llvm/ADT/StringMap.h"

namespace gemcut::checkpoint {

/// The tensors of another source, in which the matrices of experts that have
/// tensors of their own are those that the model has for all experts:
///
///   L.experts.E.gate_proj.weight (inner, hidden)  \ L.experts.gate_up_proj
///   L.experts.E.up_proj.weight   (inner, hidden)  / (experts, 2 inner, hidden)
///   L.experts.E.down_proj.weight (hidden, inner)    L.experts.down_proj
///                                                   (experts, hidden, inner)
///
/// Levels stay levels. Quantized releases store experts this way, as their
/// tools convert one linear layer after the other. The scales that such layers
/// round their activations under become one tensor beside the stacked one, 0
/// where there is none:
///
///   L.experts.E.P.input_activation_scale    L.experts.S.input_activation_scale
///                                           (experts)
///   L.experts.E.P.output_activation_scale L.experts.S.output_activation_scale
///                                           (experts * matrices of S)
class StackedExperts : public WeightFilter {
public:
  /// `source` itself if no expert is stored alone. Errors name the file and the
  /// tensor: an expert or a half that is missing, one of another shape or type
  /// than the first, an activation scale that is negative or not finite, gate
  /// and up that round their one input under different scales, stacked tensors
  /// beside single ones.
  static llvm::Expected<std::unique_ptr<WeightSource>>
  stack(std::unique_ptr<WeightSource> source);

  std::optional<WeightInfo> find(llvm::StringRef name) const override;
  std::vector<std::string> names() const override;
  std::string fileOf(llvm::StringRef name) const override;
  StoredElement locate(llvm::StringRef name, int64_t element) const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;
  llvm::Error readLevels(llvm::StringRef name, int64_t firstRow,
                         llvm::MutableArrayRef<int8_t> levels,
                         llvm::MutableArrayRef<float> scales) const override;
  void done(llvm::StringRef name) const override;

private:
  using WeightFilter::WeightFilter;

  /// Matrices of one shape and type below each other.
  struct Stack {
    std::vector<std::string> parts;
    WeightInfo part; ///< of each
    WeightInfo info; ///< of the whole
  };

  /// Values of a tensor that stands for several, with the first of those.
  struct Scales {
    std::vector<float> values;
    std::string example;
  };

  llvm::StringMap<Stack> stacks;
  llvm::StringMap<Scales> scales;
  llvm::StringMap<bool> hidden; ///< parts

  /// `example`: a tensor of the same experts that there is.
  llvm::Error add(std::string name, std::vector<std::string> parts,
                  int64_t experts, llvm::StringRef example);
  /// Stacks the scales called `kind` beside `parts`, if there are any.
  llvm::Error addScales(llvm::StringRef name, llvm::StringRef kind,
                        llvm::ArrayRef<std::string> parts, bool shared);
};

} // namespace gemcut::checkpoint

#endif // GEMCUT_FRONTENDS_CHECKPOINT_STACKEDEXPERTS_H
