//===- ArtifactTest.cpp - Footers, truncated and damaged files ------------===//

#include "runtime/core/artifact.h"
#include "runtime/core/error.h"
#include "test/unit/runtime/ArtifactBuilder.h"

#include "gtest/gtest.h"

#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::test;

namespace {

class ArtifactTest : public testing::Test {
protected:
  ArtifactTest() {
    char folder[] = "/tmp/gemcut-artifact-XXXXXX";
    path = std::string(mkdtemp(folder)) + "/model";
    whole = makeArtifact("\x7f"
                         "ELF image",
                         {{GEMCUT_SECTION_WEIGHTS, weights},
                          {GEMCUT_SECTION_TOKENIZER, "tokens"},
                          {GEMCUT_SECTION_REPORT, ""}});
  }
  ~ArtifactTest() override {
    std::remove(path.c_str());
    rmdir(path.substr(0, path.rfind('/')).c_str());
  }

  gemcut_status open(const std::string &bytes) {
    writeFile(path, bytes);
    return artifact.open(path.c_str());
  }

  /// Opens a file whose footer is changed and sealed again.
  template <typename Change> gemcut_status openChanged(Change change) {
    std::string bytes = whole;
    gemcut_footer footer;
    char *at = &bytes[bytes.size() - sizeof(footer)];
    std::memcpy(&footer, at, sizeof(footer));
    change(footer);
    sealFooter(footer);
    std::memcpy(at, &footer, sizeof(footer));
    return open(bytes);
  }

  void expectError(const char *fragment) {
    EXPECT_NE(std::string(gemcut_last_error()).find(fragment),
              std::string::npos)
        << gemcut_last_error();
  }

  std::string path, whole, weights = std::string(70000, 'w') + "end";
  Artifact artifact;
};

} // namespace

TEST_F(ArtifactTest, MapsSections) {
  ASSERT_EQ(open(whole), GEMCUT_OK) << gemcut_last_error();
  const Section *section = artifact.find(GEMCUT_SECTION_WEIGHTS);
  ASSERT_TRUE(section);
  EXPECT_EQ(std::string(reinterpret_cast<const char *>(section->data),
                        section->length),
            weights);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(section->data) % 4096, 0u);
  section = artifact.find(GEMCUT_SECTION_TOKENIZER);
  ASSERT_TRUE(section);
  EXPECT_EQ(std::string(reinterpret_cast<const char *>(section->data),
                        section->length),
            "tokens");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(section->data) % 64, 0u);
  EXPECT_EQ(artifact.find(GEMCUT_SECTION_REPORT)->length, 0u);
  EXPECT_EQ(artifact.verify(), GEMCUT_OK);
}

TEST_F(ArtifactTest, EveryTruncationIsNoticed) {
  std::vector<size_t> sizes = {0, 1, 100, 65535, 65536, 100000, 135552};
  for (size_t cut = 1; cut <= sizeof(gemcut_footer) + 2; ++cut)
    sizes.push_back(whole.size() - cut);
  for (size_t size : sizes) {
    ASSERT_LT(size, whole.size());
    EXPECT_EQ(open(whole.substr(0, size)), GEMCUT_CORRUPT_ARTIFACT) << size;
  }
}

TEST_F(ArtifactTest, EveryDamagedFooterByteIsNoticed) {
  for (size_t i = whole.size() - sizeof(gemcut_footer); i < whole.size(); ++i)
    for (int bit : {0, 3, 7}) {
      std::string bytes = whole;
      bytes[i] = char(bytes[i] ^ 1 << bit);
      EXPECT_EQ(open(bytes), GEMCUT_CORRUPT_ARTIFACT) << i;
    }
}

TEST_F(ArtifactTest, DamagedSectionsAreNoticedOnRequest) {
  std::string bytes = whole;
  bytes[65536 + 69999] ^= 1;
  ASSERT_EQ(open(bytes), GEMCUT_OK);
  EXPECT_EQ(artifact.verify(), GEMCUT_CORRUPT_ARTIFACT);
  expectError((path + ": section 'weights' at byte 65536 of 70003 bytes has "
                      "checksum")
                  .c_str());
  bytes = whole;
  bytes[135552] ^= 1;
  ASSERT_EQ(open(bytes), GEMCUT_OK);
  EXPECT_EQ(artifact.verify(), GEMCUT_CORRUPT_ARTIFACT);
  expectError("section 'tokenizer' at byte 135552");
}

TEST_F(ArtifactTest, DamagedCodeIsNoticedOnRequest) {
  std::string bytes = whole;
  bytes[3] ^= 1;
  ASSERT_EQ(open(bytes), GEMCUT_OK);
  EXPECT_EQ(artifact.verify(), GEMCUT_CORRUPT_ARTIFACT);
  expectError((path + ": the code, its first 10 bytes, has checksum").c_str());
}

