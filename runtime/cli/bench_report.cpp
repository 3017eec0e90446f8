//===- bench_report.cpp - Results of `bench` and their forms --------------===//

#include "runtime/cli/bench_report.h"

#include "runtime/cli/json.h"
#include "runtime/cli/layer_rows.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

using namespace gemcut::cli;

const std::vector<BenchColumn> gemcut::cli::kBenchColumns = {
    {"cpu_info", "the CPU's name"},
    {"n_cores", "cores that this process may use"},
    {"kernel", "operating system and its release"},
    {"test_time", "when the tests began, UTC"},
    {"model_type", "the model's name"},
    {"quantization", "how its weights are stored"},
    {"level", "the ISA level whose code ran"},
    {"model_size", "bytes of all weights"},
    {"n_threads", "threads that computed"},
    {"n_prompt", "tokens of the prompt; 0: not a test of prompts"},
    {"n_gen", "steps; 0: not a test of steps"},
    {"n_rows", "tokens per step, as when drafted tokens are verified"},
    {"n_depth", "tokens in the context before; computed once, not timed"},
    {"avg_ns", "mean time of the whole test"},
    {"stddev_ns", "its sample standard deviation over the repetitions"},
    {"avg_ts", "mean over the repetitions of tokens per second"},
    {"stddev_ts", "its sample standard deviation"},
    {"best_ts", "tokens per second of the fastest repetition"},
    {"step_ms", "time of one step in the fastest repetition"},
    {"ttft_ms", "from the start of the prompt until its most likely next token "
                "is known, fastest repetition"},
    {"start_ms", "from exec of this program until a step could run: the CPU "
                 "time before main() and the time since; not repeated"},
    {"start_to_token_ms", "the same until the first token behind a prompt of "
                          "one token, the first step of this process"},
    {"private_bytes", "resident memory of the process that no file backs, "
                      "behind the test; the KV caches included"},
    {"kv_bytes", "resident memory of the KV caches behind the test"},
    {"peak_rss", "most resident memory until then, pages of the mapped weights "
                 "included"},
    {"bytes_per_token", "bytes of weights that one step reads"},
    {"read_gbps", "1e9 bytes per second at which the same threads read the "
                  "same weights without computing, right behind each "
                  "repetition; the fastest"},
    {"read_share", "what the fastest repetition read of weights per second, "
                   "relative to read_gbps"},
};

static std::vector<double> getSamples(const BenchRow &row) {
  std::vector<double> samples;
  for (double seconds : row.seconds)
    samples.push_back(double(row.getTokens()) / seconds);
  return samples;
}

static double getMean(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    sum += value;
  return sum / double(values.size());
}

/// With n - 1, as llama-bench does.
static double getDeviation(const std::vector<double> &values) {
  if (values.size() < 2)
    return 0;
  double mean = getMean(values), sum = 0;
  for (double value : values)
    sum += (value - mean) * (value - mean);
  return std::sqrt(sum / double(values.size() - 1));
}

static double getLeast(const std::vector<double> &values) {
  return values.empty() ? NAN : *std::min_element(values.begin(), values.end());
}

static double getMost(const std::vector<double> &values) {
  return values.empty() ? NAN : *std::max_element(values.begin(), values.end());
}

Speed gemcut::cli::getSpeed(const BenchRow &row) {
  std::vector<double> samples = getSamples(row);
  return {getMean(samples), getDeviation(samples), getMost(samples)};
}

static double getStepSeconds(const BenchRow &row) {
  return row.nGen ? getLeast(row.seconds) / row.nGen : NAN;
}

static double getReadShare(const BenchReport &report, const BenchRow &row) {
  return double(report.bytesPerToken) * 1e-9 / getStepSeconds(row) /
         getMost(row.readGbps);
}

