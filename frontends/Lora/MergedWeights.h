//===- MergedWeights.h - Weights with an adapter added ----------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_LORA_MERGEDWEIGHTS_H
#define GEMCUT_FRONTENDS_LORA_MERGEDWEIGHTS_H

#include "frontends/Checkpoint/WeightFilter.h"
#include "frontends/Lora/Adapter.h"

namespace gemcut::lora {

/// An adapter to be merged, and how strongly.
struct MergeRequest {
  std::string directory;
  double strength = 1;
};

/// The weights of a model, with strength * scale * B A added to the linears
/// that an adapter changes. Sums are float32, which is then the type of these
/// tensors. What is read are the rows that are asked for: of the adapter, too,
/// nothing stays in memory.
class MergedWeights : public checkpoint::WeightFilter {
public:
  MergedWeights(std::unique_ptr<checkpoint::WeightSource> source,
                Adapter adapter, double strength)
      : WeightFilter(std::move(source)), adapter(std::move(adapter)),
        strength(strength) {}

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;

private:
  const Adapter adapter;
  const double strength;
};

/// Merges the requested adapters, one after the other, into `source`, whose
/// text tensors have the prefix `prefix`. Adds the files that were read to
/// `files`, unless it is null. Errors: those of Adapter::open.
llvm::Expected<std::unique_ptr<checkpoint::WeightSource>>
mergeAdapters(std::unique_ptr<checkpoint::WeightSource> source,
              llvm::StringRef prefix, llvm::ArrayRef<MergeRequest> requests,
              std::vector<std::string> *files);

} // namespace gemcut::lora

#endif // GEMCUT_FRONTENDS_LORA_MERGEDWEIGHTS_H