TEST_F(ArtifactTest, SectionsOfAnotherLengthAreNamed) {
  ASSERT_EQ(open(whole), GEMCUT_OK);
  const Section *section = artifact.find(GEMCUT_SECTION_WEIGHTS);
  EXPECT_EQ(artifact.checkLength(*section, weights.size()), GEMCUT_OK);
  EXPECT_EQ(artifact.checkLength(*section, 7), GEMCUT_CORRUPT_ARTIFACT);
  expectError((path + ": section 'weights' at byte 65536 has 70003 bytes, but "
                      "the code was compiled for 7")
                  .c_str());
}

TEST_F(ArtifactTest, LongerFileIsNoticed) {
  EXPECT_EQ(open(std::string(65536, 'x') + whole), GEMCUT_CORRUPT_ARTIFACT);
  expectError("its footer says");
}

TEST_F(ArtifactTest, ConsistentButWrongFooters) {
  auto rejected = [&](auto change, const char *fragment) {
    EXPECT_EQ(openChanged(change), GEMCUT_CORRUPT_ARTIFACT) << fragment;
    expectError(fragment);
  };
  rejected([](gemcut_footer &f) { f.version = 9; }, "format version 9");
  rejected([](gemcut_footer &f) { f.section_count = 9; }, "9 sections");
  rejected([](gemcut_footer &f) { f.section_count = ~0u; }, "sections");
  rejected([](gemcut_footer &f) { f.section_count = 2; }, "not zero");
  rejected([](gemcut_footer &f) { f.section_count = 4; }, "kind 0");
  rejected([](gemcut_footer &f) { f.sections[0].kind = 77; }, "kind 77");
  rejected([](gemcut_footer &f) { f.sections[0].reserved = 1; }, "reserved");
  rejected([](gemcut_footer &f) { f.sections[2].kind = 2; }, "twice");
  rejected([](gemcut_footer &f) { f.sections[0].offset += 4096; }, "multiple");
  rejected([](gemcut_footer &f) { f.sections[1].offset += 8; }, "multiple");
  rejected([](gemcut_footer &f) { f.sections[1].offset = 65536; }, "overlap");
  rejected([](gemcut_footer &f) { f.sections[0].length += 16; }, "overlap");
  rejected([](gemcut_footer &f) { f.sections[0].length = ~0ull; }, "fit");
  rejected([](gemcut_footer &f) { f.sections[1].offset = ~0ull << 16; }, "fit");
  rejected([](gemcut_footer &f) { ++f.file_length; }, "footer says");
  rejected([](gemcut_footer &f) { f.image_length = ~0ull; }, "its code of");
  // The footer itself belongs to no section.
  rejected([](gemcut_footer &f) { ++f.sections[2].length; }, "fit");
}

TEST_F(ArtifactTest, MissingFileIsASystemError) {
  EXPECT_EQ(artifact.open("/nowhere/model"), GEMCUT_SYSTEM_ERROR);
  expectError("/nowhere/model");
}

TEST_F(ArtifactTest, WhatIsNoFileIsRefused) {
  std::string folder = path.substr(0, path.rfind('/'));
  EXPECT_EQ(artifact.open(folder.c_str()), GEMCUT_CORRUPT_ARTIFACT);
  expectError("is a directory, a device, a pipe or a socket");
  std::remove(path.c_str());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(artifact.open(path.c_str()), GEMCUT_CORRUPT_ARTIFACT);
  expectError("is a directory, a device, a pipe or a socket");
}

TEST(Xxh64, KnownVectors) {
  EXPECT_EQ(xxh64("", 0), 0xEF46DB3751D8E999u);
  EXPECT_EQ(xxh64("a", 1), 0xD24EC4F1A98C6E5Bu);
  EXPECT_EQ(xxh64("abc", 3), 0x44BC2CF5AD770999u);
  // The xxHash project's own test: bytes of a 32-bit generator, 101 and 222
  // long.
  uint8_t bytes[222];
  uint64_t generator = 2654435761u;
  for (uint8_t &byte : bytes) {
    byte = uint8_t(generator >> 56);
    generator *= 11400714785074694797u;
  }
  EXPECT_EQ(xxh64(bytes, 1), 0xE934A84ADB052768u);
  EXPECT_EQ(xxh64(bytes, 14), 0x8282DCC4994E35C8u);
  EXPECT_EQ(xxh64(bytes, 222), 0xB641AE8CB691C174u);
}

TEST(Xxh64, PiecesOfAnySizeGiveTheSame) {
  std::string text;
  for (int i = 0; i < 300; ++i)
    text += char(i * 7 + i / 5);
  for (size_t length = 0; length <= text.size(); ++length)
    for (size_t piece : {1, 3, 31, 32, 33, 64}) {
      Xxh64 hash;
      for (size_t at = 0; at < length; at += piece)
        hash.update(text.data() + at, std::min(piece, length - at));
      ASSERT_EQ(hash.digest(), xxh64(text.data(), length)) << length;
    }
}
