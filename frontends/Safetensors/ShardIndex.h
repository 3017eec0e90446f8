//===- ShardIndex.h - model.safetensors.index.json --------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_SAFETENSORS_SHARDINDEX_H
#define GEMCUT_FRONTENDS_SAFETENSORS_SHARDINDEX_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gemcut::safetensors {

/// Most shards of one checkpoint; each takes a mapping of the process.
inline constexpr size_t kMaxShards = 4096;

struct ShardIndex {
  /// File name, without a folder -> names of the tensors it holds, sorted.
  std::map<std::string, std::vector<std::string>> shards;
  /// `metadata.total_size`, bytes of all tensors, where it is given.
  std::optional<uint64_t> totalBytes;
};

/// Parses an index. Errors name `fileName`, the tensor and the shard: JSON (see
/// parseCheckedObject), no weight_map, a shard name that has a folder in it or
/// is not a .safetensors file, more than kMaxShards shards.
llvm::Expected<ShardIndex> parseShardIndex(llvm::StringRef text,
                                           llvm::StringRef fileName);

} // namespace gemcut::safetensors

#endif // GEMCUT_FRONTENDS_SAFETENSORS_SHARDINDEX_H
