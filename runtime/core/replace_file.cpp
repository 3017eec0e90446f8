//===- replace_file.cpp - Files that appear only when complete ------------===//

#include "runtime/core/replace_file.h"

#include "runtime/core/error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut;

/// A link such as /dev/stdout, which is a name of the system.
static bool isSystemLink(const char *path) {
  struct stat link;
  return lstat(path, &link) == 0 && S_ISLNK(link.st_mode) &&
         (strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0);
}

gemcut_status gemcut::checkReplaceable(const char *path) {
  struct stat there, self;
  if (stat(path, &there) != 0)
    return GEMCUT_OK;
  if (S_ISDIR(there.st_mode))
    return fail(GEMCUT_INVALID_ARGUMENT, "%s is a directory; name a file in it",
                path);
  if (stat("/proc/self/exe", &self) == 0 && self.st_dev == there.st_dev &&
      self.st_ino == there.st_ino)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s is the program itself; name another file", path);
  if (S_ISREG(there.st_mode) && !isSystemLink(path))
    return GEMCUT_OK;
  return fail(GEMCUT_INVALID_ARGUMENT,
              "%s is a device, a pipe or a socket; name a regular file", path);
}

/// The folder of a path, with a slash at its end unless it is the current one.
static std::string getFolder(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash + 1);
}

/// A descriptor of a file without a name, or -1.
static int openUnnamed(const std::string &folder) {
#ifdef __ANDROID__ // where apps may not link files
  (void)folder;
  return -1;
#else
  // The link in takeName goes through /proc.
  if (access("/proc/self/fd", F_OK) != 0)
    return -1;
  return open(folder.empty() ? "." : folder.c_str(),
              O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
#endif
}

bool Replacement::open(const char *target, unsigned mode) {
  path = target;
  temporary.clear();
  struct stat there; // a name that is not possible is found now, not at the end
  if (lstat(target, &there) != 0 && (path.empty() || errno != ENOENT))
    return false;
  int descriptor = openUnnamed(getFolder(path));
  if (descriptor < 0) {
    temporary = getFolder(path) + ".gemcut-XXXXXX";
    descriptor = mkstemp(temporary.data());
    if (descriptor < 0)
      return false;
    (void)fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  (void)fchmod(descriptor, mode);
  file = fdopen(descriptor, "wb");
  return file != nullptr;
}

/// Gives the file the final name. Of an unnamed file this is one step if
/// nothing has that name, otherwise it first gets a temporary one.
bool Replacement::takeName() {
#ifndef __ANDROID__
  if (temporary.empty()) {
    std::string self = "/proc/self/fd/" + std::to_string(fileno(file));
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(),
               AT_SYMLINK_FOLLOW) == 0)
      return true;
    constexpr int kTries = 1000; // leftovers and other writers take names
    std::string prefix =
        getFolder(path) + ".gemcut-" + std::to_string(getpid()) + "-";
    for (int i = 0; errno == EEXIST && i < kTries; ++i) {
      std::string name = prefix + std::to_string(i);
      if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(),
                 AT_SYMLINK_FOLLOW) != 0)
        continue;
      temporary = std::move(name);
      break;
    }
    if (temporary.empty())
      return false;
  }
#endif
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return false;
  temporary.clear();
  return true;
}

bool Replacement::commit(bool isDurable) {
  bool isDone = fflush(file) == 0 && (!isDurable || fsync(fileno(file)) == 0) &&
                takeName();
  int reason = errno;
  discard();
  errno = reason;
  return isDone;
}

void Replacement::discard() {
  if (!temporary.empty())
    unlink(temporary.c_str());
  temporary.clear();
  if (file)
    fclose(file);
  file = nullptr;
}
