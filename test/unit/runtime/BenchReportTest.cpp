//===- BenchReportTest.cpp - Results of `bench` and their forms -----------===//

#include "runtime/cli/bench_report.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <sstream>

using namespace gemcut::cli;

TEST(Bench, Statistics) {
  BenchRow row;
  row.nPrompt = 100;
  row.seconds = {1.0, 2.0, 4.0};
  Speed speed = getSpeed(row);
  EXPECT_NEAR(speed.mean, (100 + 50 + 25) / 3.0, 1e-9);
  EXPECT_NEAR(speed.deviation, 38.188, 1e-3); // numpy.std(..., ddof=1)
  EXPECT_EQ(speed.best, 100);
}

/// A prompt, and steps of four rows at half the speed of plain reads.
static BenchReport makeBenchReport() {
  BenchReport report;
  report.model = "a \"b\", c";
  report.quantization = "int4";
  report.level = "avx2";
  report.modelBytes = 3000000;
  report.bytesPerToken = 2000000;
  report.machine = {"CPU, fast", 2, "Linux 6", "2026-11-25T00:00:00Z"};
  report.startSeconds = 0.02;
  report.startToTokenSeconds = 0.05;
  BenchRow prompt;
  prompt.threads = 2;
  prompt.nPrompt = 8;
  prompt.seconds = {0.5, 0.25};
  prompt.firstTokenSeconds = {0.5, 0.26};
  prompt.memory = {7000000, 9000000};
  prompt.layerRows = {8, 8, 1};
  BenchRow steps;
  steps.threads = 1;
  steps.nGen = 10;
  steps.nRows = 4;
  steps.nDepth = 16;
  steps.seconds = {0.02, 0.01};
  steps.readGbps = {4.0, 3.0};
  steps.kvBytes = 1000000;
  report.rows = {prompt, steps};
  return report;
}

TEST(Bench, TestNames) {
  BenchReport report = makeBenchReport();
  EXPECT_EQ(getTestName(report.rows[0]), "pp8");
  EXPECT_EQ(getTestName(report.rows[1]), "tg10x4 @ d16");
}

/// The cells of one line of RFC 4180 without line breaks in cells.
static std::vector<std::string> splitCsv(const std::string &line) {
  std::vector<std::string> cells(1);
  bool isQuoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && isQuoted && line[i + 1] == '"')
      cells.back() += line[++i];
    else if (line[i] == '"')
      isQuoted = !isQuoted;
    else if (line[i] == ',' && !isQuoted)
      cells.push_back("");
    else
      cells.back() += line[i];
  }
  return cells;
}

TEST(Bench, CsvHasAValueInEachColumn) {
  std::istringstream text(formatCsv(makeBenchReport()));
  std::string line;
  std::getline(text, line);
  std::vector<std::string> names = splitCsv(line);
  ASSERT_EQ(names.size(), kBenchColumns.size());
  auto get = [&](const char *name) {
    size_t at =
        size_t(std::find(names.begin(), names.end(), name) - names.begin());
    std::vector<std::string> cells = splitCsv(line);
    EXPECT_EQ(cells.size(), names.size()) << line;
    return at < cells.size() ? cells[at] : "no column";
  };
  std::getline(text, line);
  EXPECT_EQ(get("cpu_info"), "CPU, fast");
  EXPECT_EQ(get("model_type"), "a \"b\", c");
  EXPECT_EQ(get("n_prompt"), "8");
  EXPECT_EQ(get("avg_ns"), "375000000");
  EXPECT_EQ(get("avg_ts"), "24");
  EXPECT_EQ(get("best_ts"), "32");
  EXPECT_EQ(get("ttft_ms"), "260");
  EXPECT_EQ(get("start_ms"), "20");
  EXPECT_EQ(get("start_to_token_ms"), "50");
  EXPECT_EQ(get("private_bytes"), "7000000");
  EXPECT_EQ(get("peak_rss"), "9000000");
  EXPECT_EQ(get("step_ms") + get("read_gbps") + get("read_share"), "");
  std::getline(text, line);
  EXPECT_EQ(get("n_rows"), "4");
  EXPECT_EQ(get("n_depth"), "16");
  EXPECT_EQ(get("best_ts"), "4000"); // all rows of a step count
  EXPECT_EQ(get("step_ms"), "1");
  EXPECT_EQ(get("ttft_ms"), "");
  EXPECT_EQ(get("kv_bytes"), "1000000");
  EXPECT_EQ(get("read_gbps"), "4");
  EXPECT_EQ(get("read_share"), "0.5"); // 2 MB per ms, of 4 GB/s
  EXPECT_FALSE(std::getline(text, line));
}

TEST(Bench, JsonNamesEveryColumnAndTheSamples) {
  std::string json = formatJson(makeBenchReport());
  for (const BenchColumn &column : kBenchColumns)
    EXPECT_NE(json.find("\"" + std::string(column.name) + "\": "),
              std::string::npos)
        << column.name;
  EXPECT_NE(json.find("\"model_type\": \"a \\\"b\\\", c\""), std::string::npos);
  EXPECT_NE(json.find("\"read_gbps\": null"), std::string::npos);
  EXPECT_NE(json.find("\"samples_ts\""), std::string::npos);
  EXPECT_NE(json.find("\"layer_rows\""), std::string::npos);
}

TEST(Bench, MarkdownHasOneWidth) {
  std::string text = formatMarkdown(makeBenchReport());
  std::istringstream lines(text);
  size_t tableLines = 0;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line[0] == '|') {
      EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 12) << line;
      ++tableLines;
    }
  EXPECT_EQ(tableLines, 4u);
  for (const char *part :
       {"CPU, fast, 2 cores, Linux 6, level avx2, 2026-11-25T00:00:00Z",
        "start 20.00 ms", "of one 50.00 ms", "| pp8 | 2 | 24.00 ± 11.31 |",
        "| tg10x4 @ d16 | 1 | 3000.00 ± 1414.21 | 4000.00 | 1.00 |  | 4.0 | "
        "50 % |",
        "rows per pp8: layers 0-1: 8 rows, layer"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}
