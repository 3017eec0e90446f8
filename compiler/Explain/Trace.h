//===- Trace.h - What an executable measured about its steps ----*- C++ -*-===//
//
// The output of a produced executable's `trace` command
// (runtime/cli/trace.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_EXPLAIN_TRACE_H
#define GEMCUT_COMPILER_EXPLAIN_TRACE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gemcut::explain {

/// A quantity with one thread and with all threads; 0: not known.
struct Scaling {
  double one = 0, all = 0;
};

/// What the machine can do at best.
struct Limits {
  int64_t threads = 1;
  Scaling readGbps;                       ///< 10^9 bytes per second
  Scaling int8Gmacs, bf16Gmacs, f32Gmacs; ///< 10^9 MACs per second
  double barrierMicroseconds = 0;         ///< all threads
};

/// One call of an entry point: `rows` tokens from `position` on.
struct Step {
  std::string entry;
  int64_t position = 0, rows = 0;
};

/// Steps that ran together, several times. Between the barriers of all of them
/// lie intervals: per step one for each barrier of its stages and one to its
/// end, and one between neighbouring steps.
struct TracedRun {
  std::string name;
  std::vector<Step> steps;
  std::vector<double> totals;       ///< microseconds of each repetition
  std::vector<double> best, median; ///< microseconds of each interval
  int64_t touchedWeightBytes = 0;   ///< of pages; 0: not known
};

struct Trace {
  std::string level;
  int64_t repetitions = 0;
  Limits limits;
  std::vector<TracedRun> runs;
};

/// Errors: text that is not JSON; a missing member or one of another type.
llvm::Expected<Trace> readTrace(llvm::StringRef text);

} // namespace gemcut::explain

#endif // GEMCUT_COMPILER_EXPLAIN_TRACE_H
