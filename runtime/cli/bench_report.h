//===- bench_report.h - Results of `bench` and their forms ------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_BENCH_REPORT_H
#define GEMCUT_RUNTIME_CLI_BENCH_REPORT_H

#include <cstdint>
#include <vector>

namespace gemcut::cli {

/// One test: a prompt (nGen 0) or single tokens (nPrompt 0) behind nDepth
/// tokens.
struct BenchRow {
  int32_t nPrompt, nGen, nDepth;
  std::vector<double> seconds = {};           // per repetition
  std::vector<double> firstTokenSeconds = {}; // prompts only
};

struct BenchReport {
  const char *level = "";
  int threads = 0;
  double startSeconds = 0; // from main() to the first step
  double readGbps = 0;     // best, 1e9 bytes per second
  uint64_t peakRss = 0;    // bytes, mapped weights included
  std::vector<BenchRow> rows;
  std::vector<uint64_t> promptLayerRows; // (layers,), of one prompt test
};

/// Mean, sample standard deviation and best of tokens per second.
struct Speed {
  double mean, deviation, best;
};
Speed getSpeed(const BenchRow &row);

// All print to stdout.
void printJson(const BenchReport &report);
void printCsv(const BenchReport &report);
void printMarkdown(const BenchReport &report);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_BENCH_REPORT_H
