//===- Explanation.cpp - Where the time of a step goes --------------------===//

#include "compiler/Explain/Explanation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <functional>
#include <numeric>

using namespace gemcut::explain;

const char *gemcut::explain::stringifyBound(Bound bound) {
  switch (bound) {
  case Bound::Unknown:
    return "";
  case Bound::Memory:
    return "memory";
  case Bound::Int8:
    return "int8";
  case Bound::Bf16:
    return "bf16";
  case Bound::F32:
    return "f32";
  case Bound::Barrier:
    return "barrier";
  }
  llvm_unreachable("all bounds are listed");
}

StageLoad &StageLoad::operator+=(const StageLoad &other) {
  weightBytes += other.weightBytes;
  cacheBytes += other.cacheBytes;
  bufferBytes += other.bufferBytes;
  int8Macs += other.int8Macs;
  bf16Macs += other.bf16Macs;
  f32Macs += other.f32Macs;
  chunks = std::max(chunks, other.chunks);
  return *this;
}

/// Sum over positions first .. first + rows - 1 of the positions each sees.
static double sumVisible(int64_t first, int64_t rows, int64_t window) {
  double sum = 0;
  for (int64_t position = first; position < first + rows; ++position)
    sum += double(window ? std::min(position + 1, window) : position + 1);
  return sum;
}

StageLoad gemcut::explain::getLoad(const StageKind &kind, const StageUse &use,
                                   const Step &step) {
  // Stages that run for fewer rows run for the last ones.
  int64_t rows = use.rows ? use.rows : step.rows;
  int64_t first = step.position + step.rows - rows;
  StageLoad load;
  // Rows may share experts: then fewer are read.
  int64_t experts = std::min(kind.experts, rows * kind.expertsPerRow);
  load.weightBytes = double(kind.weightBytes) +
                     double(kind.expertBytes) * double(experts) +
                     double(kind.tableBytesPerRow) * double(rows);
  load.bufferBytes =
      double(kind.bufferBytesPerRow + kind.cacheWrittenBytesPerRow) *
      double(rows);
  double macs = double(kind.macsPerRow) * double(rows);
  if (kind.cacheReadBytesPerPosition) {
    int64_t oldest =
        kind.window ? std::max<int64_t>(first - kind.window + 1, 0) : 0;
    load.cacheBytes =
        double(kind.cacheReadBytesPerPosition) * double(first + rows - oldest);
    macs +=
        double(kind.macsPerRowPosition) * sumVisible(first, rows, kind.window);
  }
  (kind.arithmetic == "int8"   ? load.int8Macs
   : kind.arithmetic == "bf16" ? load.bf16Macs
                               : load.f32Macs) = macs;
  load.chunks =
      kind.chunks
          ? kind.chunks
          : llvm::divideCeil(rows, std::max<int64_t>(kind.rowsPerBlock, 1)) *
                kind.chunksPerBlock;
  return load;
}

/// The quantity with as many threads as there are chunks, in units of 10^9 per
/// second made 10^3 per microsecond.
static double scale(const Scaling &scaling, int64_t chunks, int64_t threads) {
  if (threads <= 1 || chunks >= threads)
    return scaling.all * 1e3;
  double share = double(std::max<int64_t>(chunks, 1) - 1) / double(threads - 1);
  return (scaling.one + (scaling.all - scaling.one) * share) * 1e3;
}

Prediction gemcut::explain::predict(const StageLoad &load, int64_t barriers,
                                    const Limits &limits) {
  auto time = [&](double amount, const Scaling &scaling) {
    double rate = scale(scaling, load.chunks, limits.threads);
    return rate > 0 ? amount / rate : 0;
  };
  double memory = time(load.memoryBytes() + load.bufferBytes, limits.readGbps);
  bool hasBf16 = limits.bf16Gmacs.all > 0;
  double int8 = time(load.int8Macs, limits.int8Gmacs);
  double bf16 =
      time(load.bf16Macs, hasBf16 ? limits.bf16Gmacs : limits.f32Gmacs);
  double f32 = time(load.f32Macs, limits.f32Gmacs);
  double barrier = double(barriers) * limits.barrierMicroseconds;
  double compute = int8 + bf16 + f32;
  Prediction prediction{std::max(memory, compute) + barrier, Bound::Unknown};
  if (prediction.microseconds == 0)
    return prediction;
  prediction.bound = barrier > std::max(memory, compute) ? Bound::Barrier
                     : memory >= compute                 ? Bound::Memory
                     : int8 >= std::max(bf16, f32)       ? Bound::Int8
                     : bf16 >= f32 && hasBf16            ? Bound::Bf16
                                                         : Bound::F32;
  return prediction;
}

namespace {

/// Makes the stages of all steps of a run.
class Explainer {
public:
  Explainer(const StageReport &report, const TracedRun &run, bool isMeasured,
            const Limits *limits)
      : report(report), run(run), isMeasured(isMeasured), limits(limits) {}

