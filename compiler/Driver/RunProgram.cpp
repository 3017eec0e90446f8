//===- RunProgram.cpp - Runs executables that gemcut made -----------------===//

#include "compiler/Driver/RunProgram.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

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

namespace {

/// A pipe whose ends are closed at the end, and not inherited.
struct Pipe {
  int reader = -1, writer = -1;

  ~Pipe() {
    closeEnd(reader);
    closeEnd(writer);
  }
  static void closeEnd(int &end) {
    if (end >= 0)
      close(end);
    end = -1;
  }
  llvm::Error open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      return createStringError(std::string("a pipe cannot be made: ") +
                               strerror(errno));
    reader = ends[0];
    // A copy to an equal number would keep O_CLOEXEC.
    writer = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
    close(ends[1]);
    return llvm::Error::success();
  }
};

/// Writes to closed pipes fail in this thread, instead of ending the process.
class NoPipeSignal {
public:
  NoPipeSignal() {
    sigemptyset(&pipeSignal);
    sigaddset(&pipeSignal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipeSignal, &before);
  }
  ~NoPipeSignal() {
    timespec none = {};
    if (!sigismember(&before, SIGPIPE))
      while (sigtimedwait(&pipeSignal, nullptr, &none) == SIGPIPE)
        ;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

private:
  sigset_t pipeSignal, before;
};

bool writeAll(int descriptor, llvm::ArrayRef<char> bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR)
      return false;
    bytes = bytes.drop_front(size_t(std::max<ssize_t>(count, 0)));
  }
  return true;
}

/// Passes on what is read until one side is closed.
void relay(int from, int to, WatchPipe watch) {
  NoPipeSignal noSignal;
  std::vector<char> buffer(1 << 20);
  for (;;) {
    ssize_t count = read(from, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return;
    llvm::ArrayRef<char> bytes(buffer.data(), size_t(count));
    if (!watch(bytes) || !writeAll(to, bytes))
      return;
  }
}

} // namespace

llvm::Expected<std::pair<ProgramOutput, ProgramOutput>>
gemcut::driver::runPiped(const std::string &first,
                         llvm::ArrayRef<std::string> firstArguments,
                         const std::string &second,
                         llvm::ArrayRef<std::string> secondArguments,
                         WatchPipe watch) {
  Pipe in, out;
  for (Pipe *pipe : {&in, &out})
    if (llvm::Error error = pipe->open())
      return std::move(error);
  Child children[2];
  llvm::Error error = children[0].start(first, firstArguments, in.writer, 3);
  if (!error)
    error = children[1].start(second, secondArguments, out.reader, 0);
  Pipe::closeEnd(in.writer);
  Pipe::closeEnd(out.reader);
  if (!error)
    relay(in.reader, out.writer, watch);
  Pipe::closeEnd(in.reader);
  Pipe::closeEnd(out.writer);
  ProgramOutput outputs[2] = {children[0].wait(), children[1].wait()};
  if (error)
    return std::move(error);
  return std::pair(std::move(outputs[0]), std::move(outputs[1]));
}
