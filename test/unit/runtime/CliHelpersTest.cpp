//===- CliHelpersTest.cpp - Ids, arrays, JSON, flags, probabilities -------===//

#include "runtime/cli/bench_report.h"
#include "runtime/cli/flags.h"
#include "runtime/cli/history_file.h"
#include "runtime/cli/ids.h"
#include "runtime/cli/instruction_rate.h"
#include "runtime/cli/json.h"
#include "runtime/cli/npy.h"
#include "runtime/cli/read_bandwidth.h"
#include "runtime/cli/touched_pages.h"
#include "runtime/core/cpu.h"
#include "runtime/core/error.h"
#include "runtime/core/memory.h"
#include "runtime/session/log_softmax.h"
#include "test/unit/runtime/ArtifactBuilder.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <sstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::cli;

using Ids = std::vector<int32_t>;

TEST(Ids, Lists) {
  Ids ids;
  EXPECT_EQ(parseIds("1,2,3", ids), GEMCUT_OK);
  EXPECT_EQ(ids, (Ids{1, 2, 3}));
  EXPECT_EQ(parseIds("  7 \n8,\t9 ,\r\n 2147483647, ", ids), GEMCUT_OK);
  EXPECT_EQ(ids, (Ids{7, 8, 9, 2147483647}));
  for (const char *bad :
       {"", " ", ",", "2,,5", "2, ,5", ",2", "2,5,,", "1,-2", "1,x", "1.5",
        "0x10", "1;2", "2147483648", "99999999999999999999999"}) {
    EXPECT_EQ(parseIds(bad, ids), GEMCUT_INVALID_ARGUMENT) << bad;
  }
  EXPECT_EQ(parseIds("10,20,zebra", ids), GEMCUT_INVALID_ARGUMENT);
  EXPECT_NE(std::string(gemcut_last_error()).find("'zebra' at byte 6"),
            std::string::npos)
      << gemcut_last_error();
}

TEST(Ids, Files) {
  std::string path = testing::TempDir() + "/gemcut-ids.txt";
  test::writeFile(path, "4 5\n6\n");
  Ids ids;
  EXPECT_EQ(readIds(("@" + path).c_str(), ids), GEMCUT_OK);
  EXPECT_EQ(ids, (Ids{4, 5, 6}));
  std::remove(path.c_str());
  EXPECT_EQ(readIds(("@" + path).c_str(), ids), GEMCUT_SYSTEM_ERROR);
}

namespace {
class NpyTest : public testing::Test {
protected:
  std::string folder = testing::TempDir() + "/gemcut-npy-XXXXXX";
  std::string path;
  NpyTest() {
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    path = folder + "/test.npy";
  }
  ~NpyTest() override { std::filesystem::remove_all(folder); }

  gemcut_status read(const std::string &bytes) {
    test::writeFile(path, bytes);
    NpyReader reader;
    return reader.open(path.c_str());
  }
};
} // namespace

