//===- CommandsTest.cpp - A whole executable, from its command line -------===//
//
// Runs the static executable of the fake model with sections behind it, as the
// compiler writes them, and checks output, messages and exit codes.
//
//===----------------------------------------------------------------------===//

#include "runtime/cli/ids.h"
#include "runtime/cli/npy.h"
#include "test/unit/runtime/ExecutableTest.h"
#include "test/unit/runtime/FakeModel.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::test;

using Ids = std::vector<int32_t>;

namespace {

class CommandsTest : public ExecutableTest {
protected:
  void SetUp() override {
    create("runtime_fake_executable");
    weights[0] = 9;
    install(makeArtifact(image, {{GEMCUT_SECTION_WEIGHTS, weights},
                                 {GEMCUT_SECTION_REPORT, "{\"kl\": 0.5}\n"}}));
  }

  static Ids getGreedy(Ids ids, size_t count, bool noRepeat,
                       int64_t first = 0) {
    Ids result;
    while (result.size() < count) {
      uint64_t state = fakeState(ids.data(), int64_t(ids.size()), first);
      int32_t best = -1;
      for (int32_t v = 0; v < kFakeVocab; ++v) {
        bool isForbidden =
            v == kFakeSuppressedId ||
            (noRepeat && std::find(ids.begin(), ids.end(), v) != ids.end());
        if (!isForbidden &&
            (best < 0 || fakeLogit(state, v, 9) > fakeLogit(state, best, 9)))
          best = v;
      }
      ids.push_back(best);
      result.push_back(best);
    }
    return result;
  }

  std::string weights = std::string(kFakeWeightBytes, 0);
};

} // namespace

TEST_F(CommandsTest, GenerateGivesTheSameIdsInEveryWay) {
  const Ids prompt = {7, 1, 49, 2, 2, 13, 8, 0, 21};
  for (const char *way : {"", "--chunk 1", "--chunk 4", "--full-prefill",
                          "--full-prefill --chunk 3", "-t 1", "-t 5"})
    for (bool noRepeat : {false, true}) {
      Result result = run("generate --ids 7,1,49,2,2,13,8,0,21 -n 12 --temp 0 "
                          "--print-ids --ignore-stop " +
                          std::string(noRepeat ? "--no-repeat " : "") + way);
      ASSERT_EQ(result.code, 0) << result.error;
      Ids ids;
      ASSERT_EQ(cli::parseIds(result.out, ids), GEMCUT_OK) << result.out;
      EXPECT_EQ(ids, getGreedy(prompt, 12, noRepeat)) << way;
    }
}

TEST_F(CommandsTest, GenerateReadsFilesAndSeeds) {
  writeFile(folder + "/ids", "7 1\n49\n");
  std::string flags = " -n 6 --print-ids --ignore-stop ";
  EXPECT_EQ(run("generate --ids @ids --temp 0" + flags).out,
            run("generate --ids 7,1,49 --temp 0" + flags).out);
  std::string first = run("generate --ids 7 --seed 5" + flags).out;
  EXPECT_EQ(run("generate --ids 7 --seed 5" + flags).out, first);
  int different = 0;
  for (int seed = 6; seed < 16; ++seed)
    different +=
        run("generate --ids 7 --seed " + std::to_string(seed) + flags).out !=
        first;
  EXPECT_GE(different, 8);
}

TEST_F(CommandsTest, GenerateUntilTheContextIsFull) {
  Result all = run("generate --ids 1,2,3 --temp 0 --print-ids --ignore-stop");
  EXPECT_EQ(all.code, 0);
  EXPECT_NE(all.error.find("note: the context of 40 tokens is full"),
            std::string::npos);
  Result limited =
      run("generate --ids 1,2,3 -n 50 --temp 0 --print-ids --ignore-stop");
  EXPECT_EQ(limited.code, 1);
  EXPECT_EQ(limited.out, all.out);
  EXPECT_NE(limited.error.find("after 38 of 50"), std::string::npos);
}