static std::string print(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static std::string print(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  return text;
}

std::string gemcut::cli::getTestName(const BenchRow &row) {
  std::string name =
      row.nPrompt ? print("pp%d", row.nPrompt) : print("tg%d", row.nGen);
  if (row.nRows > 1)
    name += print("x%d", row.nRows);
  if (row.nDepth)
    name += print(" @ d%d", row.nDepth);
  return name;
}

/// Calls text(value), integer(value) or number(value; NaN where it has no
/// meaning) for each of kBenchColumns, in their order.
template <typename Visitor>
static void visitColumns(const BenchReport &report, const BenchRow &row,
                         Visitor &visitor) {
  Speed speed = getSpeed(row);
  visitor.text(report.machine.cpu);
  visitor.integer(uint64_t(report.machine.cores));
  visitor.text(report.machine.kernel);
  visitor.text(report.machine.time);
  visitor.text(report.model);
  visitor.text(report.quantization);
  visitor.text(report.level);
  visitor.integer(report.modelBytes);
  visitor.integer(uint64_t(row.threads));
  visitor.integer(uint64_t(row.nPrompt));
  visitor.integer(uint64_t(row.nGen));
  visitor.integer(uint64_t(row.nRows));
  visitor.integer(uint64_t(row.nDepth));
  visitor.integer(uint64_t(getMean(row.seconds) * 1e9));
  visitor.integer(uint64_t(getDeviation(row.seconds) * 1e9));
  visitor.number(speed.mean);
  visitor.number(speed.deviation);
  visitor.number(speed.best);
  visitor.number(getStepSeconds(row) * 1e3);
  visitor.number(getLeast(row.firstTokenSeconds) * 1e3);
  visitor.number(report.startSeconds * 1e3);
  visitor.number(report.startToTokenSeconds * 1e3);
  visitor.integer(row.memory.privateBytes);
  visitor.integer(row.kvBytes);
  visitor.integer(row.memory.peakBytes);
  visitor.integer(report.bytesPerToken);
  visitor.number(getMost(row.readGbps));
  visitor.number(getReadShare(report, row));
}

namespace {
struct JsonVisitor {
  JsonWriter &json;
  size_t column = 0;

  const char *next() { return kBenchColumns[column++].name; }
  void text(const std::string &value) { json.member(next(), value); }
  void integer(uint64_t value) { json.member(next(), value); }
  void number(double value) { json.member(next(), value); }
};

struct CsvVisitor {
  std::string line = {};

  void add(const std::string &cell) {
    line += line.empty() ? cell : "," + cell;
  }
  void text(const std::string &value) {
    std::string quoted = "\"";
    for (char c : value)
      quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    add(quoted + "\"");
  }
  void integer(uint64_t value) { add(std::to_string(value)); }
  void number(double value) {
    add(std::isfinite(value) ? print("%.9g", value) : "");
  }
};
} // namespace

template <typename T, typename Write>
static void writeArray(JsonWriter &json, const char *name,
                       const std::vector<T> &values, Write write) {
  json.key(name);
  json.beginArray();
  for (const T &value : values)
    write(value);
  json.endArray();
}

std::string gemcut::cli::formatJson(const BenchReport &report) {
  JsonWriter json;
  auto writeInteger = [&](auto value) { json.integer(int64_t(value)); };
  json.beginArray();
  for (const BenchRow &row : report.rows) {
    json.beginObject();
    JsonVisitor visitor{json};
    visitColumns(report, row, visitor);
    writeArray(json, "samples_ns", row.seconds,
               [&](double seconds) { json.integer(int64_t(seconds * 1e9)); });
    writeArray(json, "samples_ts", getSamples(row),
               [&](double sample) { json.number(sample); });
    if (!row.layerRows.empty())
      writeArray(json, "layer_rows", row.layerRows, writeInteger);
    json.endObject();
  }
  json.endArray();
  return json.str() + "\n";
}

std::string gemcut::cli::formatCsv(const BenchReport &report) {
  std::string text;
  for (const BenchColumn &column : kBenchColumns)
    text += (text.empty() ? "" : ",") + std::string(column.name);
  text += "\n";
  for (const BenchRow &row : report.rows) {
    CsvVisitor visitor;
    visitColumns(report, row, visitor);
    text += visitor.line + "\n";
  }
  return text;
}

/// Empty where the number has no meaning.
static std::string printIf(const char *format, double value)
    __attribute__((format(printf, 1, 0)));
static std::string printIf(const char *format, double value) {
  char text[64];
  snprintf(text, sizeof(text), format, value);
  return std::isfinite(value) ? text : "";
}

std::string gemcut::cli::formatMarkdown(const BenchReport &report) {
  const Machine &machine = report.machine;
  std::string text =
      print("%s, %s weights: %.1f MB, of which a step reads %.1f MB  \n",
            report.model.c_str(), report.quantization.c_str(),
            double(report.modelBytes) * 1e-6,
            double(report.bytesPerToken) * 1e-6) +
      print("%s, %d cores, %s, level %s, %s  \n", machine.cpu.c_str(),
            machine.cores, machine.kernel.c_str(), report.level.c_str(),
            machine.time.c_str()) +
      print("start %.2f ms, to the first token of a prompt of one %.2f ms\n\n",
            report.startSeconds * 1e3, report.startToTokenSeconds * 1e3);
  text += "| test | threads | t/s | best t/s | step ms | ttft ms | read GB/s | "
          "share of read | private MB | of it KV | peak RSS MB |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | "
          "---: | ---: |\n";
  std::string layers;
  for (const BenchRow &row : report.rows) {
    Speed speed = getSpeed(row);
    std::string share = printIf("%.0f %%", 100 * getReadShare(report, row));
    text += print("| %s | %d | %.2f ± %.2f | %.2f | ", getTestName(row).c_str(),
                  row.threads, speed.mean, speed.deviation, speed.best);
    for (const std::string &cell :
         {printIf("%.2f", getStepSeconds(row) * 1e3),
          printIf("%.1f", getLeast(row.firstTokenSeconds) * 1e3),
          printIf("%.1f", getMost(row.readGbps)), share})
      text += cell + " | ";
    text +=
        print("%.1f | %.1f | %.1f |\n", double(row.memory.privateBytes) * 1e-6,
              double(row.kvBytes) * 1e-6, double(row.memory.peakBytes) * 1e-6);
    if (!row.layerRows.empty())
      layers = "\nrows per " + getTestName(row) + ": " +
               describeLayerRows(row.layerRows.data(), row.layerRows.size()) +
               "\n";
  }
  return text + layers;
}
