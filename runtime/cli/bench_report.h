//===- bench_report.h - Results of `bench` and their forms ------*- C++ -*-===//
//
// What the columns mean is written once, in kBenchColumns, which `bench --help`
// prints.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CLI_BENCH_REPORT_H
#define GEMCUT_RUNTIME_CLI_BENCH_REPORT_H

#include "runtime/cli/machine.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gemcut::cli {

/// The name of each CSV column and JSON member and what it means.
struct BenchColumn {
  const char *name, *meaning;
};
extern const std::vector<BenchColumn> kBenchColumns;

/// One test: a prompt (nGen 0) or nGen steps of nRows tokens each (nPrompt 0)
/// behind nDepth tokens.
struct BenchRow {
  int32_t threads = 0, nPrompt = 0, nGen = 0, nRows = 1, nDepth = 0;
  std::vector<double> seconds;           // per repetition
  std::vector<double> firstTokenSeconds; // prompts only
  std::vector<double> readGbps;          // steps only; 1e9 bytes per second
  uint64_t kvBytes = 0;                  // of the KV caches, resident
  ProcessMemory memory;                  // behind the last repetition
  std::vector<uint64_t> layerRows;       // (layers,), of one prompt

  int32_t getTokens() const { return nPrompt + nGen * nRows; }
};

struct BenchReport {
  std::string model, quantization, level;
  uint64_t modelBytes = 0, bytesPerToken = 0;
  Machine machine;
  double startSeconds = 0, startToTokenSeconds = 0;
  std::vector<BenchRow> rows;
};

/// Mean, sample standard deviation and best of tokens per second.
struct Speed {
  double mean, deviation, best;
};
Speed getSpeed(const BenchRow &row);

/// "pp512", "tg128", with several rows "tg32x4", behind tokens "tg128 @ d4096".
std::string getTestName(const BenchRow &row);

std::string formatJson(const BenchReport &report);
/// RFC 4180, with a header line; samples are in JSON only.
std::string formatCsv(const BenchReport &report);
std::string formatMarkdown(const BenchReport &report);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_BENCH_REPORT_H
