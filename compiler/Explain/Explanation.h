//===- Explanation.h - Where the time of a step goes ------------*- C++ -*-===//
//
// Joins what the compiler knows about the stages of a step with what the
// machine can do and with what was measured.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_EXPLAIN_EXPLANATION_H
#define GEMCUT_COMPILER_EXPLAIN_EXPLANATION_H

#include "compiler/Explain/StageReport.h"
#include "compiler/Explain/Trace.h"

#include <optional>

namespace gemcut::explain {

/// What bounds a stage, as far as the machine's limits predict it.
enum class Bound { Unknown, Memory, Int8, Bf16, F32, Barrier };

/// "memory", "int8", ..., or "" for Unknown.
const char *stringifyBound(Bound bound);

/// What a stage moves and computes in one step.
struct StageLoad {
  double weightBytes = 0; ///< of weights and tables
  double cacheBytes = 0;  ///< of K and V, read
  double bufferBytes = 0; ///< of activations, and K and V written
  double int8Macs = 0, bf16Macs = 0, f32Macs = 0;
  int64_t chunks = 0; ///< that threads can share

  /// What comes from memory: activations stay in caches.
  double memoryBytes() const { return weightBytes + cacheBytes; }
  double macs() const { return int8Macs + bf16Macs + f32Macs; }
  StageLoad &operator+=(const StageLoad &other);
};

/// The load of a stage that `use` describes in `step`.
StageLoad getLoad(const StageKind &kind, const StageUse &use, const Step &step);

struct Prediction {
  double microseconds = 0;
  Bound bound = Bound::Unknown;
};

/// The longest of reading everything at the machine's bandwidth and computing
/// at its instruction rates, as many threads as there are chunks, and the
/// barriers. A bf16 rate that is not known is the f32 rate.
Prediction predict(const StageLoad &load, int64_t barriers,
                   const Limits &limits);

/// One stage of a step, or several that are alike or share a barrier.
struct StageTime {
  std::string name, kernel, shape, partition;
  std::string entry;
  int64_t layer = -1; ///< -1: outside of layers, or several
  int64_t count = 1;  ///< stages
  StageLoad load;
  double predicted = 0; ///< microseconds; 0 without limits
  double measured = 0;  ///< microseconds (best); 0 without a trace
  double median = 0;    ///< microseconds
  Bound bound = Bound::Unknown;
};

/// The stages of the steps that `run` names, in order.
struct Explanation {
  std::string name;
  std::vector<Step> steps;
  std::vector<StageTime> stages;
  StageTime total;     ///< sum of `stages`
  double stepBest = 0; ///< microseconds of all steps; 0 without a trace
  double stepMedian = 0;
  double outside = 0;             ///< microseconds (best) in no stage
  int64_t touchedWeightBytes = 0; ///< as in TracedRun
};

/// Explains the steps of `run`, of which only `steps` and `name` are used where
/// `isMeasured` is false. `limits`: null if not known. Errors: an entry point
/// that the report does not have; more rows than it takes; a trace with another
/// number of barriers than the stages have.
llvm::Expected<Explanation> explain(const StageReport &report,
                                    const TracedRun &run, bool isMeasured,
                                    const Limits *limits);

/// Equal stages as one, those with the most time (or bytes, without times)
/// first.
std::vector<StageTime> groupStages(const Explanation &explanation);

} // namespace gemcut::explain

#endif // GEMCUT_COMPILER_EXPLAIN_EXPLANATION_H
