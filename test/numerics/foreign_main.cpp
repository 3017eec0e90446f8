//===- foreign_main.cpp - Runs kernels in an emulated process -------------===//
//
// Linked with a kernel for another architecture. Usage: PROGRAM DESCRIPTOR, of
// the shared memory. Writes a byte to stdout when it is ready; then, for every
// byte on stdin, runs the ForeignCall at the start of shared memory and writes
// another.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/RunEntry.h"
#include "test/numerics/SharedMemory.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut::test;

extern "C" const ForeignEntry gemcut_test_entries[];

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  void *memory = mmap(reinterpret_cast<void *>(kSharedAddress), kSharedBytes,
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE | MAP_FIXED, atoi(argv[1]), 0);
  if (memory == MAP_FAILED)
    return 3;
  const auto *call = static_cast<const ForeignCall *>(memory);
  char byte = 0;
  if (write(STDOUT_FILENO, &byte, 1) != 1)
    return 5;
  while (read(STDIN_FILENO, &byte, 1) == 1) {
    const ForeignEntry *entry = gemcut_test_entries;
    while (entry->name && strcmp(entry->name, call->entry) != 0)
      ++entry;
    if (!entry->name)
      return 4;
    runEntry(entry->function, call->step, int(call->threads), call->snapshots);
    if (write(STDOUT_FILENO, &byte, 1) != 1)
      return 5;
  }
  return 0;
}
