//===- trace.cpp - The `trace` command ------------------------------------===//
//
// Times every stage of a step, and the limits of the machine beside it:
// `gemcut explain` joins both with what the compiler knows about the stages.
// Tokens are arbitrary and none is sampled.
//
//===----------------------------------------------------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/instruction_rate.h"
#include "runtime/cli/read_bandwidth.h"
#include "runtime/cli/touched_pages.h"
#include "runtime/cli/trace_report.h"
#include "runtime/core/clock.h"
#include "runtime/core/error.h"
#include "runtime/session/random.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::cli;

namespace {

struct TraceOptions {
  int decodeRows = 1, prefillTokens = 512, scoreTokens = 0;
  int depth = 0, repetitions = 10;
};

class Tracer {
public:
  Tracer(App &app, const TraceOptions &options) : app(app), options(options) {}

  gemcut_status run();
  const TraceReport &getReport() const { return report; }

private:
  gemcut_status check() const;

  gemcut_status addSteps(const char *name, std::vector<TracedStep> steps,
                         gemcut_status (Tracer::*call)());
  gemcut_status measureTouched();
  void measureRead(Team &team, double &gbps);
  void measureLimits();
  std::vector<TracedStep> splitPrompt(int chunk, const char *last,
                                      const char *others) const;

  gemcut_status decode();
  gemcut_status prefill();
  gemcut_status score();

  App &app;
  const TraceOptions &options;
  Team oneThread;
  std::vector<int32_t> ids;
  TraceReport report;
};

} // namespace

gemcut_status Tracer::decode() {
  const std::vector<int32_t> slots(size_t(options.decodeRows), 0);
  float *logits;
  return app.session.decode(slots.data(), ids.data(), slots.size(), logits);
}

gemcut_status Tracer::prefill() {
  float *logits;
  return app.session.prefill(/*slot=*/0, ids.data(),
                             size_t(options.prefillTokens), logits);
}

gemcut_status Tracer::score() {
  auto ignore = [](void *, size_t, const float *) { return GEMCUT_OK; };
  return app.session.score(/*slot=*/0, ids.data(), size_t(options.scoreTokens),
                           ignore, nullptr);
}

gemcut_status Tracer::check() const {
  int rows = std::max(
      {options.decodeRows, options.prefillTokens, options.scoreTokens});
  if (options.depth + int64_t(rows) > app.session.getContext())
    return fail(GEMCUT_CONTEXT_FULL,
                "a depth of %d with %d more tokens needs %lld positions, but "
                "the context has %d",
                options.depth, rows, (long long)options.depth + rows,
                app.session.getContext());
  if (options.decodeRows > gemcut_model.decode_max_rows)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "a decode step has %d rows, but 1 to %d are possible",
                options.decodeRows, gemcut_model.decode_max_rows);
  return GEMCUT_OK;
}

/// Reads the bytes that a decode step reads; see bench.cpp.
void Tracer::measureRead(Team &team, double &gbps) {
  size_t bytes = size_t(
      std::min(gemcut_model.weight_bytes_per_token, gemcut_model.weight_bytes));
  if (bytes == 0)
    return;
  const Section *weights = app.artifact.find(GEMCUT_SECTION_WEIGHTS);
  size_t offset = (weights->length - bytes) / 64 * 64;
  double total = 0;
  do { // a small model takes several passes
    double time = timeRead(team, weights->data + offset, bytes);
    gbps = std::max(gbps, double(bytes) * 1e-9 / time);
    total += time;
  } while (total < 0.01);
}

/// Passes `rows` stages that hold nothing but a chunk per thread.
static void passStages(const gemcut_step *step, int64_t thread) {
  for (int64_t i = 0; i < step->rows; ++i) {
    while (gemcut_team_claim(step->team, thread, step->team->threads) >= 0)
      continue;
    gemcut_team_barrier(step->team, thread);
  }
}

void Tracer::measureLimits() {
  Team &team = app.session.getTeam();
  const char *features = app.session.getLevel().features;
  auto rate = [&](Arithmetic arithmetic) {
    return Scaling{measureMacRate(oneThread, arithmetic, features) * 1e-9,
                   measureMacRate(team, arithmetic, features) * 1e-9};
  };
  report.limits.int8Gmacs = rate(Arithmetic::Int8);
  report.limits.bf16Gmacs = rate(Arithmetic::Bf16);
  report.limits.f32Gmacs = rate(Arithmetic::F32);
  gemcut_step step = {};
  step.team = team.state();
  step.rows = 100;
  for (int i = 0; i < 20; ++i) {
    double start = seconds();
    team.run(passStages, &step);
    double each = (seconds() - start) * 1e6 / double(step.rows);
    report.limits.barrierMicroseconds =
        i ? std::min(report.limits.barrierMicroseconds, each) : each;
  }
}

/// Times between neighbouring marks of a trace, in microseconds; see
/// TracedSteps.
static std::vector<double> getIntervals(const Trace &trace) {
  std::vector<double> intervals;
  auto add = [&](int64_t from, int64_t to) {
    intervals.push_back(double(to - from) * 1e-3);
  };
  const int64_t *stageEnd = trace.stageEnds;
  for (int64_t i = 0; i < trace.runCount; ++i) {
    const Trace::Run &run = trace.runs[i];
    if (i)
      add(trace.runs[i - 1].end, run.begin);
    int64_t before = run.begin;
    for (int64_t stage = 0; stage < run.stages; ++stage) {
      add(before, *stageEnd);
      before = *stageEnd++;
    }
    add(before, run.end);
  }
  return intervals;
}

