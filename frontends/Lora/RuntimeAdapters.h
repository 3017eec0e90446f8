//===- RuntimeAdapters.h - Adapters beside the weights ----------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_LORA_RUNTIMEADAPTERS_H
#define GEMCUT_FRONTENDS_LORA_RUNTIMEADAPTERS_H

#include "frontends/Checkpoint/WeightFilter.h"
#include "frontends/Lora/Adapter.h"

#include "llvm/ADT/StringMap.h"

namespace gemcut::lora {

/// An adapter to be kept, and the name that chooses it at run time.
struct RuntimeRequest {
  std::string name, directory;
};

/// What the matrices of all adapters of a linear are called: the linear's
/// tensor without `.weight`, and this.
inline constexpr llvm::StringLiteral kMatrixA = ".lora_a", kMatrixB = ".lora_b";

/// The weights of a model, and for each linear "X.weight" that an adapter
/// changes two more tensors with the matrices of all adapters:
///
///   X.lora_a  (adapters, rank, inputs)   A
///   X.lora_b  (adapters, rank, outputs)  scale * B, transposed
///
/// F32. The rank is the largest of all adapters; smaller ones, and adapters
/// that leave this linear alone, have zeros in their place.
class RuntimeAdapters : public checkpoint::WeightFilter {
public:
  RuntimeAdapters(std::unique_ptr<checkpoint::WeightSource> source,
                  std::vector<Adapter> adapters);

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override;
  std::vector<std::string> names() const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;

private:
  const std::vector<Adapter> adapters;
  int64_t rank = 0;

  /// The tensor of the linear that the matrix `name` belongs to, or nothing.
  std::optional<std::string> linearOf(llvm::StringRef name) const;
  llvm::Error readMatrix(const Adapter &adapter, const Adapter::Pair &pair,
                         bool isB, llvm::MutableArrayRef<float> out) const;
};

/// Puts the requested adapters beside `source`, whose text tensors have the
/// prefix `prefix`. Adds the files that were read to `files`, unless it is
/// null. Errors: those of Adapter::open, a name that occurs twice.
llvm::Expected<std::unique_ptr<checkpoint::WeightSource>>
addAdapters(std::unique_ptr<checkpoint::WeightSource> source,
            llvm::StringRef prefix, llvm::ArrayRef<RuntimeRequest> requests,
            std::vector<std::string> *files);

} // namespace gemcut::lora

#endif // GEMCUT_FRONTENDS_LORA_RUNTIMEADAPTERS_H
