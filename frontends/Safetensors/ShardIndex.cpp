//===- ShardIndex.cpp - model.safetensors.index.json ----------------------===//

#include "frontends/Safetensors/ShardIndex.h"

#include "frontends/Json/CheckedJson.h"

#include "llvm/ADT/STLExtras.h"

using namespace gemcut::checked_json;
using namespace gemcut::safetensors;
using llvm::createStringError;
using nlohmann::json;

/// Shards lie beside their index, so a name with a folder in it could only
/// reach files that are not part of the checkpoint.
static bool isPlainFileName(llvm::StringRef name) {
  return !name.empty() && !name.contains('/') && !name.contains('\\') &&
         llvm::none_of(name, [](char c) { return uint8_t(c) < 0x20; });
}

/// An integer, also in the form 2057688.0 that some writers give it.
static std::optional<uint64_t> wholeNumber(const json &value) {
  if (value.is_number_unsigned())
    return value.get<uint64_t>();
  if (!value.is_number_float())
    return std::nullopt;
  double number = value.get<double>();
  if (!(number >= 0 && number < 0x1p53) || number != double(uint64_t(number)))
    return std::nullopt;
  return uint64_t(number);
}

llvm::Expected<ShardIndex>
gemcut::safetensors::parseShardIndex(llvm::StringRef text,
                                     llvm::StringRef fileName) {
  std::string file = fileName.str() + ": ";
  auto root = parseCheckedObject(text, file, /*maxDepth=*/8);
  if (!root)
    return root.takeError();
  auto map = root->find("weight_map");
  if (map == root->end() || !map->is_object() || map->empty())
    return createStringError(
        file + "weight_map: found " +
        (map == root->end() ? "nothing" : briefJson(*map)) +
        ", expected an object of tensor names and their files");
  ShardIndex index;
  for (const auto &[tensor, shard] : map->items()) {
    std::string where = file + "tensor " + quoteName(tensor) + " ";
    if (!shard.is_string())
      return createStringError(where + "is placed in " + briefJson(shard) +
                               ", expected the name of a file");
    const auto &name = shard.get_ref<const std::string &>();
    if (!isPlainFileName(name))
      return createStringError(where + "is placed in " + briefJson(shard) +
                               ", expected a file beside the index, without "
                               "a folder");
    if (!llvm::StringRef(name).ends_with(".safetensors"))
      return createStringError(where + "is placed in " + briefJson(shard) +
                               ", expected a .safetensors file");
    index.shards[name].push_back(tensor);
  }
  if (index.shards.size() > kMaxShards)
    return createStringError(
        file + "names " + std::to_string(index.shards.size()) +
        " shards, expected at most " + std::to_string(kMaxShards));
  auto metadata = root->find("metadata");
  if (metadata == root->end() || !metadata->is_object() ||
      !metadata->contains("total_size"))
    return index;
  const json &total = (*metadata)["total_size"];
  index.totalBytes = wholeNumber(total);
  if (!index.totalBytes)
    return createStringError(file + "metadata.total_size: found " +
                             briefJson(total) + ", expected a number of bytes");
  return index;
}
