//===- bench_report.cpp - Results of `bench` and their forms --------------===//

#include "runtime/cli/bench_report.h"

#include "runtime/cli/layer_rows.h"

#include "runtime/abi/model.h"
#include "runtime/cli/json.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

using namespace gemcut::cli;

static std::vector<double> getSamples(const BenchRow &row) {
  std::vector<double> samples;
  for (double seconds : row.seconds)
    samples.push_back(double(row.nPrompt + row.nGen) / seconds);
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

Speed gemcut::cli::getSpeed(const BenchRow &row) {
  std::vector<double> samples = getSamples(row);
  return {getMean(samples), getDeviation(samples),
          *std::max_element(samples.begin(), samples.end())};
}

/// Best time to the first token of prompts at this depth, or NaN.
static double getFirstTokenMs(const BenchRow &row) {
  const std::vector<double> &times = row.firstTokenSeconds;
  return times.empty() ? NAN
                       : 1e3 * *std::min_element(times.begin(), times.end());
}

/// Decoding's share of the plain read's speed, best against best; NaN for
/// prompts.
static double getReadShare(const BenchReport &report, const BenchRow &row) {
  if (row.nGen == 0 || report.readGbps == 0)
    return NAN;
  return getSpeed(row).best * double(gemcut_model.weight_bytes_per_token) *
         1e-9 / report.readGbps;
}

void gemcut::cli::printJson(const BenchReport &report) {
  JsonWriter json;
  json.beginArray();
  for (const BenchRow &row : report.rows) {
    Speed speed = getSpeed(row);
    json.beginObject();
    json.member("model_type", gemcut_model.name);
    json.member("quantization", gemcut_model.quantization);
    json.member("level", report.level);
    json.member("model_size", gemcut_model.weight_bytes);
    json.member("n_threads", report.threads);
    json.member("n_prompt", row.nPrompt);
    json.member("n_gen", row.nGen);
    json.member("n_depth", row.nDepth);
    json.member("avg_ns", int64_t(getMean(row.seconds) * 1e9));
    json.member("stddev_ns", int64_t(getDeviation(row.seconds) * 1e9));
    json.member("avg_ts", speed.mean);
    json.member("stddev_ts", speed.deviation);
    json.member("best_ts", speed.best);
    json.key("samples_ns");
    json.beginArray();
    for (double seconds : row.seconds)
      json.integer(int64_t(seconds * 1e9));
    json.endArray();
    json.key("samples_ts");
    json.beginArray();
    for (double sample : getSamples(row))
      json.number(sample);
    json.endArray();
    json.member("ttft_ms", getFirstTokenMs(row));
    json.member("start_ms", report.startSeconds * 1e3);
    json.member("peak_rss", report.peakRss);
    json.member("bytes_per_token", gemcut_model.weight_bytes_per_token);
    json.member("read_gbps", report.readGbps);
    json.member("read_share", getReadShare(report, row));
    if (row.nPrompt > 0) {
      json.key("layer_rows");
      json.beginArray();
      for (uint64_t rows : report.promptLayerRows)
        json.integer(int64_t(rows));
      json.endArray();
    }
    json.endObject();
  }
  json.endArray();
  printf("%s\n", json.str().c_str());
}

void gemcut::cli::printCsv(const BenchReport &report) {
  printf("model_type,quantization,level,model_size,n_threads,n_prompt,n_gen,"
         "n_depth,avg_ns,stddev_ns,avg_ts,stddev_ts,best_ts,ttft_ms,start_ms,"
         "peak_rss,bytes_per_token,read_gbps,read_share\n");
  auto number = [](double value) {
    if (std::isfinite(value))
      printf(",%.9g", value);
    else
      printf(",");
  };
  for (const BenchRow &row : report.rows) {
    Speed speed = getSpeed(row);
    std::string name = gemcut_model.name;
    for (size_t at = 0; (at = name.find('"', at)) != std::string::npos; at += 2)
      name.insert(at, 1, '"');
    printf("\"%s\",\"%s\",\"%s\",%llu,%d,%d,%d,%d", name.c_str(),
           gemcut_model.quantization, report.level,
           (unsigned long long)gemcut_model.weight_bytes, report.threads,
           row.nPrompt, row.nGen, row.nDepth);
    number(std::floor(getMean(row.seconds) * 1e9));
    number(std::floor(getDeviation(row.seconds) * 1e9));
    number(speed.mean);
    number(speed.deviation);
    number(speed.best);
    number(getFirstTokenMs(row));
    number(report.startSeconds * 1e3);
    printf(",%llu,%llu", (unsigned long long)report.peakRss,
           (unsigned long long)gemcut_model.weight_bytes_per_token);
    number(report.readGbps);
    number(getReadShare(report, row));
    printf("\n");
  }
}

void gemcut::cli::printMarkdown(const BenchReport &report) {
  printf("| model | quantization | level | threads | test | t/s | best t/s | "
         "ttft ms | share of read |\n"
         "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const BenchRow &row : report.rows) {
    Speed speed = getSpeed(row);
    char test[64], first[32] = "", share[32] = "";
    int length = snprintf(test, sizeof(test), row.nPrompt ? "pp%d" : "tg%d",
                          row.nPrompt ? row.nPrompt : row.nGen);
    if (row.nDepth)
      snprintf(test + length, sizeof(test) - size_t(length), " @ d%d",
               row.nDepth);
    if (std::isfinite(getFirstTokenMs(row)))
      snprintf(first, sizeof(first), "%.1f", getFirstTokenMs(row));
    if (std::isfinite(getReadShare(report, row)))
      snprintf(share, sizeof(share), "%.0f %%",
               100 * getReadShare(report, row));
    printf("| %s | %s | %s | %d | %s | %.2f ± %.2f | %.2f | %s | %s |\n",
           gemcut_model.name, gemcut_model.quantization, report.level,
           report.threads, test, speed.mean, speed.deviation, speed.best, first,
           share);
  }
  printf("\nstart %.2f ms, peak memory %.1f MB, %.2f MB of weights read per "
         "token, this machine reads them at %.2f GB/s\n",
         report.startSeconds * 1e3, double(report.peakRss) * 1e-6,
         double(gemcut_model.weight_bytes_per_token) * 1e-6, report.readGbps);
  if (!report.promptLayerRows.empty())
    printf("rows per prompt: %s\n",
           describeLayerRows(report.promptLayerRows.data(),
                             report.promptLayerRows.size())
               .c_str());
}
