//===- bench.cpp - The `bench` command ------------------------------------===//
//
// Tests are named as llama-bench names them: a prompt of n_prompt tokens, or
// n_gen steps of n_rows tokens each, behind n_depth tokens; tokens are
// arbitrary and none is sampled.
//
// Nothing is favoured by its place: everything runs once before the clock does,
// the tests of one depth take turns, in opposite order from one repetition to
// the next, and plain reads of the weights follow each test of steps, so that
// both see the same machine.
//
//===----------------------------------------------------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/bench_report.h"
#include "runtime/cli/ids.h"
#include "runtime/cli/read_bandwidth.h"
#include "runtime/core/clock.h"
#include "runtime/core/error.h"
#include "runtime/session/log_softmax.h"
#include "runtime/session/random.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

using namespace gemcut;
using namespace gemcut::cli;

using Numbers = std::vector<int32_t>;

namespace {

struct BenchOptions {
  Numbers prompts = {512}, tokens = {128}, rows = {1}, depths = {0};
  Numbers threads = {0}; // 0: the default
  int repetitions = 5;
  const char *format = "md";
};

/// The tests of one number of threads.
class Bench {
public:
  Bench(App &app, const BenchOptions &options) : app(app), options(options) {}

  /// The first step of the process.
  gemcut_status runFirstToken(double &secondsSinceExec);
  gemcut_status run(std::vector<BenchRow> &rows);

private:
  std::vector<BenchRow> makeTests(int32_t depth) const;
  gemcut_status checkContext() const;
  gemcut_status fillDepth(int32_t depth);
  gemcut_status warmUp();
  gemcut_status runOnce(BenchRow &test);
  gemcut_status runPrompt(BenchRow &test);
  gemcut_status runSteps(BenchRow &test);
  void measureRead(BenchRow &test);
  Numbers makeIds(size_t count);

  App &app;
  const BenchOptions &options;
  Pcg32 random{1};
};

} // namespace

Numbers Bench::makeIds(size_t count) {
  Numbers ids(count, 0);
  for (int32_t &id : ids)
    id = int32_t(random.next() % uint32_t(gemcut_model.vocab_size));
  return ids;
}

std::vector<BenchRow> Bench::makeTests(int32_t depth) const {
  std::vector<BenchRow> tests;
  auto add = [&](int32_t prompt, int32_t steps, int32_t rows) {
    BenchRow test;
    test.threads = app.session.getTeam().threads();
    test.nPrompt = prompt;
    test.nGen = steps;
    test.nRows = rows;
    test.nDepth = depth;
    if (test.getTokens() > 0)
      tests.push_back(test);
  };
  for (int32_t prompt : options.prompts)
    add(prompt, 0, 1);
  for (int32_t steps : options.tokens)
    for (int32_t rows : options.rows)
      add(0, steps, rows);
  return tests;
}

gemcut_status Bench::checkContext() const {
  for (int32_t rows : options.rows)
    if (rows < 1 || rows > gemcut_model.decode_max_rows)
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "--rows is %d, but a step of this executable has 1 to %d "
                  "rows",
                  rows, gemcut_model.decode_max_rows);
  for (int32_t depth : options.depths)
    for (const BenchRow &test : makeTests(depth)) {
      int64_t tokens =
          int64_t(test.nPrompt) + int64_t(test.nGen) * int64_t(test.nRows);
      if (depth + tokens > app.session.getContext())
        return fail(GEMCUT_CONTEXT_FULL,
                    "%s needs %lld positions, but the context has %d",
                    getTestName(test).c_str(), (long long)(depth + tokens),
                    app.session.getContext());
    }
  return GEMCUT_OK;
}

gemcut_status Bench::fillDepth(int32_t depth) {
  if (gemcut_status status = app.session.reset(/*slot=*/0))
    return status;
  if (depth == 0)
    return GEMCUT_OK;
  Numbers ids = makeIds(size_t(depth));
  float *logits;
  return app.session.prefill(/*slot=*/0, ids.data(), ids.size(), logits);
}

gemcut_status Bench::runFirstToken(double &secondsSinceExec) {
  if (gemcut_status status = fillDepth(0))
    return status;
  Numbers ids = makeIds(1);
  float *logits;
  if (gemcut_status status =
          app.session.prefill(/*slot=*/0, ids.data(), ids.size(), logits))
    return status;
  getArgmax(logits, size_t(gemcut_model.vocab_size));
  secondsSinceExec = seconds() - startSeconds;
  return GEMCUT_OK;
}