gemcut_status Tracer::addSteps(const char *name, std::vector<TracedStep> steps,
                               gemcut_status (Tracer::*call)()) {
  TracedSteps traced = {name, std::move(steps), {}};
  Team &team = app.session.getTeam();
  std::vector<Trace::Run> runs(traced.steps.size());
  std::vector<int64_t> stageEnds;
  // The first repetition warms up and counts the stages.
  for (int repetition = -1; repetition < options.repetitions; ++repetition) {
    app.session.rewindForTiming(/*slot=*/0, size_t(options.depth));
    Trace trace;
    trace.runs = runs.data();
    trace.runCapacity = int64_t(runs.size());
    trace.stageEnds = stageEnds.data();
    trace.stageCapacity = int64_t(stageEnds.size());
    team.state()->trace = &trace;
    gemcut_status status = (this->*call)();
    team.state()->trace = nullptr;
    if (status)
      return status;
    measureRead(team, report.limits.readGbps.all);
    if (repetition < 0)
      stageEnds.resize(size_t(trace.stageCount));
    else
      traced.intervals.push_back(getIntervals(trace));
  }
  report.runs.push_back(std::move(traced));
  return GEMCUT_OK;
}

/// The step that the repetitions have just run once more, with page tables that
/// have forgotten them.
gemcut_status Tracer::measureTouched() {
  const Section *weights = app.artifact.find(GEMCUT_SECTION_WEIGHTS);
  app.session.rewindForTiming(/*slot=*/0, size_t(options.depth));
  if (!clearTouchedPages(weights->data, weights->length))
    return GEMCUT_OK;
  if (gemcut_status status = decode())
    return status;
  uint64_t bytes;
  if (countTouchedBytes(weights->data, weights->length, bytes))
    report.runs.back().touchedBytes = bytes;
  return GEMCUT_OK;
}

std::vector<TracedStep> Tracer::splitPrompt(int chunk, const char *last,
                                            const char *others) const {
  std::vector<TracedStep> steps;
  int count = last == others ? options.scoreTokens : options.prefillTokens;
  for (int at = 0; at < count; at += chunk)
    steps.push_back({at + chunk >= count ? last : others, options.depth + at,
                     std::min(chunk, count - at)});
  return steps;
}

gemcut_status Tracer::run() {
  if (gemcut_status status = check())
    return status;
  report.level = app.session.getLevel().name;
  report.threads = app.session.getTeam().threads();
  report.repetitions = options.repetitions;
  Pcg32 random{1};
  int rows = std::max({options.decodeRows, options.prefillTokens,
                       options.scoreTokens, options.depth});
  for (int i = 0; i < rows; ++i)
    ids.push_back(int32_t(random.next() % uint32_t(gemcut_model.vocab_size)));
  if (gemcut_status status = oneThread.start(1, /*cores=*/1))
    return status;
  if (gemcut_status status = app.session.reset(/*slot=*/0))
    return status;
  float *logits;
  if (options.depth)
    if (gemcut_status status = app.session.prefill(
            /*slot=*/0, ids.data(), size_t(options.depth), logits))
      return status;

  measureLimits();
  if (options.decodeRows) {
    if (gemcut_status status =
            addSteps("decode", {{"decode", options.depth, options.decodeRows}},
                     &Tracer::decode))
      return status;
    if (gemcut_status status = measureTouched())
      return status;
  }
  if (options.prefillTokens)
    if (gemcut_status status = addSteps(
            "prefill",
            splitPrompt(app.session.getPrefillChunk(), "prefill", "extend"),
            &Tracer::prefill))
      return status;
  if (options.scoreTokens) {
    const char *entry = "score";
    if (gemcut_status status = addSteps(
            entry, splitPrompt(app.session.getScoreChunk(), entry, entry),
            &Tracer::score))
      return status;
  }
  // After the steps, so that no page is read from the disk.
  for (int i = 0; i < 3; ++i)
    measureRead(oneThread, report.limits.readGbps.one);
  return GEMCUT_OK;
}

static gemcut_status trace(const CommonOptions &common, TraceOptions &options,
                           bool wasPrefillGiven) {
  App app;
  if (gemcut_status status = app.openSession(common))
    return status;
  // What nobody asked for is made to fit a small context.
  if (!wasPrefillGiven)
    options.prefillTokens = std::clamp(app.session.getContext() - options.depth,
                                       0, options.prefillTokens);
  Tracer tracer(app, options);
  if (gemcut_status status = tracer.run())
    return status;
  printf("%s\n", formatJson(tracer.getReport()).c_str());
  return GEMCUT_OK;
}

int cli::runTrace(int argc, char **argv) {
  CommonOptions common;
  TraceOptions options;
  Flags flags("trace [--decode N] [--prefill N] [--score N] [-d N] [-r N]",
              "Times every stage between its barriers, and what this machine "
              "can read and multiply. Prints JSON, which `gemcut explain` "
              "turns into tables.");
  flags.group("Tests");
  flags.add(options.decodeRows, "decode", 0, "N",
            "Runs a decode step of N rows; 0 leaves it out.", 0, INT32_MAX);
  flags.add(options.prefillTokens, "prefill", 0, "N",
            "Runs a prompt of N tokens; 0 leaves it out.", 0, INT32_MAX);
  flags.add(options.scoreTokens, "score", 0, "N",
            "Computes the logits of N tokens; 0 leaves it out.", 0, INT32_MAX);
  flags.add(options.depth, "depth", 'd', "N",
            "Does so behind N tokens of context.", 0, INT32_MAX);
  flags.add(options.repetitions, "repetitions", 'r', "N",
            "Repeats every test N times.", 1, 1000);
  common.addSessionFlags(flags);
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  return finish(trace(common, options, flags.wasGiven("prefill")));
}
