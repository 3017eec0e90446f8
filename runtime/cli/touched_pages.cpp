//===- touched_pages.cpp - Which memory a step really touches -------------===//
//
// Source: Linux Documentation/filesystems/proc.rst, clear_refs and smaps.
//
//===----------------------------------------------------------------------===//

#include "runtime/cli/touched_pages.h"

#include <cstdio>
#include <sys/mman.h>

bool gemcut::cli::clearTouchedPages(const void *start, size_t length) {
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (!file)
    return false;
  bool wasWritten = fputs("1", file) >= 0;
  if (fclose(file) != 0 || !wasWritten)
    return false;
  // Clearing leaves translations in the TLB, through which accesses go without
  // a note; changing the protection drops them.
  void *memory = const_cast<void *>(start);
  return mprotect(memory, length, PROT_NONE) == 0 &&
         mprotect(memory, length, PROT_READ) == 0;
}

bool gemcut::cli::countTouchedBytes(const void *start, size_t length,
                                    uint64_t &bytes) {
  FILE *file = fopen("/proc/self/smaps", "r");
  if (!file)
    return false;
  auto first = reinterpret_cast<unsigned long>(start), last = first + length;
  bool isInside = false, wasFound = false;
  char line[512];
  bytes = 0;
  while (fgets(line, sizeof(line), file)) {
    unsigned long from, to, kibibytes;
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
      isInside = from < last && first < to;
    else if (isInside && sscanf(line, "Referenced: %lu kB", &kibibytes) == 1) {
      wasFound = true;
      bytes += uint64_t(kibibytes) * 1024;
    }
  }
  fclose(file);
  return wasFound;
}