  llvm::Expected<Explanation> explain() {
    out.name = run.name;
    out.steps = run.steps;
    if (llvm::Error error = check())
      return error;
    for (const Step &step : run.steps) {
      if (next)
        ++next; // between steps
      addStep(step);
      ++next; // to the step's end
    }
    out.total.count = 0;
    for (const StageTime &stage : out.stages) {
      out.total.count += stage.count;
      out.total.load += stage.load;
      out.total.predicted += stage.predicted;
      out.total.measured += stage.measured;
      out.total.median += stage.median;
    }
    if (!isMeasured)
      return std::move(out);
    std::vector<double> totals = run.totals;
    llvm::sort(totals);
    out.stepBest = totals.front();
    out.stepMedian = totals[totals.size() / 2];
    out.outside = std::accumulate(run.best.begin(), run.best.end(), 0.0) -
                  out.total.measured;
    out.touchedWeightBytes = run.touchedWeightBytes;
    return std::move(out);
  }

private:
  const StageReport &report;
  const TracedRun &run;
  bool isMeasured;
  const Limits *limits;
  Explanation out;
  size_t next = 0; ///< interval

  llvm::Error check() const {
    size_t intervals = 0;
    for (const Step &step : run.steps) {
      auto entry = report.entries.find(step.entry);
      if (entry == report.entries.end())
        return llvm::createStringError("the report has no entry point '" +
                                       step.entry + "'");
      if (step.rows < 1 || step.rows > entry->second.maxRows)
        return llvm::createStringError(
            "a step of '" + step.entry + "' has " + std::to_string(step.rows) +
            " rows, but 1 to " + std::to_string(entry->second.maxRows) +
            " are possible");
      intervals += 2;
      for (const StageUse &use : entry->second.stages)
        intervals += size_t(report.kinds[use.kind].barriers);
    }
    if (isMeasured && intervals - 1 != run.best.size())
      return llvm::createStringError(
          "the steps of '" + run.name + "' passed " +
          std::to_string(run.best.size() + 1) +
          " barriers, but the report describes " + std::to_string(intervals) +
          "; code and report do not belong together");
    return llvm::Error::success();
  }

  void addStep(const Step &step) {
    StageTime stage;
    int64_t barriers = 0;
    bool isOpen = false;
    for (const StageUse &use : report.entries.at(step.entry).stages) {
      const StageKind &kind = report.kinds[use.kind];
      StageLoad load = getLoad(kind, use, step);
      if (isOpen) {
        stage.name += " + " + kind.name;
        stage.kernel += " + " + kind.kernel;
        stage.shape += " + " + kind.shape;
        stage.load += load;
      } else {
        stage = StageTime();
        stage.name = kind.name;
        stage.kernel = kind.kernel;
        stage.shape = kind.shape;
        stage.partition = kind.partition;
        stage.entry = step.entry;
        stage.layer = use.layer;
        stage.load = load;
      }
      barriers += kind.barriers;
      isOpen = kind.barriers == 0;
      if (isOpen)
        continue;
      finish(stage, barriers);
      barriers = 0;
    }
    if (isOpen)
      finish(stage, barriers);
  }

  void finish(StageTime &stage, int64_t barriers) {
    if (limits) {
      Prediction prediction = predict(stage.load, barriers, *limits);
      stage.predicted = prediction.microseconds;
      stage.bound = prediction.bound;
    }
    for (int64_t i = 0; i < barriers; ++i, ++next)
      if (isMeasured) {
        stage.measured += run.best[next];
        stage.median += run.median[next];
      }
    out.stages.push_back(stage);
  }
};

} // namespace

llvm::Expected<Explanation> gemcut::explain::explain(const StageReport &report,
                                                     const TracedRun &run,
                                                     bool isMeasured,
                                                     const Limits *limits) {
  return Explainer(report, run, isMeasured, limits).explain();
}

std::vector<StageTime>
gemcut::explain::groupStages(const Explanation &explanation) {
  std::vector<StageTime> groups;
  for (const StageTime &stage : explanation.stages) {
    auto same = llvm::find_if(groups, [&](const StageTime &group) {
      return group.name == stage.name && group.kernel == stage.kernel &&
             group.shape == stage.shape && group.partition == stage.partition;
    });
    if (same == groups.end()) {
      groups.push_back(stage);
      continue;
    }
    if (same->layer != stage.layer)
      same->layer = -1;
    same->count += stage.count;
    same->load += stage.load;
    same->predicted += stage.predicted;
    same->measured += stage.measured;
    same->median += stage.median;
  }
  auto key = [](const StageTime &stage) {
    return std::make_tuple(-stage.measured, -stage.predicted,
                           -stage.load.memoryBytes(), std::cref(stage.name),
                           std::cref(stage.kernel), std::cref(stage.shape),
                           std::cref(stage.partition));
  };
  llvm::sort(groups, [&](const StageTime &x, const StageTime &y) {
    return key(x) < key(y);
  });
  return groups;
}
