//===- Tables.cpp - Explanations as text ----------------------------------===//

#include "compiler/Explain/Tables.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace gemcut::explain;
using nlohmann::ordered_json;

static std::vector<StageTime> getRows(const Explanation &explanation,
                                      bool all) {
  return all ? explanation.stages : groupStages(explanation);
}

/// The better of both times that there are.
static double getTime(const StageTime &stage) {
  return stage.measured > 0 ? stage.measured : stage.predicted;
}

/// "12.3", or nothing for what is not known or does not exist.
static std::string formatOptional(double value, const char *format) {
  return value > 0 ? fmt::format(fmt::runtime(format), value) : "";
}

/// `amount` per microsecond, in 10^9 per second.
static double getRate(double amount, double microseconds) {
  return microseconds > 0 ? amount / microseconds * 1e-3 : 0;
}

static std::string describeSteps(const Explanation &explanation) {
  std::vector<std::string> parts;
  for (const Step &step : explanation.steps)
    parts.push_back(fmt::format("{} of {} row{} at position {}", step.entry,
                                step.rows, step.rows == 1 ? "" : "s",
                                step.position));
  return fmt::format("{}", fmt::join(parts, ", "));
}

static std::string formatRow(const StageTime &stage, const StageTime &total) {
  double time = getTime(stage), whole = getTime(total);
  std::string name = stage.layer < 0
                         ? stage.name
                         : fmt::format("{}: {}", stage.layer, stage.name);
  return fmt::format(
      "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
      name, stage.kernel, stage.shape,
      stage.load.chunks ? std::to_string(stage.load.chunks) : "", stage.count,
      formatOptional(stage.load.memoryBytes() * 1e-6, "{:.2f}"),
      formatOptional(getRate(stage.load.memoryBytes(), time), "{:.1f}"),
      formatOptional(stage.load.macs() * 1e-9, "{:.3f}"),
      formatOptional(getRate(stage.load.macs(), time), "{:.1f}"),
      stringifyBound(stage.bound),
      formatOptional(stage.predicted * 1e-3, "{:.3f}"),
      formatOptional(stage.measured * 1e-3, "{:.3f}"),
      whole > 0 ? fmt::format("{:.1f} %", 100 * time / whole) : "");
}

/// The sum of the stages' bytes, and what that of a one-token step is checked
/// against.
static std::string describeBytes(const Explanation &explanation,
                                 const Subject &subject) {
  const StageLoad &load = explanation.total.load;
  std::string text = fmt::format(
      "- read: {:.2f} MB of weights + {:.2f} MB of keys and values = {:.2f} "
      "MB\n",
      load.weightBytes * 1e-6, load.cacheBytes * 1e-6,
      load.memoryBytes() * 1e-6);
  bool isOneToken = explanation.steps.size() == 1 &&
                    explanation.steps.front().entry == "decode" &&
                    explanation.steps.front().rows == 1;
  auto compare = [&](const char *what, double bytes) {
    text += fmt::format("- weights {}: {:.2f} MB; the sum of the stages is "
                        "{:+.2f} % of that off\n",
                        what, bytes * 1e-6,
                        100 * (load.weightBytes - bytes) / bytes);
  };
  if (isOneToken && subject.weightBytesPerToken)
    compare("in the memory plan", double(subject.weightBytesPerToken));
  if (explanation.touchedWeightBytes)
    compare("in pages that the CPU touched in a step",
            double(explanation.touchedWeightBytes));
  return text;
}

static std::string describeLimits(const Limits &limits) {
  std::string text =
      fmt::format("- limits with {} thread{}: read {:.1f} GB/s", limits.threads,
                  limits.threads == 1 ? "" : "s", limits.readGbps.all);
  for (auto [name, rate] : {std::pair("int8", limits.int8Gmacs.all),
                            std::pair("bf16", limits.bf16Gmacs.all),
                            std::pair("f32", limits.f32Gmacs.all)})
    if (rate > 0)
      text += fmt::format(", {} {:.0f} GMAC/s", name, rate);
  if (limits.barrierMicroseconds > 0)
    text += fmt::format(", barrier {:.2f} us", limits.barrierMicroseconds);
  if (limits.threads > 1)
    text += fmt::format("; one thread reads {:.1f} GB/s", limits.readGbps.one);
  return text + "\n";
}

