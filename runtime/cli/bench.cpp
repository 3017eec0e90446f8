//===- bench.cpp - The `bench` command ------------------------------------===//
//
// Rows and names follow llama-bench: a row per test, either a prompt of
// n_prompt tokens or n_gen single-token steps, each behind n_depth tokens;
// tokens are arbitrary and none is sampled. Steps alternate with plain reads of
// the weights, so that both see the same machine.
//
//===----------------------------------------------------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/bench_report.h"
#include "runtime/cli/ids.h"
#include "runtime/cli/log_softmax.h"
#include "runtime/cli/read_bandwidth.h"
#include "runtime/core/clock.h"
#include "runtime/core/error.h"
#include "runtime/session/random.h"

#include <algorithm>
#include <cstring>
#include <sys/resource.h>

using namespace gemcut;
using namespace gemcut::cli;

namespace {

struct BenchOptions {
  int prompt = 512, tokens = 128, repetitions = 5;
  std::vector<int32_t> depths = {0};
  const char *format = "md";
};

class Bench {
public:
  Bench(App &app, const BenchOptions &options) : app(app), options(options) {}

  gemcut_status run(BenchReport &report);

private:
  gemcut_status fillDepth(int32_t depth);
  gemcut_status runPrompt(int32_t depth, BenchRow &row);
  gemcut_status runTokens(int32_t depth, BenchRow &row);
  gemcut_status warmUp();
  void measureRead();
  int32_t makeId() {
    return int32_t(random.next() % uint32_t(gemcut_model.vocab_size));
  }

  App &app;
  const BenchOptions &options;
  Pcg32 random{1};
  double readGbps = 0;
  std::vector<uint64_t> promptLayerRows;
};

} // namespace

gemcut_status Bench::fillDepth(int32_t depth) {
  if (gemcut_status status = app.session.reset(/*slot=*/0))
    return status;
  if (depth == 0)
    return GEMCUT_OK;
  std::vector<int32_t> ids(size_t(depth), 0);
  for (int32_t &id : ids)
    id = makeId();
  float *logits;
  return app.session.prefill(/*slot=*/0, ids.data(), ids.size(), logits);
}

gemcut_status Bench::runPrompt(int32_t depth, BenchRow &row) {
  if (gemcut_status status = fillDepth(depth))
    return status;
  std::vector<int32_t> ids(size_t(options.prompt), 0);
  for (int repetition = 0; repetition < options.repetitions; ++repetition) {
    for (int32_t &id : ids)
      id = makeId();
    app.session.rewindForTiming(/*slot=*/0, size_t(depth));
    app.session.clearLayerRows();
    float *logits;
    double start = seconds();
    if (gemcut_status status =
            app.session.prefill(/*slot=*/0, ids.data(), ids.size(), logits))
      return status;
    row.seconds.push_back(seconds() - start);
    getArgmax(logits, size_t(gemcut_model.vocab_size));
    row.firstTokenSeconds.push_back(seconds() - start);
  }
  const uint64_t *rows = app.session.getLayerRows();
  promptLayerRows.assign(rows, rows + gemcut_model.layers);
  return GEMCUT_OK;
}

void Bench::measureRead() {
  // The tables of which single rows are read come first in the weight section,
  // so the last bytes are those that every token reads.
  size_t bytes = size_t(
      std::min(gemcut_model.weight_bytes_per_token, gemcut_model.weight_bytes));
  if (bytes == 0)
    return;
  const Section *weights = app.artifact.find(GEMCUT_SECTION_WEIGHTS);
  size_t offset = (weights->length - bytes) / 64 * 64;
  double total = 0;
  do { // a small model takes several passes
    double time =
        timeRead(app.session.getTeam(), weights->data + offset, bytes);
    readGbps = std::max(readGbps, double(bytes) * 1e-9 / time);
    total += time;
  } while (total < 0.02);
}

gemcut_status Bench::runTokens(int32_t depth, BenchRow &row) {
  if (gemcut_status status = fillDepth(depth))
    return status;
  const int32_t slot = 0;
  for (int repetition = 0; repetition < options.repetitions; ++repetition) {
    app.session.rewindForTiming(slot, size_t(depth));
    double start = seconds();
    for (int i = 0; i < options.tokens; ++i) {
      int32_t id = makeId();
      float *logits;
      if (gemcut_status status = app.session.decode(&slot, &id, 1, logits))
        return status;
    }
    row.seconds.push_back(seconds() - start);
    measureRead();
  }
  return GEMCUT_OK;
}

