//===- ReporterTest.cpp - What a compilation tells, and stopping it -------===//

#include "compiler/Driver/Commands.h"
#include "compiler/Driver/Compilation.h"
#include "compiler/Driver/FitMemory.h"
#include "compiler/Driver/UsageError.h"
#include "frontends/Checkpoint/CheckpointError.h"
#include "test/unit/Artifact/TestFolder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

using namespace gemcut;
using namespace gemcut::driver;
using gemcut::checkpoint::CheckpointError;
using gemcut::test::TestFolder;

namespace {

/// Remembers what it is told, and stops at a phase or activity.
struct Recorder : Reporter {
  std::string stopAt;
  std::vector<std::string> phases, notes;
  std::set<std::string> activities;
  uint64_t done = 0, total = 0;
  bool isStopped = false;

  void phase(llvm::StringRef name) override {
    phases.push_back(name.str());
    isStopped |= name == stopAt;
  }
  void note(llvm::StringRef sentence) override {
    notes.push_back(sentence.str());
  }
  void progress(llvm::StringRef activity, llvm::StringRef, uint64_t now,
                uint64_t all) override {
    activities.insert(activity.str());
    done = now;
    total = all;
    isStopped |= activity == stopAt;
  }
  bool isCancelled() override { return isStopped; }
};

class ReporterTest : public testing::Test {
protected:
  CompileOptions options() {
    auto parsed =
        parseCompile({GEMCUT_TEST_DATA "/goldens/edge", "-o", folder / "out",
                      "--cpu", "avx2", "--context", "64", "--runtime-dir",
                      GEMCUT_BINARY_DIR "/lib/runtime"});
    EXPECT_TRUE(bool(parsed)) << llvm::toString(parsed.takeError());
    return *parsed;
  }

  TestFolder folder;
  Recorder recorder;
};

TEST_F(ReporterTest, StopsBetweenPhasesAndLeavesNothing) {
  recorder.stopAt = "gemma passes";
  auto result = compile(options(), recorder);
  ASSERT_FALSE(bool(result));
  EXPECT_TRUE(result.errorIsA<CancelledError>());
  EXPECT_EQ(llvm::toString(result.takeError()),
            "cancelled; nothing was written");
  EXPECT_EQ(recorder.phases.back(), "gemma passes");
  EXPECT_EQ(folder.list(), "");
}

TEST_F(ReporterTest, StopsWhilePackingAndLeavesNothing) {
  recorder.stopAt = "packing weights";
  CompileOptions sidecar = options();
  sidecar.weights.sidecar = true;
  auto result = compile(sidecar, recorder);
  ASSERT_FALSE(bool(result));
  EXPECT_TRUE(result.errorIsA<CancelledError>());
  llvm::consumeError(result.takeError());
  EXPECT_EQ(recorder.phases,
            (std::vector<std::string>{"load", "import", "gemma passes",
                                      "kernel passes", "code", "pack"}));
  EXPECT_GT(recorder.total, 0u);
  EXPECT_EQ(folder.list(), "");
}

TEST_F(ReporterTest, StopsWhileComparingAndLeavesNothing) {
  std::ofstream(folder / "text.txt") << "What is 38 + 57? What is 2 + 2?";
  recorder.stopAt = "comparing";
  CompileOptions certified = options();
  certified.model = GEMCUT_SOURCE_DIR "/examples/tiny-gemma4";
  certified.certify = folder / "text.txt";
  auto result = compile(certified, recorder);
  ASSERT_FALSE(bool(result));
  EXPECT_TRUE(result.errorIsA<CancelledError>());
  llvm::consumeError(result.takeError());
  EXPECT_EQ(
      recorder.activities,
      (std::set<std::string>{"packing weights of the build",
                             "packing weights of the bf16 form", "comparing"}));
  EXPECT_GT(recorder.total, 15u);
  EXPECT_LT(recorder.total, 40u);
  EXPECT_EQ(folder.list(), "text.txt");
}

TEST_F(ReporterTest, NotesGoToTheReporter) {
  auto inspect = parseInspect(
      {GEMCUT_TEST_DATA "/goldens/edge", "--context", "1000000", "--json"});
  ASSERT_TRUE(bool(inspect));
  auto text = inspectAsJson(*inspect, recorder);
  ASSERT_TRUE(bool(text)) << llvm::toString(text.takeError());
  ASSERT_FALSE(recorder.notes.empty());
  EXPECT_EQ(recorder.notes.back().find("--context 1000000 is more than the "),
            0u);
}

TEST_F(ReporterTest, AMemoryLimitSaysHowMuchIsMissing) {
  CompileOptions small = options();
  small.maxRam = 1 << 20;
  auto result = compile(small, recorder);
  ASSERT_FALSE(bool(result));
  llvm::Error rest =
      llvm::handleErrors(result.takeError(), [](const MemoryLimitError &error) {
        EXPECT_EQ(error.limit, 1u << 20);
        EXPECT_GT(error.needed, error.limit);
      });
  EXPECT_FALSE(bool(rest));
}

TEST_F(ReporterTest, ACheckpointErrorNamesItsFileAndTensor) {
  std::filesystem::copy(GEMCUT_SOURCE_DIR "/examples/tiny-gemma4/config.json",
                        folder / "config.json");
  {
    // One tensor whose range is outside of the file.
    std::string header = R"({"model.x":{"dtype":"F32","shape":[2],)"
                         R"("data_offsets":[0,9]}})";
    uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char *>(&length), 8);
    std::ofstream(folder / "model.safetensors") << bytes << header;
  }
  CompileOptions damaged = options();
  damaged.model = folder / ".";
  auto result = compile(damaged, recorder);
  ASSERT_FALSE(bool(result));
  ASSERT_TRUE(result.errorIsA<CheckpointError>());
  llvm::handleAllErrors(result.takeError(), [&](const CheckpointError &error) {
    EXPECT_EQ(std::filesystem::path(error.file).filename(),
              "model.safetensors");
    EXPECT_EQ(error.tensor, "model.x");
    EXPECT_EQ(error.message.find(error.file + ": tensor "), 0u);
  });
}

TEST(ParseCompile, AWrongFlagIsAUsageError) {
  auto parsed = parseCompile({"model", "-o", "out", "--context", "-3"});
  ASSERT_FALSE(bool(parsed));
  ASSERT_TRUE(parsed.errorIsA<UsageError>());
  EXPECT_NE(llvm::toString(parsed.takeError()).find("--context"),
            std::string::npos);
}

} // namespace