std::string gemcut::explain::formatMarkdown(const Subject &subject, bool all) {
  std::string text;
  for (const Explanation &explanation : subject.explanations) {
    if (!text.empty())
      text += "\n";
    text += fmt::format(
        "{}: {}{}\n\n", explanation.name, describeSteps(explanation),
        subject.trace ? fmt::format(" ({}, best of {})", subject.trace->level,
                                    subject.trace->repetitions)
                      : " (not run)");
    text += "| stage | kernel | shape | chunks | count | MB | GB/s | GMAC | "
            "GMAC/s | "
            "bound | predicted ms | measured ms | share |\n"
            "|---|---|---|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|\n";
    for (const StageTime &stage : getRows(explanation, all))
      text += formatRow(stage, explanation.total);
    StageTime total = explanation.total;
    total.name = "total";
    total.load.chunks = 0; // has no meaning
    text += formatRow(total, total) + "\n";
    text += describeBytes(explanation, subject);
    if (explanation.stepBest > 0)
      text += fmt::format("- whole: best {:.3f} ms, median {:.3f} ms; outside "
                          "of stages {:.3f} ms\n",
                          explanation.stepBest * 1e-3,
                          explanation.stepMedian * 1e-3,
                          explanation.outside * 1e-3);
  }
  if (subject.limits)
    text += describeLimits(*subject.limits);
  return text;
}

std::string gemcut::explain::formatCsv(const Subject &subject, bool all) {
  std::string text = "run,stage,kernel,shape,partition,layer,count,"
                     "weight_bytes,cache_bytes,buffer_bytes,macs,bound,"
                     "predicted_us,measured_us,median_us\n";
  auto quote = [](const std::string &value) { return "\"" + value + "\""; };
  for (const Explanation &explanation : subject.explanations)
    for (const StageTime &stage : getRows(explanation, all))
      text += fmt::format(
          "{},{},{},{},{},{},{},{:.0f},{:.0f},{:.0f},{:.0f},{},{},{},{}\n",
          explanation.name, quote(stage.name), stage.kernel, quote(stage.shape),
          quote(stage.partition),
          stage.layer < 0 ? "" : std::to_string(stage.layer), stage.count,
          stage.load.weightBytes, stage.load.cacheBytes, stage.load.bufferBytes,
          stage.load.macs(), stringifyBound(stage.bound),
          formatOptional(stage.predicted, "{:.3f}"),
          formatOptional(stage.measured, "{:.3f}"),
          formatOptional(stage.median, "{:.3f}"));
  return text;
}

static ordered_json describe(const StageTime &stage) {
  ordered_json json;
  auto addTime = [&](const char *name, double value) {
    json[name] = value > 0 ? ordered_json(value) : ordered_json(nullptr);
  };
  json["stage"] = stage.name;
  json["kernel"] = stage.kernel;
  json["shape"] = stage.shape;
  json["partition"] = stage.partition;
  json["layer"] =
      stage.layer < 0 ? ordered_json(nullptr) : ordered_json(stage.layer);
  json["count"] = stage.count;
  json["weight_bytes"] = int64_t(stage.load.weightBytes);
  json["cache_bytes"] = int64_t(stage.load.cacheBytes);
  json["buffer_bytes"] = int64_t(stage.load.bufferBytes);
  json["macs"] = int64_t(stage.load.macs());
  json["bound"] = stringifyBound(stage.bound);
  addTime("predicted_us", stage.predicted);
  addTime("measured_us", stage.measured);
  addTime("median_us", stage.median);
  return json;
}

static ordered_json describe(const Limits &limits) {
  ordered_json json;
  auto add = [&](const char *name, const Scaling &scaling) {
    json[name] = {{"one_thread", scaling.one}, {"all_threads", scaling.all}};
  };
  json["threads"] = limits.threads;
  add("read_gbps", limits.readGbps);
  add("int8_gmacs", limits.int8Gmacs);
  add("bf16_gmacs", limits.bf16Gmacs);
  add("f32_gmacs", limits.f32Gmacs);
  json["barrier_us"] = limits.barrierMicroseconds;
  return json;
}

ordered_json gemcut::explain::formatJson(const Subject &subject, bool all) {
  ordered_json json;
  json["file"] = subject.file;
  json["level"] = subject.trace ? ordered_json(subject.trace->level)
                                : ordered_json(nullptr);
  json["limits"] =
      subject.limits ? describe(*subject.limits) : ordered_json(nullptr);
  json["weight_bytes_per_token"] = subject.weightBytesPerToken;
  json["runs"] = ordered_json::array();
  for (const Explanation &explanation : subject.explanations) {
    ordered_json run;
    run["name"] = explanation.name;
    run["steps"] = ordered_json::array();
    for (const Step &step : explanation.steps)
      run["steps"].push_back({{"entry", step.entry},
                              {"position", step.position},
                              {"rows", step.rows}});
    run["stages"] = ordered_json::array();
    for (const StageTime &stage : getRows(explanation, all))
      run["stages"].push_back(describe(stage));
    run["total"] = describe(explanation.total);
    run["step_best_us"] = explanation.stepBest;
    run["step_median_us"] = explanation.stepMedian;
    run["touched_weight_bytes"] =
        explanation.touchedWeightBytes
            ? ordered_json(explanation.touchedWeightBytes)
            : ordered_json(nullptr);
    json["runs"].push_back(std::move(run));
  }
  return json;
}
