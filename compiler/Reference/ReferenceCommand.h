//===- ReferenceCommand.h - gemcut reference --------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_REFERENCE_REFERENCECOMMAND_H
#define GEMCUT_COMPILER_REFERENCE_REFERENCECOMMAND_H

#include "frontends/Lora/MergedWeights.h"

#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace gemcut::reference {

/// `gemcut reference MODEL --ids LIST|@FILE ...`.
struct ReferenceOptions {
  /// A checkpoint directory, a .safetensors file with config.json beside it,
  /// a .gguf file, or a config.json without weights (then RandomWeights of `seed`).
  std::string model;
  /// "2,17,93", separated by commas or white space, or "@FILE" with such a
  /// text.
  std::string ids;
  /// Position of the first id.
  int64_t firstPosition = 0;
  /// Where to write the logits, (ids, vocabulary) in float32; empty: nowhere.
  std::string logitsFile;
  /// Globs of op names (Importer.h) whose values are printed.
  std::vector<std::string> dump;
  /// Print every value of a dumped tensor instead of the first few of each row.
  bool dumpAll = false;
  /// Name of the op after which to stop; empty: run to the end.
  std::string stopAfter;
  uint64_t seed = 0;
  /// Adapters to merge, in this order.
  std::vector<lora::MergeRequest> loras;
  /// Most threads; 0: one per core.
  unsigned threads = 0;
};

/// Runs the model once over all ids and prints, on `os`, the dumped values and
/// for every row the best id with its logit. Warnings (unknown keys of
/// config.json) and diagnostics go to `err`. Errors name the option, file or
/// tensor at fault; a diagnostic that was already printed to `err` ends in a
/// short error.
llvm::Error runReference(const ReferenceOptions &options, llvm::raw_ostream &os,
                         llvm::raw_ostream &err);

/// Parses the value of --ids. Errors: no id, something that is no number of 0
/// .. 2^31 - 1, a file that cannot be read.
llvm::Expected<std::vector<int32_t>> parseIds(llvm::StringRef text);

} // namespace gemcut::reference

#endif // GEMCUT_COMPILER_REFERENCE_REFERENCECOMMAND_H
