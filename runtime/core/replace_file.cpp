//===- replace_file.cpp - Whether a file may take a name ------------------===//

#include "runtime/core/replace_file.h"

#include "runtime/core/error.h"

#include <sys/stat.h>

using namespace gemcut;

gemcut_status gemcut::checkReplaceable(const char *path) {
  struct stat there;
  if (stat(path, &there) != 0 || S_ISREG(there.st_mode))
    return GEMCUT_OK;
  if (S_ISDIR(there.st_mode))
    return fail(GEMCUT_INVALID_ARGUMENT, "%s is a directory; name a file in it",
                path);
  return fail(GEMCUT_INVALID_ARGUMENT,
              "%s is a device, a pipe or a socket; name a regular file", path);
}
