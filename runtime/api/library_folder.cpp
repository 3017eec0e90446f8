//===- library_folder.cpp - Where code was loaded from --------------------===//

#include "runtime/api/library_folder.h"

#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>

bool gemcut::api::findMappedFile(const void *address, char *path, size_t size) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps)
    return false;
  // "BEGIN-END rw-p OFFSET MAJOR:MINOR INODE      PATH\n"
  char line[PATH_MAX + 128];
  bool isFound = false;
  while (!isFound && fgets(line, sizeof(line), maps)) {
    unsigned long begin, end;
    int at = 0;
    if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &begin, &end, &at) < 2 ||
        uintptr_t(address) < begin || uintptr_t(address) >= end)
      continue;
    size_t length = at ? strcspn(line + at, "\n") : 0;
    if (length == 0 || length >= size || line[at] != '/')
      break;
    memcpy(path, line + at, length);
    path[length] = 0;
    isFound = true;
  }
  fclose(maps);
  return isFound;
}
