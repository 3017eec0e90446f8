//===- NpyTest.cpp - Arrays in files and pipes ----------------------------===//

#include "runtime/cli/npy.h"

#include "runtime/core/error.h"
#include "test/unit/runtime/ArtifactBuilder.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::cli;

namespace {
class NpyTest : public testing::Test {
protected:
  std::string folder = testing::TempDir() + "/gemcut-npy-XXXXXX";
  std::string path;
  NpyTest() {
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    path = folder + "/test.npy";
  }
  ~NpyTest() override { std::filesystem::remove_all(folder); }

  gemcut_status read(const std::string &bytes) {
    test::writeFile(path, bytes);
    NpyReader reader;
    return reader.open(path.c_str());
  }
};
} // namespace

TEST_F(NpyTest, RoundTrip) {
  const float rows[2][3] = {{1, -2, 3.5f}, {0, 1e-30f, INFINITY}};
  {
    NpyWriter writer;
    ASSERT_EQ(writer.open(path.c_str(), 2, 3), GEMCUT_OK);
    ASSERT_EQ(writer.writeRow(rows[0]), GEMCUT_OK);
    ASSERT_EQ(writer.writeRow(rows[1]), GEMCUT_OK);
    ASSERT_EQ(writer.close(), GEMCUT_OK);
  }
  std::string bytes = test::readFile(path);
  ASSERT_EQ(bytes.size(), 128 + sizeof(rows));
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_EQ(bytes.substr(10, 60),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ")
      << bytes.substr(10, 60);
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_EQ(std::memcmp(bytes.data() + 128, rows, sizeof(rows)), 0);
  NpyReader reader;
  ASSERT_EQ(reader.open(path.c_str()), GEMCUT_OK) << gemcut_last_error();
  EXPECT_EQ(reader.getRows(), 2u);
  EXPECT_EQ(reader.getColumns(), 3u);
  float row[3];
  for (const auto &expected : rows) {
    ASSERT_EQ(reader.readRow(row), GEMCUT_OK);
    EXPECT_EQ(std::memcmp(row, expected, sizeof(row)), 0);
  }
  EXPECT_EQ(reader.readRow(row), GEMCUT_INVALID_ARGUMENT);
}

TEST_F(NpyTest, RowsGoThroughAPipe) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const float rows[2][3] = {{1, -2, 3.5f}, {4, 5, 6}};
  std::thread other([&] {
    NpyWriter writer;
    EXPECT_EQ(writer.open(path.c_str(), 2, 3), GEMCUT_OK);
    EXPECT_EQ(writer.writeRow(rows[0]), GEMCUT_OK);
    EXPECT_EQ(writer.writeRow(rows[1]), GEMCUT_OK);
    EXPECT_EQ(writer.close(), GEMCUT_OK);
  });
  NpyReader reader;
  EXPECT_EQ(reader.open(path.c_str()), GEMCUT_OK) << gemcut_last_error();
  EXPECT_EQ(reader.getRows(), 2u);
  float row[3];
  for (const auto &expected : rows) {
    EXPECT_EQ(reader.readRow(row), GEMCUT_OK);
    EXPECT_EQ(std::memcmp(row, expected, sizeof(row)), 0);
  }
  EXPECT_EQ(reader.readRow(row), GEMCUT_INVALID_ARGUMENT);
  other.join();
  EXPECT_EQ(access(path.c_str(), F_OK), 0) << "the pipe is not replaced";
}

TEST_F(NpyTest, DevicesAreWrittenNotReplaced) {
  ASSERT_EQ(symlink("/dev/full", path.c_str()), 0);
  const float row[3] = {1, 2, 3};
  NpyWriter writer;
  ASSERT_EQ(writer.open(path.c_str(), 1, 3), GEMCUT_OK);
  ASSERT_EQ(writer.writeRow(row), GEMCUT_OK);
  EXPECT_EQ(writer.close(), GEMCUT_SYSTEM_ERROR);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
}

/// Whether the filesystem can, as tmpfs and ext4, but not NFS.
static bool hasUnnamedFiles(const std::string &folder) {
  int descriptor = open(folder.c_str(), O_TMPFILE | O_RDWR, 0600);
  if (descriptor >= 0)
    close(descriptor);
  return descriptor >= 0;
}

TEST_F(NpyTest, UnfinishedFilesDisappear) {
  const float row[3] = {1, 2, 3};
  {
    NpyWriter writer;
    ASSERT_EQ(writer.open(path.c_str(), 2, 3), GEMCUT_OK);
    ASSERT_EQ(writer.writeRow(row), GEMCUT_OK);
    if (hasUnnamedFiles(folder)) // nothing is left of a program that is killed
      EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_EQ(writer.close(), GEMCUT_INVALID_ARGUMENT);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(NpyTest, OfTwoWritersTheLaterOneWins) {
  const float rows[2][3] = {{1, 2, 3}, {4, 5, 6}};
  NpyWriter writers[2];
  for (NpyWriter &writer : writers)
    ASSERT_EQ(writer.open(path.c_str(), 1, 3), GEMCUT_OK);
  for (int i : {1, 0}) {
    ASSERT_EQ(writers[i].writeRow(rows[i]), GEMCUT_OK);
    ASSERT_EQ(writers[i].close(), GEMCUT_OK) << gemcut_last_error();
    NpyReader reader;
    ASSERT_EQ(reader.open(path.c_str()), GEMCUT_OK) << gemcut_last_error();
    float row[3];
    ASSERT_EQ(reader.readRow(row), GEMCUT_OK);
    EXPECT_EQ(std::memcmp(row, rows[i], sizeof(row)), 0);
  }
}

TEST_F(NpyTest, DamagedFilesAreRejected) {
  auto make = [](const char *header, size_t dataBytes) {
    std::string bytes("\x93NUMPY\x01\x00", 8);
    size_t length = strlen(header);
    bytes += char(length & 255);
    bytes += char(length >> 8);
    return bytes + header + std::string(dataBytes, 'x');
  };
  const char *good =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  std::string whole = make(good, 24);
  ASSERT_EQ(read(whole), GEMCUT_OK) << gemcut_last_error();
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(read(whole.substr(0, length)), GEMCUT_INVALID_ARGUMENT) << length;
  EXPECT_EQ(read(whole + "y"), GEMCUT_INVALID_ARGUMENT);
  for (const char *header :
       {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(4611686018427387904, 6), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(99999999999999999999999, 3), }"})
    EXPECT_EQ(read(make(header, 24)), GEMCUT_INVALID_ARGUMENT) << header;
  // Messages stay one short line.
  std::string damaged(500, '\n');
  damaged.replace(0, 16, "{'descr': '<f8',");
  ASSERT_EQ(read(make(damaged.c_str(), 24)), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(gemcut_last_error(),
            path + " must hold little-endian float32 in C order, but its "
                   "header is {'descr': '<f8',");
  damaged += '}';
  ASSERT_EQ(read(make(damaged.c_str(), 24)), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(gemcut_last_error(),
            path +
                " must hold little-endian float32 in C order, but its "
                "header is {'descr': '<f8'," +
                std::string(44, '?') + "...");
}
