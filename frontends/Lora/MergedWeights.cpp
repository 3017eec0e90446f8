//===- MergedWeights.cpp - Weights with an adapter added ------------------===//

#include "frontends/Lora/MergedWeights.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::lora;
using llvm::StringRef;

std::optional<checkpoint::WeightInfo>
MergedWeights::find(StringRef name) const {
  std::optional<checkpoint::WeightInfo> info = getSource().find(name);
  if (adapter.find(name))
    makeComputed(info);
  return info;
}

llvm::Error MergedWeights::readF32(StringRef name, int64_t firstElement,
                                   llvm::MutableArrayRef<float> out) const {
  if (llvm::Error error = getSource().readF32(name, firstElement, out))
    return error;
  const Adapter::Pair *pair = adapter.find(name);
  if (!pair || out.empty())
    return llvm::Error::success();
  const int64_t rank = pair->rank;
  const auto factor = float(strength * pair->scale);
  const int64_t columns = getSource().find(name)->columns();
  const int64_t end = firstElement + int64_t(out.size());
  const int64_t firstRow = firstElement / columns;
  const int64_t rows = (end + columns - 1) / columns - firstRow;
  std::vector<float> a(size_t(rank * columns)), b(size_t(rows * rank));
  if (llvm::Error error = adapter.read(pair->a, 0, a))
    return error;
  if (llvm::Error error = adapter.read(pair->b, firstRow * rank, b))
    return error;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t start = (firstRow + row) * columns;
    int64_t from = std::max(start, firstElement);
    int64_t count = std::min(start + columns, end) - from;
    float *target = out.data() + (from - firstElement);
    for (int64_t k = 0; k < rank; ++k) {
      const float weight = factor * b[size_t(row * rank + k)];
      const float *source = a.data() + k * columns + (from - start);
      for (int64_t i = 0; i < count; ++i)
        target[i] += weight * source[i];
    }
  }
  auto bad =
      llvm::find_if(out, [](float value) { return !std::isfinite(value); });
  if (bad == out.end())
    return llvm::Error::success();
  // A weight that was not finite before is left to who reads it.
  float before;
  int64_t element = firstElement + (bad - out.begin());
  if (llvm::Error error = getSource().readF32(name, element, before))
    return error;
  if (!std::isfinite(before))
    return llvm::Error::success();
  return adapter.refuseOverflow(*pair, strength * pair->scale,
                                " and '" + pair->a + "', added to element " +
                                    llvm::Twine(element) + " of '" + name +
                                    "',");
}

llvm::Expected<std::unique_ptr<checkpoint::WeightSource>>
gemcut::lora::mergeAdapters(std::unique_ptr<checkpoint::WeightSource> source,
                            StringRef prefix,
                            llvm::ArrayRef<MergeRequest> requests,
                            std::vector<std::string> *files) {
  for (const MergeRequest &request : requests) {
    auto adapter = Adapter::open(request.directory, *source, prefix);
    if (!adapter)
      return adapter.takeError();
    if (files)
      llvm::append_range(*files, adapter->getFiles());
    source = std::make_unique<MergedWeights>(
        std::move(source), std::move(*adapter), request.strength);
  }
  return source;
}
