//===- BlockWriterTest.cpp - Pieces of a file, written block by block -----===//

#include "compiler/Artifact/BlockWriter.h"
#include "compiler/Artifact/FileBytes.h"
#include "test/unit/Artifact/TestFolder.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <fstream>
#include <random>
#include <sys/mman.h>
#include <thread>

using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

class BlockWriterTest : public testing::Test {
protected:
  BlockWriterTest()
      : descriptor(open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC,
                        0600)) {
    EXPECT_EQ(ftruncate(descriptor, off_t(begin + length + 100)), 0);
  }
  ~BlockWriterTest() override { close(descriptor); }

  std::string read() { return readText(folder / "file"); }

  static void check(llvm::Error error) {
    EXPECT_FALSE(bool(error)) << llvm::toString(std::move(error));
  }

  TestFolder folder;
  int descriptor;
  // Neither end lies on a block.
  uint64_t begin = kBlockBytes / 2 + 64, length = 3 * kBlockBytes + 4096;
};

} // namespace

TEST_F(BlockWriterTest, PiecesInAnyOrderFromAnyThread) {
  std::string expected(begin + length + 100, '\0');
  struct Piece {
    uint64_t offset, length;
  };
  std::vector<Piece> pieces;
  std::mt19937 random(3);
  for (uint64_t at = 0; at < length;) {
    uint64_t size = std::min<uint64_t>(length - at, 1 + random() % 300000);
    if (pieces.size() % 5 != 4) // the others are gaps
      pieces.push_back({at, size});
    else
      pieces.push_back({at, size / 2});
    at += size;
  }
  BlockWriter writer(descriptor, begin, length);
  for (Piece piece : pieces) {
    writer.expect(piece.offset, piece.length,
                  /*isScattered=*/piece.offset < length / 2);
    for (uint64_t i = 0; i < piece.length; ++i)
      expected[begin + piece.offset + i] = char(random());
  }
  std::shuffle(pieces.begin(), pieces.end(), random);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = t; i < pieces.size(); i += 3)
        check(writer.write(&expected[begin + pieces[i].offset],
                           pieces[i].length, pieces[i].offset));
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_TRUE(read() == expected);
}

TEST_F(BlockWriterTest, ABlockIsWrittenOnceItIsWhole) {
  BlockWriter writer(descriptor, begin, length);
  writer.expect(0, kBlockBytes);
  std::string bytes(kBlockBytes, 'x');
  uint64_t inFirst = kBlockBytes - begin;
  check(writer.write(bytes.data(), inFirst - 1, 0));
  EXPECT_EQ(read().find('x'), std::string::npos);
  check(writer.write(bytes.data(), 11, inFirst - 1));
  std::string now = read();
  EXPECT_EQ(now.find('x'), begin);
  EXPECT_EQ(now.rfind('x'), kBlockBytes - 1); // ten bytes of the next wait
}

TEST_F(BlockWriterTest, TellsWhatTheSystemRefused) {
  int readOnly = open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC);
  BlockWriter writer(readOnly, begin, length);
  writer.expect(0, 4);
  llvm::Error error = writer.write("four", 4, 0);
  EXPECT_TRUE(error.isA<OutputError>());
  llvm::consumeError(std::move(error));
  close(readOnly);
}

namespace {
struct Mapped {
  size_t kilobytes, hugeKilobytes;
};

/// What is mapped of the file after one byte of every other block was read.
Mapped readOneByteOfEveryOtherBlock(int descriptor, uint64_t length) {
  void *mapped = mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor, 0);
  EXPECT_NE(mapped, MAP_FAILED);
  auto *bytes = static_cast<const volatile char *>(mapped);
  for (uint64_t at = 0; at < length; at += 2 * kBlockBytes)
    (void)bytes[at];
  std::ifstream smaps("/proc/self/smaps");
  std::string line;
  Mapped found = {};
  bool isInside = false;
  while (std::getline(smaps, line)) {
    unsigned long begin, end;
    if (sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2)
      isInside = begin == reinterpret_cast<uintptr_t>(mapped);
    if (!isInside)
      continue;
    sscanf(line.c_str(), "Rss: %zu", &found.kilobytes);
    sscanf(line.c_str(), "FilePmdMapped: %zu", &found.hugeKilobytes);
  }
  munmap(mapped, length);
  return found;
}
} // namespace

TEST(BlockWriterPages, ScatteredBlocksAreCachedInSmallPieces) {
  TestFolder folder;
  const uint64_t length = 8 * kBlockBytes;
  std::string bytes(length, 'x');
  for (bool isScattered : {true, false}) {
    int descriptor = open((folder / (isScattered ? "s" : "b")).c_str(),
                          O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(ftruncate(descriptor, off_t(length)), 0);
    BlockWriter writer(descriptor, 0, length);
    writer.expect(0, length, isScattered);
    llvm::Error error = writer.write(bytes.data(), length, 0);
    ASSERT_FALSE(bool(error));
    Mapped mapped = readOneByteOfEveryOtherBlock(descriptor, length);
    close(descriptor);
    if (isScattered)
      EXPECT_LE(mapped.kilobytes, 4u * 64);
    else if (mapped.hugeKilobytes == 0)
      GTEST_SKIP() << "this filesystem caches no huge pages";
    else
      EXPECT_EQ(mapped.hugeKilobytes, 4u * 2048);
  }
}
