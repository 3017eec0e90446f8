//===- StackedExperts.cpp - Experts that are stored one by one ------------===//

#include "frontends/Checkpoint/StackedExperts.h"

#include "frontends/Checkpoint/CheckpointError.h"
#include "frontends/Json/CheckedJson.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>
#include <map>

using namespace gemcut::checkpoint;
using gemcut::checked_json::quoteName;
using llvm::Error;
using llvm::StringRef;

namespace {

/// "model.layers.3.experts.17.up_proj.weight", taken apart.
struct ExpertName {
  StringRef layer; ///< "model.layers.3."
  int64_t expert;
  StringRef matrix; ///< "up_proj"
};

std::optional<ExpertName> parseName(StringRef name) {
  if (!name.consume_back(".weight"))
    return std::nullopt;
  size_t at = name.find("experts.");
  if (at == StringRef::npos)
    return std::nullopt;
  auto [number, matrix] =
      name.substr(at + StringRef("experts.").size()).split('.');
  ExpertName parsed{name.take_front(at), 0, matrix};
  // One name for each expert: no zeros in front.
  if (number.getAsInteger(10, parsed.expert) || parsed.expert < 0 ||
      std::to_string(parsed.expert) != number ||
      (matrix != "gate_proj" && matrix != "up_proj" && matrix != "down_proj"))
    return std::nullopt;
  return parsed;
}

std::string partName(StringRef layer, int64_t expert, StringRef matrix) {
  return (layer + "experts." + llvm::Twine(expert) + "." + matrix + ".weight")
      .str();
}

/// Calls `read(part, first, count, done)` for the pieces of [first, first +
/// count) that lie in different parts of `partSize`; `done` of the whole come
/// before the piece.
template <typename Read>
Error forPieces(int64_t first, int64_t count, int64_t partSize, Read read) {
  for (int64_t done = 0; done < count;) {
    int64_t start = (first + done) % partSize;
    int64_t piece = std::min(count - done, partSize - start);
    if (Error error =
            read(size_t((first + done) / partSize), start, piece, size_t(done)))
      return error;
    done += piece;
  }
  return Error::success();
}

} // namespace

Error StackedExperts::add(std::string name, std::vector<std::string> parts,
                          int64_t experts, StringRef example) {
  if (getSource().find(name))
    return tensorError(getSource().fileOf(name), name,
                       "is there beside " + quoteName(parts.front()) +
                           ", expected experts stacked or one by one");
  Stack stack;
  for (const std::string &part : parts) {
    std::optional<WeightInfo> info = getSource().find(part);
    if (!info)
      return tensorError(getSource().fileOf(example), part,
                         "is missing, expected as there is " +
                             quoteName(example));
    if (info->shape.size() != 2)
      return tensorError(getSource().fileOf(part), part,
                         "has " + std::to_string(info->shape.size()) +
                             " dimensions, expected the 2 of an expert's "
                             "matrix");
    if (&part == &parts.front())
      stack.part = *info;
    if (info->shape != stack.part.shape || info->type != stack.part.type ||
        info->levels != stack.part.levels)
      return tensorError(getSource().fileOf(part), part,
                         "differs in shape or type from " +
                             quoteName(parts.front()) +
                             ", expected alike matrices for all experts");
    stack.info.bytes += info->bytes;
    hidden[part] = true;
  }
  stack.info.type = stack.part.type;
  stack.info.levels = stack.part.levels;
  stack.info.shape = {experts,
                      stack.part.shape[0] * (int64_t(parts.size()) / experts),
                      stack.part.shape[1]};
  bool isPair = int64_t(parts.size()) == 2 * experts;
  if (Error error =
          addScales(name, "input_activation_scale", parts, /*shared=*/isPair))
    return error;
  if (Error error = addScales(name, "output_activation_scale", parts,
                              /*shared=*/false))
    return error;
  stack.parts = std::move(parts);
  stacks[name] = std::move(stack);
  return Error::success();
}

Error StackedExperts::addScales(StringRef name, StringRef kind,
                                llvm::ArrayRef<std::string> parts,
                                bool shared) {
  Scales stacked;
  for (const std::string &part : parts) {
    std::string stored = part.substr(0, part.size() - std::strlen("weight"));
    stored += kind;
    std::optional<WeightInfo> info = getSource().find(stored);
    float &scale = stacked.values.emplace_back(0.0f);
    if (!info)
      continue;
    if (info->elements() != 1)
      return tensorError(getSource().fileOf(stored), stored,
                         "has " + std::to_string(info->elements()) +
                             " values, expected the one of a layer");
    if (!info->isReadable())
      return tensorError(getSource().fileOf(stored), stored,
                         "has dtype " + stringify(info->type).str() +
                             ", expected F32, BF16 or F16");
    if (Error error = getSource().readF32(stored, 0, scale))
      return about(std::move(error), getSource().fileOf(stored), stored);
    if (!(scale >= 0 && std::isfinite(scale)))
      return tensorError(getSource().fileOf(stored), stored,
                         llvm::formatv("holds {0:e}, expected a positive "
                                       "scale, or 0 for none",
                                       scale)
                             .str());
    hidden[stored] = true;
    if (stacked.example.empty())
      stacked.example = stored;
  }
  if (stacked.example.empty())
    return Error::success();
  if (shared) { // gate and up in turns
    std::vector<float> ofExperts;
    for (size_t i = 0; i < parts.size(); i += 2) {
      ofExperts.push_back(stacked.values[i]);
      if (stacked.values[i] != stacked.values[i + 1])
        return tensorError(
            getSource().fileOf(parts[i + 1]), parts[i + 1],
            "has the " + kind.str() + " " +
                std::to_string(stacked.values[i + 1]) + ", expected " +
                std::to_string(stacked.values[i]) + " as " +
                quoteName(parts[i]) + ", which reads the same values");
    }
    stacked.values = std::move(ofExperts);
  }
  scales[(name + "." + kind).str()] = std::move(stacked);
  return Error::success();
}

