//===- StageReport.h - The stages of a program as data ----------*- C++ -*-===//
//
// What the compiler writes into an executable's report section about the stages
// of every entry point, and `gemcut explain` reads back. Equal stages share one
// kind, so that the size follows the kinds of layers, not their number.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_EXPLAIN_STAGEREPORT_H
#define GEMCUT_COMPILER_EXPLAIN_STAGEREPORT_H

#include "llvm/Support/Error.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gemcut::explain {

/// The member of the report that holds the stages.
inline constexpr char kStagesKey[] = "stages";

/// Everything that equal stages share. Bytes and multiply-accumulates (MACs)
/// are those of passes/Kernel/StageWork.h.
struct StageKind {
  std::string name;       ///< in the checkpoint's words: "mlp.down_proj"
  std::string kernel;     ///< "gemv", "attention"
  std::string shape;      ///< "12288 x 1536 int4, gelu_gate"
  std::string arithmetic; ///< "int8", "bf16", "f32", or empty
  std::string partition;  ///< "tiles, 32"
  int64_t barriers = 1;   ///< 0: shares the next stage's
  int64_t weightBytes = 0, tableBytesPerRow = 0, bufferBytesPerRow = 0;
  int64_t expertBytes = 0, experts = 0, expertsPerRow = 0;
  int64_t cacheReadBytesPerPosition = 0, cacheWrittenBytesPerRow = 0;
  int64_t window = 0;
  int64_t macsPerRow = 0, macsPerRowPosition = 0;
  int64_t chunks = 0, chunksPerBlock = 0, rowsPerBlock = 0;

  bool operator==(const StageKind &other) const;
};

/// One stage of an entry point.
struct StageUse {
  size_t kind = 0;
  int64_t layer = -1; ///< -1: outside of layers
  int64_t rows = 0;   ///< 0: the rows of the step

  bool operator==(const StageUse &other) const {
    return kind == other.kind && layer == other.layer && rows == other.rows;
  }
};

/// The stages of an entry point in the order they run.
struct EntryStages {
  int64_t maxRows = 0; ///< of one step
  std::vector<StageUse> stages;

  bool operator==(const EntryStages &other) const {
    return maxRows == other.maxRows && stages == other.stages;
  }
};

struct StageReport {
  std::vector<StageKind> kinds;
  std::map<std::string, EntryStages> entries; ///< by name: "decode"

  bool operator==(const StageReport &other) const {
    return kinds == other.kinds && entries == other.entries;
  }
};

nlohmann::ordered_json toJson(const StageReport &report);

/// The inverse. Errors: a missing member, one of another type, a negative
/// number, a stage whose kind does not exist.
llvm::Expected<StageReport> readStages(const nlohmann::ordered_json &json);

} // namespace gemcut::explain

#endif // GEMCUT_COMPILER_EXPLAIN_STAGEREPORT_H
