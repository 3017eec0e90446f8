//===- Trace.cpp - What an executable measured about its steps ------------===//

#include "compiler/Explain/Trace.h"

#include "compiler/Explain/JsonMembers.h"

using namespace gemcut::explain;
using nlohmann::ordered_json;

static Scaling readScaling(JsonMembers &reader, const ordered_json &json,
                           const char *name) {
  const ordered_json &scaling = reader.object(json, name);
  return {reader.number(scaling, "one_thread"),
          reader.number(scaling, "all_threads")};
}

static TracedRun readRun(JsonMembers &reader, const ordered_json &json) {
  TracedRun run;
  run.name = reader.text(json, "name");
  for (const ordered_json &step : reader.array(json, "steps"))
    run.steps.push_back({reader.text(step, "entry"),
                         reader.count(step, "position"),
                         reader.count(step, "rows")});
  run.totals = reader.numbers(json, "total_us");
  run.best = reader.numbers(json, "best_us");
  run.median = reader.numbers(json, "median_us");
  if (run.totals.empty() || run.best.size() != run.median.size())
    reader.fail("'" + run.name +
                "' has no repetitions, or not as many best "
                "as median times");
  if (json.contains("touched_weight_bytes"))
    run.touchedWeightBytes = reader.count(json, "touched_weight_bytes");
  return run;
}

llvm::Expected<Trace> gemcut::explain::readTrace(llvm::StringRef text) {
  ordered_json json = ordered_json::parse(text.begin(), text.end(), nullptr,
                                          /*allow_exceptions=*/false);
  if (json.is_discarded())
    return llvm::createStringError("the trace is not JSON");
  JsonMembers reader;
  Trace trace;
  trace.level = reader.text(json, "level");
  trace.repetitions = reader.count(json, "repetitions");
  trace.limits.threads = reader.count(json, "threads");
  trace.limits.readGbps = readScaling(reader, json, "read_gbps");
  trace.limits.int8Gmacs = readScaling(reader, json, "int8_gmacs");
  trace.limits.bf16Gmacs = readScaling(reader, json, "bf16_gmacs");
  trace.limits.f32Gmacs = readScaling(reader, json, "f32_gmacs");
  trace.limits.barrierMicroseconds = reader.number(json, "barrier_us");
  for (const ordered_json &run : reader.array(json, "runs"))
    trace.runs.push_back(readRun(reader, run));
  if (llvm::Error error = reader.takeError())
    return llvm::createStringError("the trace is damaged: " +
                                   llvm::toString(std::move(error)));
  return trace;
}
