//===- WeightPagesTest.cpp - Advice about the mapped weights --------------===//

#include "runtime/core/weight_pages.h"

#include "runtime/abi/packed_layout.h"

#include "gtest/gtest.h"

#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

using namespace gemcut;

namespace {

struct Advice {
  uint64_t offset, length;
  int advice;
  bool operator==(const Advice &other) const {
    return offset == other.offset && length == other.length &&
           advice == other.advice;
  }
};

void PrintTo(const Advice &advice, std::ostream *stream) {
  *stream << "{" << advice.offset << ", " << advice.length << ", "
          << advice.advice << "}";
}

constexpr int64_t kRowBytes = 9536; // three pages, three rows in seven pages
constexpr uint32_t kRows = 300;
constexpr uint64_t kTableAt = 8192;
constexpr size_t kWriteBytes = 65536; // of one call, as BlockWriter's

const uint8_t *base;
std::vector<Advice> given;

int record(void *address, size_t length, int advice) {
  given.push_back({uint64_t(static_cast<uint8_t *>(address) - base),
                   uint64_t(length), advice});
  return 0;
}

/// A file of the size of the weights, mapped as the runtime maps it.
class WeightPagesTest : public testing::Test {
protected:
  WeightPagesTest() {
    model.row_tables[0] = {kTableAt, kRows, uint32_t(kRowBytes)};
    model.row_table_count = 1;
    tableBytes = uint64_t(gemcut_table_bytes(kRowBytes, kRows));
    model.weight_bytes = kTableAt + tableBytes + 500;
    char name[] = "/tmp/gemcut-pages-XXXXXX";
    int descriptor = mkstemp(name);
    unlink(name);
    std::string bytes(model.weight_bytes, 'w');
    // In pieces, as the compiler writes tables: each call can be one folio,
    // which a fault maps as a whole.
    for (size_t at = 0; at < bytes.size(); at += kWriteBytes) {
      size_t piece = std::min(kWriteBytes, bytes.size() - at);
      EXPECT_EQ(write(descriptor, bytes.data() + at, piece), ssize_t(piece));
    }
    void *mapped =
        mmap(nullptr, model.weight_bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    EXPECT_NE(mapped, MAP_FAILED);
    close(descriptor);
    base = static_cast<uint8_t *>(mapped);
    given.clear();
  }
  ~WeightPagesTest() override {
    munmap(const_cast<uint8_t *>(base), model.weight_bytes);
  }

  const uint8_t *rowAt(int64_t row) const {
    return base + kTableAt + gemcut_table_row_offset(kRowBytes, row);
  }

  gemcut_model_info model = {};
  uint64_t tableBytes = 0;
  WeightPages pages;
};

} // namespace

// What does not fit into memory is read page by page, as it is needed.
TEST_F(WeightPagesTest, LargerThanMemoryGetsNoHugePages) {
  for (uint64_t spare : {0, 1}) {
    given.clear();
    WeightPages pages;
    pages.open(model, base, /*tableBytes=*/1 << 20, record,
               model.weight_bytes - 1 + spare);
    bool hasHuge = false;
    for (const Advice &advice : given)
      hasHuge |= advice.advice == MADV_HUGEPAGE;
    EXPECT_EQ(hasHuge, spare == 1);
  }
}

TEST_F(WeightPagesTest, TablesAreRandomAndTheRestIsHuge) {
  pages.open(model, base, 1 << 20, record);
  EXPECT_EQ(given, (std::vector<Advice>{{0, model.weight_bytes, MADV_HUGEPAGE},
                                        {kTableAt, tableBytes, MADV_NOHUGEPAGE},
                                        {kTableAt, tableBytes, MADV_RANDOM}}));
}

TEST_F(WeightPagesTest, ReadsThePagesOfARowAhead) {
  pages.open(model, base, 1 << 20, record);
  given.clear();
  const int32_t ids[] = {0, 1, 2, 3, 7};
  pages.readAhead(ids, 5);
  // Seven pages hold three rows, of which each lies in three.
  std::vector<Advice> expected;
  for (uint64_t page : {0, 2, 4, 7, 16})
    expected.push_back({kTableAt + 4096 * page, 3 * 4096, MADV_WILLNEED});
  ASSERT_EQ(given.size(), expected.size());
  for (size_t i = 0; i < given.size(); ++i) {
    EXPECT_EQ(given[i].offset, expected[i].offset) << i;
    EXPECT_EQ(given[i].advice, MADV_WILLNEED);
    EXPECT_EQ((given[i].length + 4095) / 4096, 3u) << i;
    EXPECT_GE(given[i].offset + given[i].length,
              uint64_t(rowAt(ids[i]) - base + kRowBytes))
        << i;
  }
}

TEST_F(WeightPagesTest, IdsBehindATableAreLeftAlone) {
  pages.open(model, base, 1 << 20, record);
  given.clear();
  const int32_t ids[] = {int32_t(kRows), int32_t(kRows) + 5};
  pages.readAhead(ids, 2);
  pages.beginStep(ids, 2);
  EXPECT_TRUE(given.empty());
  EXPECT_EQ(pages.getMappedBound(), 0u);
}

TEST_F(WeightPagesTest, UnmapsWhenTheBoundWouldBeExceeded) {
  const uint64_t limit = 1 << 20;
  pages.open(model, base, limit, record);
  given.clear();
  int dropped = 0;
  for (int32_t id = 0; id < int32_t(kRows); ++id) {
    pages.beginStep(&id, 1);
    ASSERT_LE(pages.getMappedBound(), limit);
    for (const Advice &advice : given)
      ASSERT_EQ(advice, (Advice{kTableAt, tableBytes, MADV_DONTNEED}));
    dropped += int(given.size());
    given.clear();
  }
  // A row takes 64 or 128 KiB of the bound: 8 to 16 rows fit.
  EXPECT_GE(dropped, int(kRows) / 16 - 1);
  EXPECT_LE(dropped, int(kRows) / 8);
}

TEST_F(WeightPagesTest, WithoutABoundNothingIsUnmapped) {
  pages.open(model, base, /*tableBytes=*/0, record);
  given.clear();
  for (int32_t id = 0; id < int32_t(kRows); ++id)
    pages.beginStep(&id, 1);
  EXPECT_TRUE(given.empty());
}

/// A neighbour of unaligned memory must not be unmapped.
TEST_F(WeightPagesTest, MemoryThatIsNoMappingIsLeftAlone) {
  pages.open(model, base + 64, 1, record);
  const int32_t ids[] = {1, 2, 3};
  pages.readAhead(ids, 3);
  pages.beginStep(ids, 3);
  EXPECT_TRUE(given.empty());
}

/// What the kernel says is mapped of the table.
static size_t residentBytes(const uint8_t *from) {
  FILE *smaps = fopen("/proc/self/smaps", "r");
  char line[512];
  size_t bytes = 0;
  bool isInside = false;
  while (fgets(line, sizeof(line), smaps)) {
    unsigned long begin, end, kilobytes;
    if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
      isInside = begin == uintptr_t(from);
    else if (isInside && sscanf(line, "Rss: %lu kB", &kilobytes) == 1)
      bytes = kilobytes * 1024;
  }
  fclose(smaps);
  return bytes;
}

TEST_F(WeightPagesTest, MappedPagesStayBelowTheBound) {
  const uint64_t limit = 512 << 10;
  auto readAll = [&](uint64_t bound) {
    pages.open(model, base, bound);
    size_t most = 0;
    for (int32_t id = 0; id < int32_t(kRows); ++id) {
      pages.readAhead(&id, 1);
      pages.beginStep(&id, 1);
      for (int64_t i = 0; i < kRowBytes; ++i)
        EXPECT_EQ(static_cast<const volatile uint8_t *>(rowAt(id))[i], 'w');
      most = std::max(most, residentBytes(base + kTableAt));
    }
    return most;
  };
  EXPECT_LE(readAll(limit), limit);
  // Without a bound all of it is mapped in the end.
  EXPECT_GE(readAll(0), tableBytes / 2);
}
