//===- trace_report.cpp - Results of `trace` and their JSON ---------------===//

#include "runtime/cli/trace_report.h"

#include "runtime/cli/json.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::cli;

static void writeScaling(JsonWriter &json, const char *name,
                         const Scaling &scaling) {
  json.key(name);
  json.beginObject();
  json.member("one_thread", scaling.one);
  json.member("all_threads", scaling.all);
  json.endObject();
}

static void writeSteps(JsonWriter &json, const TracedSteps &traced) {
  json.beginObject();
  json.member("name", traced.name);
  json.key("steps");
  json.beginArray();
  for (const TracedStep &step : traced.steps) {
    json.beginObject();
    json.member("entry", step.entry);
    json.member("position", step.position);
    json.member("rows", step.rows);
    json.endObject();
  }
  json.endArray();
  if (traced.touchedBytes)
    json.member("touched_weight_bytes", traced.touchedBytes);
  json.key("total_us");
  json.beginArray();
  for (const std::vector<double> &repetition : traced.intervals) {
    double total = 0;
    for (double interval : repetition)
      total += interval;
    json.number(total);
  }
  json.endArray();
  // Order statistics of each interval over the repetitions.
  size_t count = traced.intervals.front().size();
  std::vector<double> best(count), median(count), column;
  for (size_t i = 0; i < count; ++i) {
    column.clear();
    for (const std::vector<double> &repetition : traced.intervals)
      column.push_back(repetition[i]);
    std::sort(column.begin(), column.end());
    best[i] = column.front();
    median[i] = column[column.size() / 2];
  }
  for (auto [name, values] :
       {std::pair("best_us", &best), std::pair("median_us", &median)}) {
    json.key(name);
    json.beginArray();
    for (double value : *values)
      json.number(value);
    json.endArray();
  }
  json.endObject();
}

std::string cli::formatJson(const TraceReport &report) {
  JsonWriter json;
  json.beginObject();
  json.member("level", report.level);
  json.member("threads", report.threads);
  json.member("repetitions", report.repetitions);
  writeScaling(json, "read_gbps", report.limits.readGbps);
  writeScaling(json, "int8_gmacs", report.limits.int8Gmacs);
  writeScaling(json, "bf16_gmacs", report.limits.bf16Gmacs);
  writeScaling(json, "f32_gmacs", report.limits.f32Gmacs);
  json.member("barrier_us", report.limits.barrierMicroseconds);
  json.key("runs");
  json.beginArray();
  for (const TracedSteps &traced : report.runs)
    writeSteps(json, traced);
  json.endArray();
  json.endObject();
  return json.str();
}
