//===- replace_file.cpp - Whether a file may take a name ------------------===//

#include "runtime/core/replace_file.h"

#include "runtime/core/error.h"

#include <cstring>
#include <sys/stat.h>

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
