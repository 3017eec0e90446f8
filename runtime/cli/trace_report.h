//===- trace_report.h - Results of `trace` and their JSON -------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_TRACE_REPORT_H
#define GEMCUT_RUNTIME_CLI_TRACE_REPORT_H

#include <cstdint>
#include <string>
#include <vector>

namespace gemcut::cli {

/// A quantity with one thread and with all of them.
struct Scaling {
  double one = 0, all = 0;
};

/// What the machine can do, in units of the JSON.
struct TraceLimits {
  Scaling readGbps, int8Gmacs, bf16Gmacs, f32Gmacs;
  double barrierMicroseconds = 0;
};

/// One call into generated code.
struct TracedStep {
  const char *entry;
  int position, rows;
};

/// Steps that were run and traced together, several times. The intervals are,
/// of each step, one up to each barrier and one to the step's end; in front of
/// each step but the first, one for the time between steps.
struct TracedSteps {
  const char *name;
  std::vector<TracedStep> steps;
  std::vector<std::vector<double>> intervals; // (repetitions, intervals), us
  uint64_t touchedBytes = 0;                  // of weights; 0: not known
};

struct TraceReport {
  std::string level;
  int threads = 0, repetitions = 0;
  TraceLimits limits;
  std::vector<TracedSteps> runs;
};

/// What `gemcut explain` reads (compiler/Explain/Trace.h).
std::string formatJson(const TraceReport &report);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_TRACE_REPORT_H
