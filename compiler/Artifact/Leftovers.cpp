//===- Leftovers.cpp - What ended programs left behind --------------------===//

#include "compiler/Artifact/Leftovers.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut::artifact;
using llvm::StringRef;

/// A descriptor that holds the lock of `path`, or -1.
static int lock(const std::string &path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  close(fd);
  return -1;
}

Claim::Claim(StringRef path) : fd(lock(path.str())) {}

Claim::~Claim() {
  if (fd >= 0)
    close(fd);
}

/// The letters that LLVM makes up for a temporary name.
static bool hasMadeUpName(StringRef name, StringRef prefix) {
  constexpr size_t kDigits = 6;
  if (!name.consume_front(prefix) || !name.consume_front("-") ||
      name.size() < kDigits)
    return false;
  return llvm::all_of(name.take_front(kDigits), llvm::isHexDigit) &&
         (name.size() == kDigits || name[kDigits] == '.');
}

static void removeIfLeft(const std::string &path) {
  constexpr time_t kYoung = 60; // its maker may be about to claim it
  int fd = lock(path);
  if (fd < 0)
    return;
  struct stat status;
  if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
      time(nullptr) - status.st_mtime >= kYoung) {
    if (S_ISDIR(status.st_mode))
      llvm::sys::fs::remove_directories(path);
    else if (S_ISREG(status.st_mode))
      llvm::sys::fs::remove(path);
  }
  close(fd);
}

void gemcut::artifact::removeLeftovers(StringRef prefix) {
  llvm::SmallString<256> folder(llvm::sys::path::parent_path(prefix));
  if (folder.empty())
    folder = ".";
  StringRef name = llvm::sys::path::filename(prefix);
  std::error_code code;
  for (llvm::sys::fs::directory_iterator at(folder, code), end;
       !code && at != end; at.increment(code))
    if (hasMadeUpName(llvm::sys::path::filename(at->path()), name))
      removeIfLeft(at->path());
}