gemcut_status Bench::runPrompt(BenchRow &test) {
  Numbers ids = makeIds(size_t(test.nPrompt));
  app.session.clearLayerRows();
  float *logits;
  double start = seconds();
  if (gemcut_status status =
          app.session.prefill(/*slot=*/0, ids.data(), ids.size(), logits))
    return status;
  test.seconds.push_back(seconds() - start);
  getArgmax(logits, size_t(gemcut_model.vocab_size));
  test.firstTokenSeconds.push_back(seconds() - start);
  const uint64_t *layerRows = app.session.getLayerRows();
  test.layerRows.assign(layerRows, layerRows + gemcut_model.layers);
  return GEMCUT_OK;
}

gemcut_status Bench::runSteps(BenchRow &test) {
  const Numbers slots(size_t(test.nRows), 0);
  Numbers ids = makeIds(size_t(test.getTokens()));
  double start = seconds();
  for (int32_t step = 0; step < test.nGen; ++step) {
    float *logits;
    if (gemcut_status status =
            app.session.decode(slots.data(), &ids[size_t(step) * slots.size()],
                               slots.size(), logits))
      return status;
  }
  test.seconds.push_back(seconds() - start);
  measureRead(test);
  return GEMCUT_OK;
}

void Bench::measureRead(BenchRow &test) {
  // The tables of which single rows are read come first in the weight section,
  // so the last bytes are those that every token reads.
  size_t bytes = size_t(
      std::min(gemcut_model.weight_bytes_per_token, gemcut_model.weight_bytes));
  if (bytes == 0)
    return;
  const Section *weights = app.artifact.find(GEMCUT_SECTION_WEIGHTS);
  size_t offset = (weights->length - bytes) / 64 * 64;
  double total = 0, best = 0;
  do { // a small model takes several passes
    double time =
        timeRead(app.session.getTeam(), weights->data + offset, bytes);
    best = std::max(best, double(bytes) * 1e-9 / time);
    total += time;
  } while (total < 0.02);
  test.readGbps.push_back(best);
}

gemcut_status Bench::runOnce(BenchRow &test) {
  app.session.rewindForTiming(/*slot=*/0, size_t(test.nDepth));
  if (gemcut_status status = test.nPrompt ? runPrompt(test) : runSteps(test))
    return status;
  test.memory = readProcessMemory();
  test.kvBytes = app.session.countResidentKv();
  return GEMCUT_OK;
}

/// Runs each kind of step once: pages of weights and buffers are touched, and
/// the clock of the CPU rises.
gemcut_status Bench::warmUp() {
  if (gemcut_status status = fillDepth(0))
    return status;
  int32_t most =
      std::min(app.session.getPrefillChunk(), app.session.getContext());
  for (BenchRow &test : makeTests(/*depth=*/0)) {
    test.nPrompt = std::min(test.nPrompt, most);
    test.nGen = std::min(test.nGen, 2);
    if (gemcut_status status = runOnce(test))
      return status;
  }
  return GEMCUT_OK;
}

gemcut_status Bench::run(std::vector<BenchRow> &rows) {
  if (gemcut_status status = checkContext())
    return status;
  if (gemcut_status status = warmUp())
    return status;
  for (int32_t depth : options.depths) {
    if (gemcut_status status = fillDepth(depth))
      return status;
    std::vector<BenchRow> tests = makeTests(depth);
    for (int turn = 0; turn < options.repetitions; ++turn)
      for (size_t i = 0; i < tests.size(); ++i)
        if (gemcut_status status =
                runOnce(tests[turn % 2 ? tests.size() - 1 - i : i]))
          return status;
    rows.insert(rows.end(), tests.begin(), tests.end());
  }
  return GEMCUT_OK;
}

/// Makes what nobody asked for fit a small context.
static void shrink(Numbers &numbers, bool wasGiven, int32_t most) {
  if (!wasGiven)
    for (int32_t &number : numbers)
      number = std::min(number, most);
}

