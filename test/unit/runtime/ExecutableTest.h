//===- ExecutableTest.h - Runs a produced executable ------------*- C++ -*-===//
#ifndef GEMCUT_TEST_UNIT_RUNTIME_EXECUTABLETEST_H
#define GEMCUT_TEST_UNIT_RUNTIME_EXECUTABLETEST_H

#include "test/unit/runtime/ArtifactBuilder.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>

namespace gemcut::test {

/// A folder with the executable `model`, and what running it gives.
class ExecutableTest : public testing::Test {
protected:
  struct Result {
    int code;
    std::string out, error;
  };

  void create(const char *executable) {
    char name[] = "/tmp/gemcut-commands-XXXXXX";
    folder = mkdtemp(name);
    image = readFile(std::string(GEMCUT_BINARY_DIR "/test/") + executable);
    ASSERT_FALSE(image.empty()) << executable;
  }
  void TearDown() override {
    std::string command = "rm -r " + folder;
    ASSERT_EQ(std::system(command.c_str()), 0);
  }

  void install(const std::string &bytes) {
    writeFile(folder + "/model", bytes);
    chmod((folder + "/model").c_str(), 0755);
  }

  /// Runs `model` in a shell; what it reads from stdin is `input`.
  Result run(const std::string &arguments, const std::string &input = "") {
    writeFile(folder + "/in", input);
    std::string command = "cd " + folder +
                          " && export GEMCUT_LEVEL=baseline && " + start + " " +
                          arguments + " >out 2>error <in";
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            readFile(folder + "/out"), readFile(folder + "/error")};
  }

  /// Expects one message with `fragment`, nothing on stdout, and `code`.
  void expectFailure(const std::string &arguments, int code,
                     const std::string &fragment) {
    Result result = run(arguments);
    EXPECT_EQ(result.code, code) << arguments << "\n" << result.error;
    EXPECT_EQ(result.out, "") << arguments;
    EXPECT_EQ(result.error.substr(0, 7), "error: ") << arguments;
    EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1)
        << result.error;
    EXPECT_NE(result.error.find(fragment), std::string::npos) << result.error;
  }

  std::string folder, image, start = "./model";
};

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_RUNTIME_EXECUTABLETEST_H
