//===- Adapter.h - A LoRA adapter of PEFT -----------------------*- C++ -*-===//
//
// A directory with adapter_config.json and adapter_model.safetensors, as PEFT
// writes it: pairs of small matrices A and B that change linears of the model,
//
//   W + scale * B A        A: (rank, in), B: (out, rank), W: (out, in)
//   scale = lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora
//
// rank_pattern and alpha_pattern give single modules an r and an alpha of their
// own. Source: PEFT 0.17, tuners/lora/layer.py; patterns: utils/other.py,
// get_pattern_key.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_LORA_ADAPTER_H
#define GEMCUT_FRONTENDS_LORA_ADAPTER_H

#include "frontends/Checkpoint/WeightSource.h"

#include "llvm/ADT/StringMap.h"

#include <memory>
#include <string>
#include <vector>

namespace gemcut::lora {

/// What adapter_config.json says.
struct AdapterConfig {
  /// Overrides a value for the modules whose whole name `pattern` matches, or
  /// what follows a dot of it.
  struct Override {
    std::string pattern; ///< a regular expression
    double value = 0;
  };

  int64_t rank = 0; ///< of modules without an override
  double alpha = 0;
  bool rankStabilized = false; ///< use_rslora
  std::vector<Override> ranks, alphas;

  int64_t getRank(llvm::StringRef module) const;
  /// Of the product B A.
  double getScale(llvm::StringRef module) const;
};

/// Parses the text of adapter_config.json. Errors name the file, the key, what
/// was found and what is expected: another PEFT type than LORA, DoRA, trained
/// biases, modules saved whole, patterns that are no POSIX regular expression,
/// initializations that change the base weights.
llvm::Expected<AdapterConfig> parseAdapterConfig(llvm::StringRef json,
                                                 llvm::StringRef fileName);

/// An open adapter, related to the model that it changes.
class Adapter {
public:
  /// The matrices of one linear, by their names in `weights`.
  struct Pair {
    std::string a, b;
    int64_t rank = 0;
    double scale = 0; ///< of the product B A
  };

  /// Opens `directory` for a model whose text tensors are `model`'s with the
  /// name prefix `prefix`. Errors name the file and the tensor: one that is no
  /// A or B of a linear of the text layers, a pair without its other half, a
  /// shape that the linear and the rank do not have, a type that is no float.
  static llvm::Expected<Adapter> open(llvm::StringRef directory,
                                      const checkpoint::WeightSource &model,
                                      llvm::StringRef prefix);

  int64_t getLargestRank() const;
  /// The pair that changes the model's tensor `name`, or null.
  const Pair *find(llvm::StringRef name) const;
  /// WeightSource::readF32 of a matrix of a pair. Errors besides: a value that
  /// is not finite.
  llvm::Error read(llvm::StringRef matrix, int64_t firstElement,
                   llvm::MutableArrayRef<float> out) const;
  /// The error that finite B times `scale`, and then `what`, is not finite.
  llvm::Error refuseOverflow(const Pair &pair, double scale,
                             const llvm::Twine &what = "") const;
  /// The files that were read.
  llvm::ArrayRef<std::string> getFiles() const { return files; }
  /// Linears that are changed.
  size_t size() const { return pairs.size(); }

private:
  std::unique_ptr<checkpoint::WeightSource> weights;
  llvm::StringMap<Pair> pairs;
  std::vector<std::string> files;
};

} // namespace gemcut::lora

#endif // GEMCUT_FRONTENDS_LORA_ADAPTER_H