static gemcut_status bench(CommonOptions &common, BenchOptions &options,
                           bool wasPromptGiven, bool wasTokensGiven) {
  BenchReport report;
  report.machine = describeMachine();
  report.model = gemcut_model.name;
  report.quantization = gemcut_model.quantization;
  report.modelBytes = gemcut_model.weight_bytes;
  report.bytesPerToken = gemcut_model.weight_bytes_per_token;
  bool isFirst = true;
  for (int32_t threads : options.threads) {
    App app;
    common.session.threads = threads;
    if (gemcut_status status = app.openSession(common))
      return status;
    Bench bench(app, options);
    if (isFirst) {
      report.startSeconds = seconds() - startSeconds;
      if (gemcut_status status =
              bench.runFirstToken(report.startToTokenSeconds))
        return status;
      report.level = app.session.getLevel().name;
      shrink(options.prompts, wasPromptGiven, app.session.getContext());
      shrink(options.tokens, wasTokensGiven, app.session.getContext());
    }
    isFirst = false;
    if (gemcut_status status = bench.run(report.rows))
      return status;
  }
  std::string text = strcmp(options.format, "json") == 0 ? formatJson(report)
                     : strcmp(options.format, "csv") == 0
                         ? formatCsv(report)
                         : formatMarkdown(report);
  fputs(text.c_str(), stdout);
  return GEMCUT_OK;
}

/// "Columns: ..." for the help text.
static std::string describeColumns() {
  std::string text;
  for (const BenchColumn &column : kBenchColumns)
    text += std::string(column.name) + ": " + column.meaning + ".\n";
  return text;
}

int cli::runBench(int argc, char **argv) {
  CommonOptions common;
  BenchOptions options;
  struct List {
    const char *name, *text;
    Numbers &numbers;
    int32_t least, most;
  };
  List lists[] = {{"prompt", nullptr, options.prompts, 0, INT32_MAX},
                  {"tokens", nullptr, options.tokens, 0, INT32_MAX},
                  {"rows", nullptr, options.rows, 1, INT32_MAX},
                  {"depth", nullptr, options.depths, 0, INT32_MAX},
                  {"threads", nullptr, options.threads, 1, kMaxThreads}};
  Flags flags(
      "bench [-p LIST] [-n LIST] [-d LIST] [-r N] [flags]",
      "Measures the speed of prompts and of single steps, the time to the "
      "first token, memory, and how fast this machine reads the same weights "
      "without computing. A LIST is whole numbers separated by commas; every "
      "combination is a test. All tests of a depth run once untimed, then take "
      "turns.");
  flags.group("Tests");
  flags.add(lists[0].text, "prompt", 'p', "LIST",
            "Runs prompts of that many tokens; 0 leaves them out.", "512");
  flags.add(lists[1].text, "tokens", 'n', "LIST",
            "Runs that many steps, one after the other; 0 leaves them out.",
            "128");
  flags.add(lists[2].text, "rows", 0, "LIST",
            "Runs that many tokens in each step.", "1");
  flags.add(lists[3].text, "depth", 'd', "LIST",
            "Does so behind this many tokens.", "0");
  flags.add(options.repetitions, "repetitions", 'r', "N",
            "Repeats every test N times.", 1, 1000);
  flags.add(options.format, "output", 'o', "FORMAT", "Prints md, csv or json.");
  common.addSessionFlags(flags, &lists[4].text);
  common.addPrefillFlags(flags);
  std::string columns = describeColumns();
  flags.note("Columns of csv and members of json", columns.c_str());
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (strcmp(options.format, "md") != 0 && strcmp(options.format, "csv") != 0 &&
      strcmp(options.format, "json") != 0)
    return exitCode(flags.usage("--output is '%s', but must be md, csv or json",
                                options.format));
  for (const List &list : lists) {
    if (!list.text)
      continue;
    bool isValid = parseIds(list.text, list.numbers) == GEMCUT_OK;
    for (int32_t number : list.numbers)
      isValid &= number >= list.least && number <= list.most;
    if (!isValid && list.most < INT32_MAX)
      return exitCode(flags.usage("--%s is '%s', but must be a list of whole "
                                  "numbers from %d to %d such as 1,2",
                                  list.name, list.text, list.least, list.most));
    if (!isValid)
      return exitCode(flags.usage("--%s is '%s', but must be a list of whole "
                                  "numbers from %d on such as 1,4096",
                                  list.name, list.text, list.least));
  }
  auto isZero = [](int32_t number) { return number == 0; };
  if (std::all_of(options.prompts.begin(), options.prompts.end(), isZero) &&
      std::all_of(options.tokens.begin(), options.tokens.end(), isZero))
    return exitCode(flags.usage("--prompt and --tokens are both 0, which "
                                "leaves nothing to measure"));
  return finish(bench(common, options, flags.wasGiven("prompt"),
                      flags.wasGiven("tokens")));
}
