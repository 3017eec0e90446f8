//===- OutputFileTest.cpp - Complete or absent ----------------------------===//

#include "test/unit/Artifact/TestFolder.h"

#include "compiler/Artifact/FileBytes.h"
#include "compiler/Artifact/OutputFile.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

using Naming = OutputFile::Naming;

std::unique_ptr<OutputFile> open(const std::string &path,
                                 Naming naming = Naming::Late) {
  auto file = OutputFile::create(path, naming);
  if (!file) {
    ADD_FAILURE() << llvm::toString(file.takeError());
    return nullptr;
  }
  return std::move(*file);
}

std::string failureOf(const std::string &path) {
  auto file = OutputFile::create(path);
  if (!file)
    return llvm::toString(file.takeError());
  return "no error";
}

void write(OutputFile &file, llvm::StringRef text) {
  ASSERT_FALSE(bool(writeAt(file.descriptor(), text.data(), text.size(), 0)));
}

/// What shells let background jobs ignore would end no test, nor have handlers,
/// which LLVM installs once.
[[maybe_unused]] const bool kHearsSignals = [] {
  for (int signal : {SIGTERM, SIGINT, SIGHUP})
    (void)std::signal(signal, SIG_DFL);
  return true;
}();

/// With and without support of unnamed files.
class OutputFileNaming : public testing::TestWithParam<Naming> {};
INSTANTIATE_TEST_SUITE_P(LateAndEarly, OutputFileNaming,
                         testing::Values(Naming::Late, Naming::Early));

TEST_P(OutputFileNaming, AppearsOnCommitWithItsMode) {
  TestFolder folder;
  auto file = open(folder / "out", GetParam());
  write(*file, "new");
  EXPECT_EQ(folder.visible(), "");
  std::string hidden = ".out.tmp-" + std::to_string(getpid());
  EXPECT_EQ(folder.list(), GetParam() == Naming::Late ? "" : hidden);
  ASSERT_FALSE(bool(file->commit(0755)));
  EXPECT_EQ(folder.list(), "out");
  EXPECT_EQ(readText(folder / "out"), "new");
  struct stat status;
  ASSERT_EQ(stat((folder / "out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
}

TEST_P(OutputFileNaming, KeepsTheOlderFileUnlessCommitted) {
  TestFolder folder;
  writeText(folder / "out", "older");
  {
    auto file = open(folder / "out", GetParam());
    write(*file, "new");
    EXPECT_EQ(readText(folder / "out"), "older");
  }
  EXPECT_EQ(folder.list(), "out");
  EXPECT_EQ(readText(folder / "out"), "older");
  auto file = open(folder / "out", GetParam());
  write(*file, "new");
  ASSERT_FALSE(bool(file->commit(0644)));
  EXPECT_EQ(folder.list(), "out");
  EXPECT_EQ(readText(folder / "out"), "new");
}

TEST(OutputFile, ReplacesAnExecutableThatRuns) {
  TestFolder folder;
  std::string sleeper = folder / "out";
  writeText(sleeper, readText("/bin/sleep"));
  ASSERT_EQ(chmod(sleeper.c_str(), 0755), 0);
  pid_t child = fork();
  if (child == 0) {
    execl(sleeper.c_str(), "sleep", "60", nullptr);
    _exit(127);
  }
  usleep(100000);
  auto file = open(sleeper);
  write(*file, "new");
  EXPECT_FALSE(bool(file->commit(0755)));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(readText(sleeper), "new");
}

TEST(OutputFile, ReplacesASymbolicLinkAndNotItsTarget) {
  TestFolder folder;
  writeText(folder / "target", "precious");
  ASSERT_EQ(symlink("target", (folder / "out").c_str()), 0);
  auto file = open(folder / "out");
  write(*file, "new");
  ASSERT_FALSE(bool(file->commit(0644)));
  EXPECT_EQ(readText(folder / "target"), "precious");
  EXPECT_EQ(readText(folder / "out"), "new");
}

TEST(OutputFile, RefusesWhatIsNoRegularFile) {
  TestFolder folder;
  EXPECT_NE(failureOf(folder.path()).find("is a directory"), std::string::npos);
  EXPECT_NE(failureOf("/dev/null").find("is a device"), std::string::npos);
  EXPECT_NE(failureOf("").find("is empty"), std::string::npos);
  EXPECT_NE(failureOf(folder / "missing/out").find("missing' does not exist"),
            std::string::npos);
  writeText(folder / "file", "");
  EXPECT_NE(failureOf(folder / "file/out").find("is not a directory"),
            std::string::npos);
  EXPECT_EQ(folder.list(), "file");
}

/// In a child, for whom permissions count even when the tests run as root.
TEST(OutputFile, RefusesAFolderWithoutWritePermission) {
  TestFolder folder;
  writeText(folder / "out", "older");
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setegid(65534) || seteuid(65534)))
      _exit(2);
    std::string message = failureOf(folder / "out");
    _exit(message.find("Permission denied") != std::string::npos &&
                  message.find("/out: cannot be written") != std::string::npos
              ? 0
              : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  chmod(folder.path().c_str(), 0755);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(readText(folder / "out"), "older");
  EXPECT_EQ(folder.list(), "out");
}

TEST(OutputFile, RefusesInputsUnderAnyName) {
  TestFolder folder;
  writeText(folder / "input", "weights");
  ASSERT_EQ(link((folder / "input").c_str(), (folder / "hard").c_str()), 0);
  ASSERT_EQ(symlink("input", (folder / "soft").c_str()), 0);
  std::string inputs[] = {folder / "other", folder / "input"};
  for (const char *name : {"input", "hard", "soft", "./input"}) {
    llvm::Error error = OutputFile::refuseInputs(folder / name, inputs);
    ASSERT_TRUE(bool(error)) << name;
    EXPECT_NE(llvm::toString(std::move(error)).find("is an input"),
              std::string::npos);
  }
  EXPECT_FALSE(bool(OutputFile::refuseInputs(folder / "new", inputs)));
}

TEST(OutputFile, TellsThatTheFilesystemIsTooSmall) {
  TestFolder folder;
  auto file = open(folder / "out");
  EXPECT_FALSE(bool(file->requireSpace(1)));
  llvm::Error error = file->requireSpace(uint64_t(1) << 60);
  ASSERT_TRUE(bool(error));
  std::string message = llvm::toString(std::move(error));
  EXPECT_NE(message.find("/out: needs 1099511627777 MiB"), std::string::npos)
      << message;
}

/// A process that dies before commit leaves the folder as it was, whatever
/// kills it; a file with an early name survives SIGKILL, but hidden.
TEST_P(OutputFileNaming, KilledProcessesLeaveNothing) {
  for (int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP}) {
    TestFolder folder;
    pid_t child = fork();
    if (child == 0) {
      auto file = OutputFile::create(folder / "out", GetParam());
      if (!file)
        _exit(1);
      (void)!::write((*file)->descriptor(), "part", 4);
      kill(getpid(), signal);
      pause();
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << signal;
    EXPECT_EQ(signal == SIGKILL ? folder.visible() : folder.list(), "")
        << signal;
    if (GetParam() == Naming::Late)
      EXPECT_EQ(folder.list(), "") << signal;
  }
}

} // namespace
