//===- RunProgram.cpp - Runs executables that gemcut made -----------------===//

#include "compiler/Driver/RunProgram.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace gemcut::driver;
using llvm::createStringError;

extern char **environ;

namespace {

std::string readText(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

/// Temporary files for what a program prints.
struct PrintedFiles {
  llvm::SmallString<256> out, error;

  ~PrintedFiles() {
    for (auto *path : {&out, &error})
      if (!path->empty()) {
        llvm::sys::fs::remove(*path);
        llvm::sys::DontRemoveFileOnSignal(*path);
      }
  }

  llvm::Error create() {
    for (auto *path : {&out, &error}) {
      if (std::error_code code =
              llvm::sys::fs::createTemporaryFile("gemcut-run", "txt", *path))
        return createStringError("a temporary file cannot be made: " +
                                 code.message());
      llvm::sys::RemoveFileOnSignal(*path);
    }
    return llvm::Error::success();
  }

  ProgramOutput read(int code) const {
    return {code, readText(out), readText(error)};
  }
};

/// A program that has been started.
class Child {
public:
  /// `pipeEnd` becomes descriptor `wanted` of the program.
  llvm::Error start(const std::string &file,
                    llvm::ArrayRef<std::string> arguments, int pipeEnd,
                    int wanted) {
    if (llvm::Error error = printed.create())
      return error;
    std::vector<char *> argv{const_cast<char *>(file.c_str())};
    for (const std::string &argument : arguments)
      argv.push_back(const_cast<char *>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    auto destroy =
        llvm::scope_exit([&] { posix_spawn_file_actions_destroy(&actions); });
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, printed.out.c_str(),
                                     O_WRONLY | O_TRUNC, 0);
    posix_spawn_file_actions_addopen(&actions, 2, printed.error.c_str(),
                                     O_WRONLY | O_TRUNC, 0);
    posix_spawn_file_actions_adddup2(&actions, pipeEnd, wanted);
    if (int code = posix_spawn(&process, file.c_str(), &actions, nullptr,
                               argv.data(), environ)) {
      process = -1;
      return createStringError(file + ": cannot be run: " + strerror(code));
    }
    return llvm::Error::success();
  }

  ProgramOutput wait() {
    int status = 0;
    while (process > 0 && waitpid(process, &status, 0) < 0 && errno == EINTR)
      ;
    return printed.read(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  }

private:
  PrintedFiles printed;
  pid_t process = -1;
};

} // namespace

llvm::Expected<ProgramOutput>
gemcut::driver::runProgram(const std::string &file,
                           llvm::ArrayRef<std::string> arguments) {
  llvm::SmallString<256> path;
  if (std::error_code code = llvm::sys::fs::real_path(file, path))
    return createStringError(file + ": " + code.message());
  if (!llvm::sys::fs::can_execute(path))
    return createStringError(file + ": is not executable; libraries have no "
                                    "commands to run");
  PrintedFiles printed;
  if (llvm::Error error = printed.create())
    return std::move(error);
  llvm::SmallVector<llvm::StringRef> all{path};
  llvm::append_range(all, arguments);
  std::string problem;
  int code = llvm::sys::ExecuteAndWait(
      path, all, /*Env=*/std::nullopt,
      {llvm::StringRef(""), printed.out.str(), printed.error.str()},
      /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  if (code < 0)
    return createStringError(problem.empty() ? "it crashed" : problem);
  return printed.read(code);
}

llvm::Expected<std::pair<ProgramOutput, ProgramOutput>>
gemcut::driver::runPiped(const std::string &first,
                         llvm::ArrayRef<std::string> firstArguments,
                         const std::string &second,
                         llvm::ArrayRef<std::string> secondArguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return createStringError(std::string("a pipe cannot be made: ") +
                             strerror(errno));
  // A copy to an equal number would keep O_CLOEXEC.
  int writer = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  close(ends[1]);
  Child children[2];
  llvm::Error error = children[0].start(first, firstArguments, writer, 3);
  if (!error)
    error = children[1].start(second, secondArguments, ends[0], 0);
  close(writer);
  close(ends[0]);
  ProgramOutput outputs[2] = {children[0].wait(), children[1].wait()};
  if (error)
    return std::move(error);
  return std::pair(std::move(outputs[0]), std::move(outputs[1]));
}