TEST_F(NpyTest, RoundTrip) {
  const float rows[2][3] = {{1, -2, 3.5f}, {0, 1e-30f, INFINITY}};
  {
    NpyWriter writer;
    ASSERT_EQ(writer.open(path.c_str(), 2, 3), GEMCUT_OK);
    ASSERT_EQ(writer.writeRow(rows[0]), GEMCUT_OK);
    ASSERT_EQ(writer.writeRow(rows[1]), GEMCUT_OK);
    ASSERT_EQ(writer.close(), GEMCUT_OK);
  }
  std::string bytes = test::readFile(path);
  ASSERT_EQ(bytes.size(), 128 + sizeof(rows));
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_EQ(bytes.substr(10, 60),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ")
      << bytes.substr(10, 60);
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_EQ(std::memcmp(bytes.data() + 128, rows, sizeof(rows)), 0);
  NpyReader reader;
  ASSERT_EQ(reader.open(path.c_str()), GEMCUT_OK) << gemcut_last_error();
  EXPECT_EQ(reader.getRows(), 2u);
  EXPECT_EQ(reader.getColumns(), 3u);
  float row[3];
  for (const auto &expected : rows) {
    ASSERT_EQ(reader.readRow(row), GEMCUT_OK);
    EXPECT_EQ(std::memcmp(row, expected, sizeof(row)), 0);
  }
  EXPECT_EQ(reader.readRow(row), GEMCUT_INVALID_ARGUMENT);
}

TEST_F(NpyTest, RowsGoThroughAPipe) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const float rows[2][3] = {{1, -2, 3.5f}, {4, 5, 6}};
  std::thread other([&] {
    NpyWriter writer;
    EXPECT_EQ(writer.open(path.c_str(), 2, 3), GEMCUT_OK);
    EXPECT_EQ(writer.writeRow(rows[0]), GEMCUT_OK);
    EXPECT_EQ(writer.writeRow(rows[1]), GEMCUT_OK);
    EXPECT_EQ(writer.close(), GEMCUT_OK);
  });
  NpyReader reader;
  EXPECT_EQ(reader.open(path.c_str()), GEMCUT_OK) << gemcut_last_error();
  EXPECT_EQ(reader.getRows(), 2u);
  float row[3];
  for (const auto &expected : rows) {
    EXPECT_EQ(reader.readRow(row), GEMCUT_OK);
    EXPECT_EQ(std::memcmp(row, expected, sizeof(row)), 0);
  }
  EXPECT_EQ(reader.readRow(row), GEMCUT_INVALID_ARGUMENT);
  other.join();
  EXPECT_EQ(access(path.c_str(), F_OK), 0) << "the pipe is not replaced";
}

TEST_F(NpyTest, DevicesAreWrittenNotReplaced) {
  ASSERT_EQ(symlink("/dev/full", path.c_str()), 0);
  const float row[3] = {1, 2, 3};
  NpyWriter writer;
  ASSERT_EQ(writer.open(path.c_str(), 1, 3), GEMCUT_OK);
  ASSERT_EQ(writer.writeRow(row), GEMCUT_OK);
  EXPECT_EQ(writer.close(), GEMCUT_SYSTEM_ERROR);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
}

/// Whether the filesystem can, as tmpfs and ext4, but not NFS.
static bool hasUnnamedFiles(const std::string &folder) {
  int descriptor = open(folder.c_str(), O_TMPFILE | O_RDWR, 0600);
  if (descriptor >= 0)
    close(descriptor);
  return descriptor >= 0;
}

