//===- OutputFile.cpp - A file that appears only when complete ------------===//

#include "compiler/Artifact/OutputFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

using namespace gemcut::artifact;
using llvm::createStringError;

static std::string directoryOf(llvm::StringRef path) {
  llvm::StringRef parent = llvm::sys::path::parent_path(path);
  return parent.empty() ? "." : parent.str();
}

OutputFile::~OutputFile() {
  if (fd >= 0)
    close(fd);
  if (named) {
    unlink(temporaryPath.c_str());
    llvm::sys::DontRemoveFileOnSignal(temporaryPath);
  }
}

llvm::Expected<std::unique_ptr<OutputFile>>
OutputFile::create(llvm::StringRef path, Naming naming) {
  std::unique_ptr<OutputFile> file(new OutputFile);
  file->finalPath = path.str();
  if (path.empty())
    return createStringError("the output path is empty; name a file with -o");
  if (llvm::sys::fs::is_directory(path))
    return createStringError(path.str() +
                             ": is a directory; name a file in it");
  // As root, a rename would replace even /dev/null, and the link /dev/stdout.
  bool isSystemLink = llvm::sys::fs::is_symlink_file(path) &&
                      (path.starts_with("/dev/") || path.starts_with("/proc/"));
  if (isSystemLink ||
      (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path)))
    return createStringError(path.str() +
                             ": is a device, a pipe or a socket; name a "
                             "regular file with -o");
  std::string directory = directoryOf(path);
  if (!llvm::sys::fs::is_directory(directory))
    return createStringError(
        path.str() + ": cannot be written: " +
        (llvm::sys::fs::exists(directory)
             ? "'" + directory + "' is not a directory"
             : "directory '" + directory + "' does not exist"));
  llvm::StringRef name = llvm::sys::path::filename(path);
  if (name.size() > NAME_MAX)
    return createStringError(path.str() + ": cannot be written: its name has " +
                             std::to_string(name.size()) +
                             " bytes, and file names have at most " +
                             std::to_string(NAME_MAX));
  constexpr size_t kKeptBytes = 200; // its end tells sidecars from programs
  llvm::SmallString<256> temporary(directory);
  llvm::sys::path::append(temporary, "." + name.take_back(kKeptBytes) +
                                         ".tmp-" + llvm::Twine(getpid()));
  file->temporaryPath = temporary.str().str();
  if (naming == Naming::Late)
    file->fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file->fd < 0) { // not every filesystem has unnamed files
    file->fd = open(file->temporaryPath.c_str(),
                    O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (file->fd < 0)
      return createStringError(path.str() +
                               ": cannot be written: " + std::strerror(errno));
    file->named = true;
    llvm::sys::RemoveFileOnSignal(file->temporaryPath);
  }
  return std::move(file);
}

llvm::Error OutputFile::refuseInputs(llvm::StringRef path,
                                     llvm::ArrayRef<std::string> inputs) {
  for (const std::string &input : inputs)
    if (llvm::sys::fs::equivalent(path, input))
      return createStringError(path.str() +
                               ": is an input of this compilation" +
                               (input == path ? "" : " (" + input + ")") +
                               "; name another file with -o");
  return llvm::Error::success();
}

llvm::Error OutputFile::requireSpace(uint64_t bytes) const {
  struct statvfs status;
  if (fstatvfs(fd, &status))
    return llvm::Error::success(); // the write itself will tell
  uint64_t available = uint64_t(status.f_bavail) * status.f_frsize;
  if (available >= bytes)
    return llvm::Error::success();
  return createStringError(
      finalPath + ": needs " + std::to_string((bytes >> 20) + 1) +
      " MiB, but its filesystem has " + std::to_string(available >> 20) +
      " MiB left; free space or name another place");
}

llvm::Error OutputFile::commit(unsigned mode) {
  if (fchmod(fd, mode))
    return createStringError(
        finalPath + ": setting its mode failed: " + std::strerror(errno));
  if (!named) {
    std::string self = "/proc/self/fd/" + std::to_string(fd);
    unlink(temporaryPath.c_str());
    llvm::sys::RemoveFileOnSignal(temporaryPath);
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporaryPath.c_str(),
               AT_SYMLINK_FOLLOW)) {
      int code = errno;
      llvm::sys::DontRemoveFileOnSignal(temporaryPath);
      return createStringError(finalPath +
                               ": cannot be written: " + std::strerror(code));
    }
    named = true;
  }
  if (rename(temporaryPath.c_str(), finalPath.c_str()))
    return createStringError(finalPath +
                             ": cannot be replaced: " + std::strerror(errno));
  llvm::sys::DontRemoveFileOnSignal(temporaryPath);
  named = false;
  return llvm::Error::success();
}
