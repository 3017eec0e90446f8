//===- memory.cpp - Anonymous memory of the runtime -----------------------===//

#include "runtime/core/memory.h"

#include "runtime/core/error.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut;

gemcut_status Memory::allocate(size_t bytes, const char *what,
                               size_t hugeBytes) {
  release();
  if (bytes == 0)
    return GEMCUT_OK;
  void *mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    return fail(GEMCUT_OUT_OF_MEMORY, "cannot map %zu bytes for the %s: %s",
                bytes, what, strerror(errno));
  // Advice only: without huge pages everything works, a little slower.
  if (hugeBytes)
    (void)madvise(mapped, hugeBytes, MADV_HUGEPAGE);
  base = static_cast<uint8_t *>(mapped);
  length = bytes;
  return GEMCUT_OK;
}

size_t Memory::countResident() const {
  // A piece at a time: a page takes a byte of the answer.
  constexpr size_t kPages = 4096;
  unsigned char states[kPages];
  const size_t page = size_t(sysconf(_SC_PAGESIZE)), piece = kPages * page;
  size_t resident = 0;
  for (size_t at = 0; at < length; at += piece) {
    size_t bytes = length - at < piece ? length - at : piece;
    if (mincore(base + at, bytes, states) != 0)
      return 0;
    for (size_t i = 0; i < (bytes + page - 1) / page; ++i)
      resident += states[i] & 1 ? page : 0;
  }
  return resident;
}

void Memory::release() {
  if (base)
    munmap(base, length);
  base = nullptr;
  length = 0;
}