gemcut_status Bench::warmUp() {
  if (gemcut_status status = fillDepth(std::min(app.session.getPrefillChunk(),
                                                app.session.getContext() - 1)))
    return status;
  const int32_t slot = 0;
  int32_t id = makeId();
  float *logits;
  gemcut_status status = app.session.decode(&slot, &id, 1, logits);
  measureRead();
  readGbps = 0; // this read may have come from the disk
  return status;
}

gemcut_status Bench::run(BenchReport &report) {
  for (int32_t depth : options.depths) {
    int64_t needed = int64_t(depth) + std::max(options.prompt, options.tokens);
    if (needed > app.session.getContext())
      return fail(GEMCUT_CONTEXT_FULL,
                  "a depth of %d with %d more tokens needs %lld positions, but "
                  "the context has %d",
                  depth, std::max(options.prompt, options.tokens),
                  (long long)needed, app.session.getContext());
  }
  if (gemcut_status status = warmUp())
    return status;
  for (int32_t depth : options.depths) {
    if (options.prompt > 0) {
      BenchRow row = {options.prompt, 0, depth};
      if (gemcut_status status = runPrompt(depth, row))
        return status;
      report.rows.push_back(row);
    }
    if (options.tokens > 0) {
      BenchRow row = {0, options.tokens, depth};
      if (gemcut_status status = runTokens(depth, row))
        return status;
      report.rows.push_back(row);
    }
  }
  if (readGbps == 0)
    for (int i = 0; i < options.repetitions; ++i)
      measureRead();
  report.readGbps = readGbps;
  report.promptLayerRows = promptLayerRows;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  report.peakRss = uint64_t(usage.ru_maxrss) * 1024;
  return GEMCUT_OK;
}

static gemcut_status bench(const CommonOptions &common, BenchOptions &options,
                           bool wasPromptGiven, bool wasTokensGiven) {
  BenchReport report;
  App app;
  if (gemcut_status status = app.openSession(common))
    return status;
  report.startSeconds = seconds() - startSeconds;
  // What nobody asked for is made to fit a small context.
  if (!wasPromptGiven)
    options.prompt = std::min(options.prompt, app.session.getContext());
  if (!wasTokensGiven)
    options.tokens = std::min(options.tokens, app.session.getContext());
  report.level = app.session.getLevel().name;
  report.threads = app.session.getTeam().threads();
  if (gemcut_status status = Bench(app, options).run(report))
    return status;
  if (strcmp(options.format, "json") == 0)
    printJson(report);
  else if (strcmp(options.format, "csv") == 0)
    printCsv(report);
  else
    printMarkdown(report);
  return GEMCUT_OK;
}

int cli::runBench(int argc, char **argv) {
  CommonOptions common;
  BenchOptions options;
  const char *depths = nullptr;
  Flags flags(
      "bench [-p N] [-n N] [-d LIST] [-r N] [-o md|csv|json]",
      "Measures the speed of prompts and of single tokens, the time to "
      "the first token, memory, and how fast this machine reads the same "
      "weights without computing. Fields are named as llama-bench names "
      "them.");
  flags.group("Tests");
  flags.add(options.prompt, "prompt", 'p', "N",
            "Runs prompts of N tokens; 0 leaves them out.", 0, INT32_MAX);
  flags.add(options.tokens, "tokens", 'n', "N",
            "Runs N single-token steps; 0 leaves them out.", 0, INT32_MAX);
  flags.add(depths, "depth", 'd', "LIST",
            "Does so behind this many tokens, for each number of the list.",
            "0");
  flags.add(options.repetitions, "repetitions", 'r', "N",
            "Repeats every test N times.", 1, 1000);
  flags.add(options.format, "output", 'o', "FORMAT", "Prints md, csv or json.");
  common.addSessionFlags(flags);
  common.addPrefillFlags(flags);
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (strcmp(options.format, "md") != 0 && strcmp(options.format, "csv") != 0 &&
      strcmp(options.format, "json") != 0)
    return exitCode(flags.usage("--output is '%s', but must be md, csv or json",
                                options.format));
  if (depths && parseIds(depths, options.depths))
    return exitCode(flags.usage("--depth is '%s', but must be a list of whole "
                                "numbers such as 0,4096",
                                depths));
  return finish(bench(common, options, flags.wasGiven("prompt"),
                      flags.wasGiven("tokens")));
}