TEST_F(NpyTest, UnfinishedFilesDisappear) {
  const float row[3] = {1, 2, 3};
  {
    NpyWriter writer;
    ASSERT_EQ(writer.open(path.c_str(), 2, 3), GEMCUT_OK);
    ASSERT_EQ(writer.writeRow(row), GEMCUT_OK);
    if (hasUnnamedFiles(folder)) // nothing is left of a program that is killed
      EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_EQ(writer.close(), GEMCUT_INVALID_ARGUMENT);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(NpyTest, OfTwoWritersTheLaterOneWins) {
  const float rows[2][3] = {{1, 2, 3}, {4, 5, 6}};
  NpyWriter writers[2];
  for (NpyWriter &writer : writers)
    ASSERT_EQ(writer.open(path.c_str(), 1, 3), GEMCUT_OK);
  for (int i : {1, 0}) {
    ASSERT_EQ(writers[i].writeRow(rows[i]), GEMCUT_OK);
    ASSERT_EQ(writers[i].close(), GEMCUT_OK) << gemcut_last_error();
    NpyReader reader;
    ASSERT_EQ(reader.open(path.c_str()), GEMCUT_OK) << gemcut_last_error();
    float row[3];
    ASSERT_EQ(reader.readRow(row), GEMCUT_OK);
    EXPECT_EQ(std::memcmp(row, rows[i], sizeof(row)), 0);
  }
}

TEST_F(NpyTest, DamagedFilesAreRejected) {
  auto make = [](const char *header, size_t dataBytes) {
    std::string bytes("\x93NUMPY\x01\x00", 8);
    size_t length = strlen(header);
    bytes += char(length & 255);
    bytes += char(length >> 8);
    return bytes + header + std::string(dataBytes, 'x');
  };
  const char *good =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  std::string whole = make(good, 24);
  ASSERT_EQ(read(whole), GEMCUT_OK) << gemcut_last_error();
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(read(whole.substr(0, length)), GEMCUT_INVALID_ARGUMENT) << length;
  EXPECT_EQ(read(whole + "y"), GEMCUT_INVALID_ARGUMENT);
  for (const char *header :
       {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(4611686018427387904, 6), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(99999999999999999999999, 3), }"})
    EXPECT_EQ(read(make(header, 24)), GEMCUT_INVALID_ARGUMENT) << header;
}

TEST(History, HomesAreNotMade) {
  unsetenv("XDG_STATE_HOME");
  setenv("HOME", "/tmp", /*replace=*/1);
  EXPECT_EQ(HistoryFile::findPath(), "/tmp/.local/state/gemcut/history");
  for (const char *home : {"/nonexistent", "", "relative"}) {
    setenv("HOME", home, /*replace=*/1);
    EXPECT_EQ(HistoryFile::findPath(), "") << home;
  }
  unsetenv("HOME");
  EXPECT_EQ(HistoryFile::findPath(), "");
}

TEST(Json, Document) {
  JsonWriter json;
  json.beginObject();
  json.member("text", "a\"b\\c\n\x01\xc3\xa9\xff");
  json.member("n", -3);
  json.member("x", 0.5);
  json.member("nan", NAN);
  json.key("list");
  json.beginArray();
  json.boolean(true);
  json.beginArray();
  json.endArray();
  json.endArray();
  json.endObject();
  EXPECT_EQ(json.str(), "{\n  \"text\": \"a\\\"b\\\\c\\u000a\\u0001\xc3\xa9"
                        "\xef\xbf\xbd\",\n  \"n\": -3,\n  \"x\": 0.5,\n"
                        "  \"nan\": null,\n  \"list\": [\n    true,\n    []\n"
                        "  ]\n}");
}

namespace {
struct ParsedFlags {
  bool flag = false;
  int count = 4;
  float real = 0.5f;
  uint64_t seed = 1;
  const char *text = nullptr, *level = nullptr;
  std::vector<const char *> positionals;
  Parsed parsed;
  std::string error, output;

  explicit ParsedFlags(std::vector<const char *> arguments) {
    Flags flags("cmd [flags]", "Summary.");
    flags.add(flag, "flag", 0, "A switch.");
    flags.add(count, "count", 'c', "N", "A count.", 1, 10);
    flags.add(real, "real", 0, "X", "A number.", 0, 1);
    flags.add(seed, "seed", 0, "N", "A seed.");
    flags.add(text, "text", 't', "TEXT", "A text.");
    flags.add(real, "temp", 0, "X", "A temperature.", 0, 1);
    flags.add(level, "level", 0, "NAME", "A level.", {"high", "low"}, "high");
    arguments.insert(arguments.begin(), "cmd");
    std::vector<char *> argv;
    for (const char *argument : arguments)
      argv.push_back(const_cast<char *>(argument));
    argv.push_back(nullptr);
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    parsed = flags.parse(int(arguments.size()), argv.data(), positionals, 1);
    fflush(stdout);
    output = testing::internal::GetCapturedStdout();
    error = testing::internal::GetCapturedStderr();
  }
};
} // namespace

TEST(Flags, Values) {
  ParsedFlags f({"--flag", "-c", "7", "word", "--real=0.25", "-tx", "--seed",
                 "18446744073709551615"});
  EXPECT_EQ(f.parsed, Parsed::Run);
  EXPECT_TRUE(f.flag);
  EXPECT_EQ(f.count, 7);
  EXPECT_EQ(f.real, 0.25f);
  EXPECT_EQ(f.seed, UINT64_MAX);
  EXPECT_STREQ(f.text, "x");
  ASSERT_EQ(f.positionals.size(), 1u);
  EXPECT_STREQ(f.positionals[0], "word");
  ParsedFlags dashes({"--", "--flag"});
  EXPECT_EQ(dashes.parsed, Parsed::Run);
  EXPECT_STREQ(dashes.positionals.at(0), "--flag");
}

TEST(Flags, MistakesAreUsageErrors) {
  const std::vector<std::vector<const char *>> mistakes = {
      {"--nosuch"},      {"-x"},
      {"--count"},       {"-c"},
      {"-c", "0"},       {"-c", "11"},
      {"-c", "7x"},      {"-c", ""},
      {"-c", "1e1"},     {"--real", "2"},
      {"--real", "nan"}, {"--real", "x"},
      {"--flag=yes"},    {"--seed", "-1"},
      {"one", "two"},    {"--seed", "18446744073709551616"}};
  for (const auto &arguments : mistakes) {
    ParsedFlags f(arguments);
    EXPECT_EQ(f.parsed, Parsed::Usage) << arguments[0];
    EXPECT_EQ(f.error.substr(0, 7), "error: ") << f.error;
    EXPECT_NE(f.error.find("cmd --help"), std::string::npos) << f.error;
    EXPECT_EQ(f.output, "");
  }
}

TEST(Flags, MistypedNamesAreGuessed) {
  const std::pair<const char *, const char *> cases[] = {
      {"--txet", "; is it --text;"},
      {"--cuont=3", "no flag --cuont=3; is it --count;"},
      {"--nothing-like-it", "no flag --nothing-like-it;"},
      {"--te", "--te may be any of --text, --temp;"}};
  for (const auto &[typed, message] : cases) {
    ParsedFlags f({typed});
    EXPECT_NE(f.error.find(message), std::string::npos) << f.error;
  }
}

TEST(Flags, ListedNames) {
  EXPECT_STREQ(ParsedFlags({"--level", "low"}).level, "low");
  ParsedFlags other({"--level", "lower"});
  EXPECT_EQ(other.parsed, Parsed::Usage);
  EXPECT_NE(other.error.find("'lower', but must be one of: high, low"),
            std::string::npos)
      << other.error;
}

TEST(Flags, HelpShowsEveryFlagWithItsDefault) {
  ParsedFlags f({"--help"});
  EXPECT_EQ(f.parsed, Parsed::Help);
  EXPECT_EQ(f.error, "");
  for (const char *part :
       {"Summary.", "--flag", "A switch.", "-c, --count N",
        "A count. Default: 4.", "A number. Default: 0.5.", "--help"})
    EXPECT_NE(f.output.find(part), std::string::npos) << f.output;
}

TEST(LogSoftmax, KnownValues) {
  const float uniform[4] = {5, 5, 5, 5};
  EXPECT_NEAR(getLogSumExp(uniform, 4), 5 + std::log(4.0), 1e-12);
  const float large[2] = {1000, 0};
  EXPECT_NEAR(getLogSumExp(large, 2), 1000, 1e-12);
  const float p[2] = {0, 0}, q[2] = {float(std::log(3.0)), 0};
  // p = (1/2, 1/2), q = (3/4, 1/4).
  EXPECT_NEAR(getKlDivergence(p, q, 2),
              0.5 * std::log(2.0 / 3) + 0.5 * std::log(2.0), 1e-7);
  EXPECT_NEAR(getKlDivergence(q, q, 2), 0, 1e-15);
  const float masked[3] = {0, -INFINITY, 0}, other[3] = {0, 1, 0};
  EXPECT_TRUE(std::isfinite(getKlDivergence(masked, other, 3)));
  const float nan[2] = {1, NAN};
  EXPECT_TRUE(std::isnan(getLogSumExp(nan, 2)));
  const float ties[3] = {1, 2, 2};
  EXPECT_EQ(getArgmax(ties, 3), 1u);
}

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

TEST(Machine, DescribesThisProcess) {
  Machine machine = describeMachine();
  EXPECT_FALSE(machine.cpu.empty());
  EXPECT_GE(machine.cores, 1);
  EXPECT_EQ(machine.time.size(), 20u) << machine.time;
}

TEST(Machine, CountsTouchedMemory) {
  constexpr size_t kBytes = 64 << 20, kTouched = 40 << 20;
  Memory memory;
  EXPECT_EQ(memory.countResident(), 0u);
  ASSERT_EQ(memory.allocate(kBytes, "test"), GEMCUT_OK);
  EXPECT_EQ(memory.countResident(), 0u);
  uint64_t before = readProcessMemory().privateBytes;
  std::fill_n(memory.data(), kTouched, 1);
  // Where huge pages are the default, the last one is resident as a whole.
  EXPECT_GE(memory.countResident(), kTouched);
  EXPECT_LE(memory.countResident(), kTouched + (4 << 20));
  ProcessMemory after = readProcessMemory();
  EXPECT_NEAR(double(after.privateBytes - before), double(kTouched), 5e6);
  EXPECT_GE(after.peakBytes, kTouched);
}

TEST(ReadBandwidth, ReadsWithAnyTeam) {
  std::vector<uint8_t> bytes(3 << 20, 1);
  uint8_t *aligned = bytes.data() + (64 - uintptr_t(bytes.data()) % 64) % 64;
  for (int threads : {1, 3}) {
    Team team;
    ASSERT_EQ(team.start(threads, 2), GEMCUT_OK);
    for (size_t size : {size_t(64), size_t(4096), size_t(2 << 20)})
      EXPECT_GT(timeRead(team, aligned, size), 0);
  }
}

TEST(InstructionRate, KnowsTheInstructionsOfALevel) {
  Team team;
  ASSERT_EQ(team.start(1, 1), GEMCUT_OK);
  for (Arithmetic arithmetic :
       {Arithmetic::Int8, Arithmetic::Bf16, Arithmetic::F32}) {
    EXPECT_EQ(measureMacRate(team, arithmetic, ""), 0);
    EXPECT_EQ(measureMacRate(team, arithmetic, "avx512vnni2,xavx2"), 0);
  }
  char features[256];
  formatCpuFeatures(detectCpuFeatures(), features, sizeof(features));
  std::string list = std::string(",") + features + ",";
  auto has = [&](const char *name) {
    return list.find("," + std::string(name) + ",") != std::string::npos;
  };
  // Far below and far above what any CPU does.
  auto expectRate = [&](Arithmetic arithmetic, const char *only) {
    double rate = measureMacRate(team, arithmetic, only);
    EXPECT_GT(rate, 1e8) << only;
    EXPECT_LT(rate, 1e13) << only;
  };
  if (has("avx2"))
    expectRate(Arithmetic::Int8, "avx2");
  if (has("avxvnni"))
    expectRate(Arithmetic::Int8, "avx2,avxvnni");
  if (has("avx512vnni"))
    expectRate(Arithmetic::Int8, "avx2,avx512f,avx512vnni");
  if (has("avx512bf16"))
    expectRate(Arithmetic::Bf16, "avx512bf16,avx512f");
  if (has("fma"))
    expectRate(Arithmetic::F32, "avx2,fma");
  if (has("avx512f"))
    expectRate(Arithmetic::F32, "fma,avx512f");
}

TEST(TouchedPages, CountsThoseAccessedSince) {
  constexpr size_t kPages = 8;
  size_t page = size_t(sysconf(_SC_PAGESIZE)), length = kPages * page;
  auto *memory =
      static_cast<volatile char *>(mmap(nullptr, length, PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(const_cast<char *>(memory), MAP_FAILED);
  madvise(const_cast<char *>(memory), length, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < kPages; ++i)
    memory[i * page] = 1;
  if (!clearTouchedPages(const_cast<char *>(memory), length))
    GTEST_SKIP() << "this kernel does not offer /proc/self/clear_refs";
  uint64_t bytes = 1;
  if (!countTouchedBytes(const_cast<char *>(memory), length, bytes))
    GTEST_SKIP() << "this kernel does not say which pages were referenced";
  EXPECT_EQ(bytes, 0u);
  for (size_t i : {1, 4, 5})
    EXPECT_EQ(memory[i * page], 1);
  ASSERT_TRUE(countTouchedBytes(const_cast<char *>(memory), length, bytes));
  EXPECT_EQ(bytes, 3 * page);
  munmap(const_cast<char *>(memory), length);
}