TEST_F(CommandsTest, ScoreWritesAllLogits) {
  const Ids ids = {4, 8, 15, 16, 23, 42};
  for (int first : {0, 30}) {
    Result result = run("score --ids 4,8,15,16,23,42 --logits l.npy "
                        "--first-position " +
                        std::to_string(first));
    ASSERT_EQ(result.code, 0) << result.error;
    cli::NpyReader reader;
    ASSERT_EQ(reader.open((folder + "/l.npy").c_str()), GEMCUT_OK);
    ASSERT_EQ(reader.getRows(), ids.size());
    ASSERT_EQ(reader.getColumns(), size_t(kFakeVocab));
    double nll = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      float row[kFakeVocab];
      ASSERT_EQ(reader.readRow(row), GEMCUT_OK);
      uint64_t state = fakeState(ids.data(), int64_t(i + 1), first);
      double sum = 0;
      for (int32_t v = 0; v < kFakeVocab; ++v) {
        ASSERT_EQ(row[v], fakeLogit(state, v, 9));
        sum += std::exp(double(row[v]));
      }
      if (i + 1 < ids.size())
        nll += std::log(sum) - double(row[ids[i + 1]]);
    }
    char expected[128];
    snprintf(expected, sizeof(expected),
             "5 tokens\nmean NLL    %.6f\nperplexity  %.6g\n", nll / 5,
             std::exp(nll / 5));
    EXPECT_EQ(result.out, expected);
  }
}

TEST_F(CommandsTest, ScoreCompares) {
  ASSERT_EQ(run("score --ids 4,8,15,16 --logits l.npy").code, 0);
  Result same = run("score --ids 4,8,15,16 --compare l.npy");
  EXPECT_NE(same.out.find("4 rows compared\nmean KL divergence  0\n"
                          "top-1 agreement     100.0000 %\n"),
            std::string::npos)
      << same.out;
  Result other = run("score --ids 4,8,15,17 --compare l.npy");
  EXPECT_NE(other.out.find("top-1 agreement     75.0000 %"), std::string::npos)
      << other.out;
  expectFailure("score --ids 4,8,15 --compare l.npy", 1, "(4, 50)");
  std::string bytes = readFile(folder + "/l.npy");
  for (float bad : {float(NAN), INFINITY, -INFINITY}) {
    std::memcpy(&bytes[bytes.size() - sizeof(bad)], &bad, sizeof(bad));
    writeFile(folder + "/bad.npy", bytes);
    expectFailure("score --ids 4,8,15,16 --compare bad.npy", 1,
                  "bad.npy holds a value that is not finite in row 3");
  }
}

TEST_F(CommandsTest, BadInputIsExitOne) {
  expectFailure("generate --ids 1,99 --print-ids", 1, "token 1 is 99");
  expectFailure("generate --ids 1,x --print-ids", 1, "'x'");
  expectFailure("generate --ids @nowhere --print-ids", 1, "nowhere");
  expectFailure("generate --ids 1 -n 1", 1, "no tokenizer");
  expectFailure("generate --ids 1 --print-ids --save-session /nowhere/s", 1,
                "/nowhere/s: No such file");
  expectFailure("score --ids 3", 1, "at least two");
  expectFailure("score --ids 3 --logits /nowhere/l.npy", 1, "/nowhere/l.npy");
  expectFailure("score --ids 1,2 --first-position 39", 1, "context of 40");
  expectFailure("score --ids 1,2 --first-position 40", 1, "0 to 39");
  expectFailure("score --text nowhere.txt", 1, "nowhere.txt");
  expectFailure("tokenize hello", 1, "no tokenizer");
  expectFailure("-p hello", 1, "no tokenizer");
  expectFailure("bench -p 41", 1, "41 positions");
  expectFailure("bench -p 0 -n 9 -d 33", 1, "tg9 @ d33 needs 42");
  expectFailure("bench -n 4 --rows 1,99", 1, "--rows is 99");
}

TEST_F(CommandsTest, UsageIsExitTwo) {
  expectFailure("nosuch", 2, "'nosuch'");
  expectFailure("--nosuch", 2, "--nosuch");
  expectFailure("generat", 2, "is it generate");
  expectFailure("generate --ids 1 --level nosuch", 2, "impossible, baseline");
  expectFailure("generate", 2, "--ids is missing");
  expectFailure("generate --ids 1 -n -4", 2, "--tokens");
  expectFailure("generate --ids 1 -t 65", 2, "1 to 64");
  expectFailure("generate --ids 1 --context 41", 2, "1 to 40");
  expectFailure("score", 2, "--ids or --text");
  expectFailure("score --ids 1 --text f", 2, "exclude");
  expectFailure("bench -o xml", 2, "md, csv or json");
  expectFailure("bench -d 1,x", 2, "list of whole numbers from 0 on");
  expectFailure("bench --rows 0", 2, "from 1 on");
  expectFailure("bench -t 1,65", 2, "from 1 to 64");
  expectFailure("bench -p 0 -n 0,0", 2, "nothing to measure");
  expectFailure("tokenize", 2, "TEXT or --file");
  expectFailure("info extra", 2, "'extra'");
}

