//===- ReferenceCommandTest.cpp - gemcut reference, without its main() ----===//

#include "compiler/Reference/ReferenceCommand.h"

#include "test/unit/Reference/GoldenCase.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <cstring>

using namespace gemcut;
using namespace gemcut::reference;
using namespace gemcut::test;

namespace {

/// What a run printed; `error` is empty if it succeeded.
struct Outcome {
  std::string out, err, error;
};

Outcome runCommand(const ReferenceOptions &options) {
  Outcome outcome;
  llvm::raw_string_ostream os(outcome.out), err(outcome.err);
  if (llvm::Error error = runReference(options, os, err))
    outcome.error = llvm::toString(std::move(error));
  return outcome;
}

class ReferenceCommandTest : public testing::Test {
protected:
  ReferenceCommandTest() {
    options.model = std::string(GEMCUT_TEST_DATA) + "/goldens/edge";
    options.ids = "2,17, 93 5";
    llvm::SmallString<128> path;
    llvm::sys::path::system_temp_directory(/*erasedOnReboot=*/true, path);
    llvm::sys::path::append(path, "gemcut-reference-%%%%%%%%");
    llvm::sys::fs::createUniqueFile(path, file);
  }
  ~ReferenceCommandTest() override { llvm::sys::fs::remove(file); }

  std::string read() {
    return llvm::cantFail(
               llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(file)))
        ->getBuffer()
        .str();
  }

  ReferenceOptions options;
  llvm::SmallString<128> file;
};

} // namespace

// Best ids on the output, all logits in a file that NumPy reads.
TEST_F(ReferenceCommandTest, WritesLogits) {
  options.logitsFile = file.str().str();
  Outcome outcome = runCommand(options);
  ASSERT_EQ(outcome.error, "");
  EXPECT_NE(outcome.out.find("position 0: best id 2, logit 15.114"),
            std::string::npos)
      << outcome.out;
  GoldenCase golden = GoldenCase::load("edge");
  std::vector<float> expected =
      RunnableModel::fromCheckpoint(golden)->forward({2, 17, 93, 5}, 0).values;
  std::string text = read();
  ASSERT_EQ(text.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  size_t header = 10 + uint8_t(text[8]) + 256 * uint8_t(text[9]);
  EXPECT_EQ(header % 64, 0u);
  EXPECT_NE(text.find("'descr': '<f4', 'fortran_order': False, "
                      "'shape': (4, 256)"),
            std::string::npos);
  ASSERT_EQ(text.size(), header + 4 * expected.size());
  EXPECT_EQ(
      std::memcmp(text.data() + header, expected.data(), 4 * expected.size()),
      0);
}

// Positions move keys, not the logits of the first token, which sees itself
// only.
TEST_F(ReferenceCommandTest, DumpsAndStops) {
  options.dump = {"layers.0.[kv]", "embed"};
  options.stopAfter = "layers.0.self_attn";
  options.firstPosition = 1000;
  Outcome outcome = runCommand(options);
  ASSERT_EQ(outcome.error, "");
  EXPECT_NE(outcome.out.find("embed (4, 64)\n  [0] "), std::string::npos);
  EXPECT_NE(outcome.out.find("layers.0.k (4, 32)"), std::string::npos);
  EXPECT_NE(outcome.out.find("layers.0.v (4, 32)"), std::string::npos);
  EXPECT_EQ(outcome.out.find("layers.1"), std::string::npos);
  EXPECT_EQ(outcome.out.find("best id"), std::string::npos);
}

// A configuration alone has the weights of its seed: those of the stored
// checkpoint for seed 0.
TEST_F(ReferenceCommandTest, TakesAConfigurationAlone) {
  std::string stored = runCommand(options).out;
  options.model += "/config.json";
  EXPECT_EQ(runCommand(options).out, stored);
  options.seed = 1;
  EXPECT_NE(runCommand(options).out, stored);
}

TEST_F(ReferenceCommandTest, TakesIdsFromAFile) {
  std::string direct = runCommand(options).out;
  {
    std::error_code error;
    llvm::raw_fd_ostream os(file, error);
    os << "2 17\n93,\n5\n";
  }
  options.ids = "@" + file.str().str();
  EXPECT_EQ(runCommand(options).out, direct);
}

TEST_F(ReferenceCommandTest, ErrorsNameTheirCause) {
  auto errorWith = [&](auto change) {
    ReferenceOptions changed = options;
    change(changed);
    return runCommand(changed).error;
  };
  EXPECT_EQ(errorWith([](auto &o) { o.ids = " ,"; }),
            "--ids: holds no token id, expected at least one");
  EXPECT_EQ(errorWith([](auto &o) { o.ids = "2,x"; }),
            "--ids: 'x' is no token id; expected whole numbers from 0 to "
            "2147483647, separated by commas");
  EXPECT_EQ(errorWith([](auto &o) { o.ids = "@/nowhere/ids"; }),
            "cannot read '/nowhere/ids': No such file or directory");
  EXPECT_EQ(errorWith([](auto &o) { o.firstPosition = -1; }),
            "--first-position: is -1, expected 0 or more");
  EXPECT_EQ(errorWith([](auto &o) { o.stopAfter = "layers.99.out"; }),
            "--stop-after: no op is named 'layers.99.out'");
  EXPECT_EQ(errorWith([](auto &o) { o.dump = {"layers.99.*"}; }),
            "--dump: no op that ran matches 'layers.99.*'");
  EXPECT_NE(
      errorWith([](auto &o) { o.dump = {"["}; }).find("--dump: '[' is no glob"),
      std::string::npos);
  EXPECT_EQ(errorWith([](auto &o) { o.model = "/nowhere"; }),
            "'/nowhere' does not exist; expected a checkpoint directory, a "
            ".safetensors or .gguf file or a config.json");
  EXPECT_EQ(errorWith([](auto &o) { o.model = "/proc/self/exe"; }),
            "/proc/self/exe: is a program or a library that does not end in a "
            "gemcut footer: it is truncated, its weights are in a .gemw file, "
            "or gemcut did not make it");
  EXPECT_EQ(errorWith([](auto &o) { o.model = "/dev/null"; }),
            "/dev/null: expected a checkpoint directory, a .safetensors or "
            ".gguf file or a config.json");
  EXPECT_EQ(errorWith([](auto &o) {
              o.model = GEMCUT_TEST_DATA
                  "/goldens/moe/model-00002-of-00003.safetensors";
            }),
            GEMCUT_TEST_DATA
            "/goldens/moe/model-00002-of-00003.safetensors: is part 2 of 3 of "
            "a checkpoint; name the directory that holds all of "
            "them, " GEMCUT_TEST_DATA "/goldens/moe");
  EXPECT_EQ(errorWith([](auto &o) { o.logitsFile = "/nowhere/l.npy"; }),
            "/nowhere/l.npy: cannot be written: directory '/nowhere' does not "
            "exist");
}

// Ids are only known to be wrong when the table is read: the message names the
// op.
TEST_F(ReferenceCommandTest, RefusesIdsOutsideTheVocabulary) {
  options.ids = "2,256";
  Outcome outcome = runCommand(options);
  EXPECT_NE(outcome.error.find("embed: 'gemma.embed' op token id 256 (row 1) "
                               "is outside the vocabulary of 256"),
            std::string::npos)
      << outcome.error;
  EXPECT_EQ(outcome.err, "");
}
