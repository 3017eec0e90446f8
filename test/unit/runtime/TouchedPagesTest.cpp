//===- TouchedPagesTest.cpp - Pages that were read ------------------------===//

#include "runtime/cli/touched_pages.h"

#include "gtest/gtest.h"

#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut::cli;

TEST(TouchedPages, CountsThoseAccessedSince) {
  constexpr size_t kPages = 8;
  size_t page = size_t(sysconf(_SC_PAGESIZE)), length = kPages * page;
  auto *memory =
      static_cast<volatile char *>(mmap(nullptr, length, PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(const_cast<char *>(memory), MAP_FAILED);
  madvise(const_cast<char *>(memory), length, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < kPages; ++i)
    memory[i * page] = 1;
  if (!clearTouchedPages(const_cast<char *>(memory), length))
    GTEST_SKIP() << "this kernel does not offer /proc/self/clear_refs";
  uint64_t bytes = 1;
  if (!countTouchedBytes(const_cast<char *>(memory), length, bytes))
    GTEST_SKIP() << "this kernel does not say which pages were referenced";
  EXPECT_EQ(bytes, 0u);
  for (size_t i : {1, 4, 5})
    EXPECT_EQ(memory[i * page], 1);
  ASSERT_TRUE(countTouchedBytes(const_cast<char *>(memory), length, bytes));
  EXPECT_EQ(bytes, 3 * page);
  munmap(const_cast<char *>(memory), length);
}