TEST_F(CommandsTest, SmallStacksAreRefused) {
  start = "ulimit -s 64 && ./model";
  expectFailure("generate --ids 1 --print-ids -n 1", 1,
                "limited to 64 KiB, but 1024 are needed");
  start = "ulimit -S -s 64 && ./model"; // may be raised
  EXPECT_EQ(run("generate --ids 1 --print-ids -n 1").code, 0);
}

TEST_F(CommandsTest, ProgramsDoNotReplaceThemselves) {
  expectFailure("generate --ids 1 --print-ids -n 1 --save-session model", 1,
                "is the program itself");
  expectFailure("score --ids 1,2 --logits model", 1, "is the program itself");
  expectFailure("generate --ids 1 --print-ids -n 1 --save-session /dev/stdout",
                1, "name a regular file");
}

TEST_F(CommandsTest, WritesBeyondTheLimitAreOneError) {
  writeFile(folder + "/ids", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 "
                             "20 21 22 23 24 25 26 27 28 29 30");
  // In blocks of 512 or 1024 bytes.
  start = "sh -c 'ulimit -f 1; exec ./model \"$@\"' sh";
  expectFailure("score --ids @ids --logits l.npy", 1, "l.npy: File too large");
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names,
            (std::vector<std::string>{"error", "ids", "in", "model", "out"}));
}

TEST_F(CommandsTest, ProcIsNotNeeded) {
  start = (geteuid() ? "unshare -r " : "") + std::string("chroot . ");
  if (std::system(("cd / && " + start + "/bin/true").c_str()) != 0)
    GTEST_SKIP() << "this user may not call chroot";
  start += "/model";
  Result result = run("generate --ids 1 --print-ids -n 2 --temp 0");
  EXPECT_EQ(result.code, 0) << result.error;
}

TEST_F(CommandsTest, EveryCommandHasHelp) {
  for (const char *command : {"", "generate", "score", "tokenize", "detokenize",
                              "bench", "trace", "info"}) {
    Result result = run(std::string(command) + " --help");
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.error, "");
    EXPECT_NE(result.out.find("Usage:"), std::string::npos) << command;
    size_t start = 0;
    for (size_t end; (end = result.out.find('\n', start)) != std::string::npos;
         start = end + 1)
      EXPECT_LE(end - start, 80u) << result.out.substr(start, end - start);
  }
}

TEST_F(CommandsTest, VersionNamesModelAndCompiler) {
  Result result = run("--version");
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out.find("fake \"model\", "), 0u) << result.out;
  EXPECT_NE(result.out.find("compiled by gemcut 0."), std::string::npos);
}

TEST_F(CommandsTest, Info) {
  Result text = run("info --verify");
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("checksum verified"), std::string::npos);
  Result json = run("info --json");
  for (const char *part :
       {"\"name\": \"fake \\\"model\\\"\"", "\"name\": \"baseline\"",
        "\"supported\": true", "\"report\": {\"kl\": 0.5}", "\"bytes\": 4096"})
    EXPECT_NE(json.out.find(part), std::string::npos) << json.out;
}