llvm::Expected<std::unique_ptr<WeightSource>>
StackedExperts::stack(std::unique_ptr<WeightSource> source) {
  struct Experts {
    int64_t largest = 0;
    std::string example; ///< a tensor of it
  };
  std::map<std::string, Experts> layers;
  for (const std::string &name : source->names())
    if (std::optional<ExpertName> parsed = parseName(name)) {
      Experts &experts = layers[parsed->layer.str()];
      if (parsed->expert >= experts.largest)
        experts = {parsed->expert, name};
    }
  if (layers.empty())
    return source;
  std::unique_ptr<StackedExperts> stacked(
      new StackedExperts(std::move(source)));
  for (const auto &[layer, stored] : layers) {
    std::vector<std::string> gateUp, down;
    // A missing expert ends the lists, so that a large number costs nothing.
    for (int64_t e = 0; e <= stored.largest; ++e) {
      gateUp.push_back(partName(layer, e, "gate_proj"));
      gateUp.push_back(partName(layer, e, "up_proj"));
      down.push_back(partName(layer, e, "down_proj"));
      if (!stacked->getSource().find(down.back()))
        break;
    }
    auto experts = int64_t(down.size());
    if (Error error = stacked->add(layer + "experts.gate_up_proj",
                                   std::move(gateUp), experts, stored.example))
      return std::move(error);
    if (Error error = stacked->add(layer + "experts.down_proj", std::move(down),
                                   experts, stored.example))
      return std::move(error);
  }
  return stacked;
}

std::optional<WeightInfo> StackedExperts::find(StringRef name) const {
  if (auto stack = stacks.find(name); stack != stacks.end())
    return stack->second.info;
  if (auto scale = scales.find(name); scale != scales.end()) {
    WeightInfo info;
    info.shape = {int64_t(scale->second.values.size())};
    return info;
  }
  if (hidden.contains(name))
    return std::nullopt;
  return getSource().find(name);
}

std::vector<std::string> StackedExperts::names() const {
  std::vector<std::string> names = getSource().names();
  llvm::erase_if(names, [&](StringRef name) { return hidden.contains(name); });
  for (StringRef name : stacks.keys())
    names.push_back(name.str());
  for (StringRef name : scales.keys())
    names.push_back(name.str());
  llvm::sort(names);
  return names;
}

std::string StackedExperts::fileOf(StringRef name) const {
  if (auto scale = scales.find(name); scale != scales.end())
    return getSource().fileOf(scale->second.example);
  auto stack = stacks.find(name);
  return getSource().fileOf(
      stack == stacks.end() ? name : StringRef(stack->second.parts.front()));
}

StoredElement StackedExperts::locate(StringRef name, int64_t element) const {
  auto found = stacks.find(name);
  if (found == stacks.end())
    return WeightFilter::locate(name, element);
  const Stack &stack = found->second;
  const int64_t size = stack.part.elements();
  return getSource().locate(stack.parts[size_t(element / size)],
                            element % size);
}

Error StackedExperts::readF32(StringRef name, int64_t firstElement,
                              llvm::MutableArrayRef<float> out) const {
  if (auto scale = scales.find(name); scale != scales.end()) {
    if (Error error =
            checkRead(name, find(name), firstElement, int64_t(out.size())))
      return error;
    llvm::copy(llvm::ArrayRef<float>(scale->second.values)
                   .slice(size_t(firstElement), out.size()),
               out.begin());
    return Error::success();
  }
  auto found = stacks.find(name);
  if (found == stacks.end())
    return getSource().readF32(name, firstElement, out);
  const Stack &stack = found->second;
  if (Error error =
          checkRead(name, stack.info, firstElement, int64_t(out.size())))
    return error;
  return forPieces(firstElement, int64_t(out.size()), stack.part.elements(),
                   [&](size_t part, int64_t first, int64_t count, size_t done) {
                     return getSource().readF32(stack.parts[part], first,
                                                out.slice(done, size_t(count)));
                   });
}

Error StackedExperts::readLevels(StringRef name, int64_t firstRow,
                                 llvm::MutableArrayRef<int8_t> levels,
                                 llvm::MutableArrayRef<float> scales) const {
  auto found = stacks.find(name);
  if (found == stacks.end())
    return getSource().readLevels(name, firstRow, levels, scales);
  const Stack &stack = found->second;
  if (Error error =
          checkLevels(name, stack.info, firstRow, levels.size(), scales.size()))
    return error;
  const auto columns = size_t(stack.info.columns());
  const size_t groups = columns / size_t(stack.info.levels->group);
  return forPieces(firstRow, int64_t(levels.size() / columns),
                   stack.part.shape[0],
                   [&](size_t part, int64_t first, int64_t rows, size_t done) {
                     return getSource().readLevels(
                         stack.parts[part], first,
                         levels.slice(done * columns, size_t(rows) * columns),
                         scales.slice(done * groups, size_t(rows) * groups));
                   });
}

void StackedExperts::done(StringRef name) const {
  if (scales.contains(name))
    return;
  auto stack = stacks.find(name);
  if (stack == stacks.end())
    return getSource().done(name);
  for (const std::string &part : stack->second.parts)
    getSource().done(part);
}
