//===- SessionFileTest.cpp - Sequences on disk ----------------------------===//

#include "runtime/core/error.h"
#include "runtime/session/session_file.h"
#include "test/unit/runtime/ArtifactBuilder.h"
#include "test/unit/runtime/FakeProgram.h"

#include "gtest/gtest.h"

#include <cstring>
#include <filesystem>

using namespace gemcut;
using namespace gemcut::test;

namespace {

class SessionFileTest : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/gemcut-session-XXXXXX";
    folder = mkdtemp(name);
    path = folder + "/file";
    fingerprint = getSessionFingerprint(gemcut_model, 5, nullptr);
    SessionOptions options;
    options.level = "baseline";
    options.slots = kFakeSlots;
    ASSERT_EQ(session.open(getFakeProgram(), options), GEMCUT_OK);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::vector<int32_t> run(int32_t slot, size_t count, int32_t seed) {
    std::vector<int32_t> ids = makeIds(count, seed);
    float *logits = nullptr;
    EXPECT_EQ(session.prefill(slot, ids.data(), count, logits), GEMCUT_OK);
    return ids;
  }
  void save(std::vector<int32_t> slots) {
    SessionWriter writer;
    ASSERT_EQ(writer.open(path.c_str(), fingerprint, "baseline"), GEMCUT_OK);
    for (int32_t slot : slots)
      ASSERT_EQ(writer.add(session, slot, 3), GEMCUT_OK);
    ASSERT_EQ(writer.commit(), GEMCUT_OK) << gemcut_last_error();
  }
  void expectRefused(gemcut_status status, const std::string &fragment) {
    SessionFile file;
    EXPECT_EQ(file.open(path.c_str(), gemcut_model, fingerprint, "baseline"),
              status);
    EXPECT_NE(std::string(gemcut_last_error()).find(fragment),
              std::string::npos)
        << gemcut_last_error();
  }

  std::string folder, path;
  uint64_t fingerprint = 0;
  Session session;
};

} // namespace

TEST_F(SessionFileTest, SequencesGoOnWhereTheyWere) {
  std::vector<int32_t> ids[2] = {run(0, 37, 1), run(1, 5, 2)};
  save({0, 1});
  SessionFile file;
  ASSERT_EQ(file.open(path.c_str(), gemcut_model, fingerprint, "baseline"),
            GEMCUT_OK)
      << gemcut_last_error();
  ASSERT_EQ(file.getSequenceCount(), 2u);
  for (size_t i : {size_t(1), size_t(0)}) {
    EXPECT_EQ(file.getPrompted(i), 3u);
    ASSERT_EQ(file.restore(i, session, /*slot=*/2), GEMCUT_OK);
    int32_t slot = 2, next = 8;
    float *logits = nullptr;
    EXPECT_FALSE(session.canRewind(slot, session.getTokenCount(slot) - 1));
    ASSERT_EQ(session.decode(&slot, &next, 1, logits), GEMCUT_OK);
    ids[i].push_back(next);
    ASSERT_EQ(std::vector<float>(logits, logits + kFakeVocab),
              expectedLogits(ids[i], ids[i].size()));
    EXPECT_TRUE(session.canRewind(slot, session.getTokenCount(slot) - 1));
    EXPECT_FALSE(session.canRewind(slot, session.getTokenCount(slot) - 2));
  }
}

TEST_F(SessionFileTest, EveryDamageIsNoticed) {
  run(0, 10, 1);
  save({0});
  std::string bytes = readFile(path);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = char(damaged[i] ^ 0x10);
    writeFile(path, damaged);
    SessionFile file;
    EXPECT_NE(file.open(path.c_str(), gemcut_model, fingerprint, "baseline"),
              GEMCUT_OK)
        << i;
  }
  for (size_t length = 0; length < bytes.size(); ++length) {
    writeFile(path, bytes.substr(0, length));
    SessionFile file;
    EXPECT_EQ(file.open(path.c_str(), gemcut_model, fingerprint, "baseline"),
              GEMCUT_CORRUPT_ARTIFACT)
        << length;
  }
}

TEST_F(SessionFileTest, NumbersBeyondTheFileAreRefused) {
  run(0, 10, 1);
  save({0});
  std::string bytes = readFile(path);
  auto patch = [&](size_t at, uint32_t value) {
    std::string damaged = bytes;
    std::memcpy(&damaged[at], &value, sizeof(value));
    Xxh64 hash;
    hash.update(&damaged[64], damaged.size() - 64);
    hash.update(&damaged[0], 56);
    uint64_t checksum = hash.digest();
    std::memcpy(&damaged[56], &checksum, sizeof(checksum));
    writeFile(path, damaged);
  };
  patch(12, 2); // sequences
  expectRefused(GEMCUT_CORRUPT_ARTIFACT, "ends too early");
  for (uint32_t count : {0u, 1000u, 39u, UINT32_MAX}) {
    patch(64, count); // tokens of the first
    expectRefused(GEMCUT_CORRUPT_ARTIFACT, "does not fit into it");
  }
  patch(68, 11); // prompted
  expectRefused(GEMCUT_CORRUPT_ARTIFACT, "does not fit into it");
}

TEST_F(SessionFileTest, BelongsToOneModelAndVersion) {
  run(0, 10, 1);
  save({0});
  for (uint64_t other : {getSessionFingerprint(gemcut_model, 6, nullptr),
                         getSessionFingerprint(gemcut_model, 5, "lora")}) {
    fingerprint = other;
    expectRefused(GEMCUT_INVALID_ARGUMENT, "belongs to another model");
  }
  fingerprint = getSessionFingerprint(gemcut_model, 5, nullptr);
  SessionFile file;
  EXPECT_EQ(file.open(path.c_str(), gemcut_model, fingerprint, "other"),
            GEMCUT_INVALID_ARGUMENT);
  EXPECT_NE(std::string(gemcut_last_error()).find("run it with --level base"),
            std::string::npos)
      << gemcut_last_error();
  std::string bytes = readFile(path);
  bytes[8] = 3;
  writeFile(path, bytes);
  expectRefused(GEMCUT_INVALID_ARGUMENT, "has version 3");
  writeFile(path, "something else that is long enough for a header");
  expectRefused(GEMCUT_CORRUPT_ARTIFACT, "is not a session file");
  std::filesystem::remove(path);
  expectRefused(GEMCUT_SYSTEM_ERROR, "No such file");
}

TEST_F(SessionFileTest, AppearsWholeOrNotAtAll) {
  run(0, 10, 1);
  save({0});
  std::string before = readFile(path);
  {
    SessionWriter writer;
    ASSERT_EQ(writer.open(path.c_str(), fingerprint, "baseline"), GEMCUT_OK);
    ASSERT_EQ(writer.add(session, 0, 10), GEMCUT_OK);
  }
  EXPECT_EQ(readFile(path), before);
  size_t files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    files += entry.exists();
  EXPECT_EQ(files, 1u);
  SessionWriter writer;
  EXPECT_EQ(
      writer.open((folder + "/none/file").c_str(), fingerprint, "baseline"),
      GEMCUT_SYSTEM_ERROR);
}