TEST_F(CommandsTest, BenchFields) {
  Result json = run("bench -p 9 -n 4 -d 0,5 -r 2 -o json -t 2");
  ASSERT_EQ(json.code, 0) << json.error;
  for (const char *field :
       {"n_prompt", "n_gen", "n_depth", "n_threads", "avg_ts", "stddev_ts",
        "best_ts", "ttft_ms", "start_ms", "start_to_token_ms", "step_ms",
        "private_bytes", "kv_bytes", "peak_rss", "bytes_per_token", "n_rows",
        "cpu_info", "read_gbps"}) {
    size_t count = 0;
    std::string key = "\"" + std::string(field) + "\": ";
    for (size_t at = 0; (at = json.out.find(key, at)) != std::string::npos;
         ++at)
      ++count;
    EXPECT_EQ(count, 4u) << field;
  }
  Result text = run("bench -p 9 -n 4 -d 5 -r 2");
  EXPECT_NE(text.out.find("pp9 @ d5"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("tg4 @ d5"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("layers 0-2: 9 rows, layers 3-4: 1 row"),
            std::string::npos)
      << text.out;
  // Every combination: 2 threads x 2 depths x (2 prompts + 2 numbers of rows).
  Result grid = run("bench -p 3,9 -n 2 --rows 1,2 -d 0,5 -t 1,2 -r 1 -o csv");
  EXPECT_EQ(std::count(grid.out.begin(), grid.out.end(), '\n'), 17)
      << grid.out << grid.error;
  Result csv = run("bench -p 9 -n 0 -r 1 -o csv");
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 2) << csv.out;
}

TEST_F(CommandsTest, TraceTimesEveryBarrier) {
  for (const char *threads : {"1", "3"}) {
    Result json = run("trace --decode 2 --prefill 10 --score 5 -d 3 -r 2 -t " +
                      std::string(threads));
    ASSERT_EQ(json.code, 0) << json.error;
    EXPECT_NE(json.out.find("\"threads\": " + std::string(threads)),
              std::string::npos);
    // Numbers in the list behind each occurrence of a key.
    auto countNumbers = [&](const std::string &key) {
      std::vector<int64_t> counts;
      for (size_t at = 0;
           (at = json.out.find("\"" + key + "\": [", at)) != std::string::npos;
           ++at) {
        size_t end = json.out.find(']', at);
        counts.push_back(std::count(json.out.begin() + int64_t(at),
                                    json.out.begin() + int64_t(end), ',') +
                         1);
      }
      return counts;
    };
    // The fake model has 3 barriers in decode, prefill and score, 1 in extend.
    // A chunk is 7 tokens of a prompt or 4 of score.
    const std::vector<int64_t> expected = {4, 7, 9};
    EXPECT_EQ(countNumbers("best_us"), expected) << json.out;
    EXPECT_EQ(countNumbers("median_us"), expected);
    EXPECT_EQ(countNumbers("total_us"), (std::vector<int64_t>{2, 2, 2}));
    std::string steps;
    for (size_t at = 0;
         (at = json.out.find("\"entry\": \"", at)) != std::string::npos; ++at)
      for (size_t i = at + 9; json.out[i] != '}'; ++i)
        if (!isspace(json.out[i]))
          steps += json.out[i];
    EXPECT_EQ(steps, "\"decode\",\"position\":3,\"rows\":2"
                     "\"extend\",\"position\":3,\"rows\":7"
                     "\"prefill\",\"position\":10,\"rows\":3"
                     "\"score\",\"position\":3,\"rows\":4"
                     "\"score\",\"position\":7,\"rows\":1");
  }
  // What nobody asked for fits the context of 40.
  EXPECT_NE(run("trace -r 1 -d 10").out.find("\"name\": \"prefill\""),
            std::string::npos);
  expectFailure("trace --prefill 41", 1, "41 positions");
  expectFailure("trace --decode 9", 1, "1 to 8");
}

TEST_F(CommandsTest, DamagedFiles) {
  std::string whole = test::readFile(folder + "/model");
  install(whole.substr(0, whole.size() - 1));
  expectFailure("info", 1, "truncated");
  std::string damaged = whole;
  damaged[whole.size() - 60] ^= 1;
  install(damaged);
  expectFailure("generate --ids 1 --print-ids", 1, "checksum");
  install(makeArtifact(image, {{GEMCUT_SECTION_WEIGHTS, "short"}}));
  expectFailure("generate --ids 1 --print-ids", 1, "5 bytes");
}

TEST_F(CommandsTest, WeightsInASidecar) {
  std::string sidecar = makeArtifact("", {{GEMCUT_SECTION_WEIGHTS, weights}});
  const char *command = "generate --ids 7,1 -n 3 --temp 0 --print-ids "
                        "--ignore-stop";
  std::string expected = run(command).out;
  // Without any footer, and with one that holds another section.
  for (const std::string &executable :
       {image, makeArtifact(image, {{GEMCUT_SECTION_REPORT, "{}"}})}) {
    install(executable);
    std::remove((folder + "/model.gemw").c_str());
    expectFailure(command, 1, "model.gemw");
    writeFile(folder + "/model.gemw", sidecar.substr(0, sidecar.size() - 9));
    expectFailure(command, 1, "model.gemw");
    writeFile(folder + "/model.gemw", sidecar);
    Result result = run(command);
    EXPECT_EQ(result.code, 0) << result.error;
    EXPECT_EQ(result.out, expected);
  }
  // The footer says which weights belong to the code.
  uint64_t checksum = xxh64(weights.data(), weights.size());
  install(makeArtifact(image, {{GEMCUT_SECTION_REPORT, "{}"}}, checksum));
  EXPECT_EQ(run(command).out, expected);
  std::string others = weights;
  others.back() ^= 1;
  writeFile(folder + "/model.gemw",
            makeArtifact("", {{GEMCUT_SECTION_WEIGHTS, others}}));
  expectFailure(command, 1, "of another compilation");
}
