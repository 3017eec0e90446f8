//===- Options.h - What the commands are asked for --------------*- C++ -*-===//
//
// One struct per command, filled from flags by Flags.h and from nowhere
// else.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_OPTIONS_H
#define GEMCUT_COMPILER_DRIVER_OPTIONS_H

#include "frontends/Lora/MergedWeights.h"
#include "frontends/Lora/RuntimeAdapters.h"
#include "runtime/abi/memory_plan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gemcut::driver {

/// Where weights come from and go to.
struct WeightOptions {
  bool sidecar = false;       ///< to OUT.gemw instead of into the executable
  bool sharedSidecar = false; ///< with `sidecar`: to <checksum>.gemw beside OUT
  std::optional<uint64_t> randomSeed; ///< invented weights, from shapes alone
  std::vector<lora::MergeRequest> loras;          ///< merged in this order
  std::vector<lora::RuntimeRequest> runtimeLoras; ///< kept, chosen by name
  bool omit = false; ///< an executable that can only tokenize
};

/// What decides the program and its memory.
struct PlanOptions {
  /// A built-in recipe, or the path of one; empty: see chooseQuant.
  std::string quant;
  std::string kv = "bf16";
  std::string head = "full"; ///< or "two-stage"
  int64_t context = 0; ///< positions; 0: min(max_position_embeddings, 8192)
  int64_t slots = 1;
  int64_t prefillChunk = 0;  ///< rows; 0: choosePrefillChunk
  int64_t scoreChunk = 64;   ///< most rows of one call of score
  bool isKvGiven = false;    ///< --kv was; otherwise --max-ram may choose
  bool isSlotsGiven = false; ///< and likewise --slots
  /// Bytes of tables of single rows that are mapped at a time.
  uint64_t tableBound = GEMCUT_TABLE_RESIDENT_BYTES;
};

enum class Emit {
  Executable,
  StaticLibrary,
  SharedLibrary,
  Object,
  Assembly,
  Llvm,
  Kernel,
  Gemma
};

/// What `--target` is if it is not given.
#ifdef __aarch64__
inline constexpr const char *kHostTarget = "aarch64-linux";
#else
inline constexpr const char *kHostTarget = "x86_64-linux";
#endif

struct CompileOptions {
  std::string model; ///< directory, .safetensors, or config.json
  std::string output;
  std::string target = kHostTarget;
  std::string cpu; ///< levels, "host", or empty for all
  PlanOptions plan;
  uint64_t maxRam = 0; ///< bytes; 0: no limit, else fitMemory
  WeightOptions weights;
  std::string bakePrefix; ///< a file with what conversations begin with
  std::string chatTemplate; ///< a file or "builtin"; empty: the checkpoint's
  Emit emit = Emit::Executable;
  std::string dumpIrAfter; ///< a pass's flag, or "all"
  std::string dumpDir;     ///< where dumps go; empty: stderr
  bool timePhases = false;
  std::string calibrate; ///< a text that int4 is rounded for; empty: none
  int64_t calibrateTokens = 2048; ///< of it, from its begin
  std::string certify; ///< a text to compare with the bf16 form; empty: none
  std::optional<double> certifyKl; ///< most mean KL divergence, in nats
  unsigned threads = 0;            ///< 0: one per core
  std::string runtimeDir;          ///< folder with <target>/libgemcut_rt.a
  std::string sysroot;             ///< prefix of the C and C++ libraries
};

struct InspectOptions {
  /// Checkpoint directory, .safetensors, config.json, or what compile wrote.
  std::string subject;
  PlanOptions plan;
  bool tensors = false; ///< list every tensor
  bool json = false;
};

struct QuantizeReportOptions {
  CompileOptions compile; ///< model, recipe and calibration
  std::string text;       ///< to compare with the bf16 form; empty: none
  bool json = false;
};

struct ExplainOptions {
  std::string file;  ///< an executable of gemcut compile
  std::string entry; ///< "decode", ...; empty: decode and prefill
  int64_t depth = 0; ///< tokens of context in front of the step
  int64_t rows = 0;  ///< tokens of the step or prompt; 0: 1, or 512 of a prompt
  std::string svg;   ///< file of the roofline plot; empty: none
  bool all = false;  ///< every stage of every layer
  bool mayRun = true;
  int64_t repetitions = 10;
  int64_t threads = 0;       ///< 0: the executable's default
  std::string level;         ///< empty: the best
  std::string format = "md"; ///< "md", "csv" or "json"
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_OPTIONS_H
