//===- RuntimeAdapters.cpp - Adapters beside the weights ------------------===//

#include "frontends/Lora/RuntimeAdapters.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::lora;
using llvm::StringRef;

RuntimeAdapters::RuntimeAdapters(
    std::unique_ptr<checkpoint::WeightSource> source,
    std::vector<Adapter> newAdapters)
    : WeightFilter(std::move(source)), adapters(std::move(newAdapters)) {
  for (const Adapter &adapter : adapters)
    rank = std::max(rank, adapter.getLargestRank());
}

std::optional<std::string> RuntimeAdapters::linearOf(StringRef name) const {
  if (!name.consume_back(kMatrixA) && !name.consume_back(kMatrixB))
    return std::nullopt;
  std::string linear = (name + ".weight").str();
  for (const Adapter &adapter : adapters)
    if (adapter.find(linear))
      return linear;
  return std::nullopt;
}

std::optional<checkpoint::WeightInfo>
RuntimeAdapters::find(StringRef name) const {
  std::optional<std::string> linear = linearOf(name);
  if (!linear)
    return getSource().find(name);
  checkpoint::WeightInfo info = *getSource().find(*linear);
  int64_t columns = info.shape[name.ends_with(kMatrixB) ? 0 : 1];
  return checkpoint::WeightInfo{checkpoint::ElementType::F32,
                                {int64_t(adapters.size()), rank, columns}};
}

std::vector<std::string> RuntimeAdapters::names() const {
  std::vector<std::string> result = getSource().names();
  for (const std::string &name : getSource().names()) {
    StringRef stem = name;
    if (!stem.consume_back(".weight"))
      continue;
    for (StringRef matrix : {StringRef(kMatrixA), StringRef(kMatrixB)})
      if (linearOf((stem + matrix).str()))
        result.push_back((stem + matrix).str());
  }
  llvm::sort(result);
  return result;
}

llvm::Error
RuntimeAdapters::readMatrix(const Adapter &adapter, const Adapter::Pair &pair,
                            bool isB, llvm::MutableArrayRef<float> out) const {
  const int64_t ownRank = pair.rank;
  const int64_t columns = int64_t(out.size()) / rank;
  if (!isB)
    return adapter.read(pair.a, 0, out.take_front(ownRank * columns));
  std::vector<float> b(size_t(columns * ownRank));
  if (llvm::Error error = adapter.read(pair.b, 0, b))
    return error;
  const auto scale = float(pair.scale);
  for (int64_t k = 0; k < ownRank; ++k)
    for (int64_t j = 0; j < columns; ++j)
      out[size_t(k * columns + j)] = scale * b[size_t(j * ownRank + k)];
  if (llvm::any_of(out, [](float value) { return !std::isfinite(value); }))
    return adapter.refuseOverflow(pair, pair.scale);
  return llvm::Error::success();
}

llvm::Error RuntimeAdapters::readF32(StringRef name, int64_t firstElement,
                                     llvm::MutableArrayRef<float> out) const {
  std::optional<std::string> linear = linearOf(name);
  if (!linear)
    return getSource().readF32(name, firstElement, out);
  std::optional<checkpoint::WeightInfo> info = find(name);
  if (llvm::Error error = checkRead(name, info, firstElement, out.size()))
    return error;
  // Small next to the weights that they change, and asked for once.
  std::vector<float> all(size_t(info->elements()));
  const size_t matrix = all.size() / adapters.size();
  for (size_t i = 0; i < adapters.size(); ++i)
    if (const Adapter::Pair *pair = adapters[i].find(*linear))
      if (llvm::Error error = readMatrix(
              adapters[i], *pair, name.ends_with(kMatrixB),
              llvm::MutableArrayRef<float>(all).slice(i * matrix, matrix)))
        return error;
  llvm::copy(llvm::ArrayRef<float>(all).slice(size_t(firstElement), out.size()),
             out.begin());
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<checkpoint::WeightSource>>
gemcut::lora::addAdapters(std::unique_ptr<checkpoint::WeightSource> source,
                          StringRef prefix,
                          llvm::ArrayRef<RuntimeRequest> requests,
                          std::vector<std::string> *files) {
  if (requests.empty())
    return source;
  std::vector<Adapter> adapters;
  llvm::StringSet<> known;
  for (const RuntimeRequest &request : requests) {
    if (!known.insert(request.name).second)
      return llvm::createStringError("two adapters are called '" +
                                     request.name +
                                     "', expected a name for each");
    auto adapter = Adapter::open(request.directory, *source, prefix);
    if (!adapter)
      return adapter.takeError();
    if (files)
      llvm::append_range(*files, adapter->getFiles());
    adapters.push_back(std::move(*adapter));
  }
  return std::make_unique<RuntimeAdapters>(std::move(source),
                                           std::move(adapters));
}
