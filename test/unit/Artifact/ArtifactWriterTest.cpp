//===- ArtifactWriterTest.cpp - The file layout of artifact.h -------------===//

#include "test/unit/Artifact/TestFolder.h"

#include "compiler/Artifact/ArtifactReader.h"
#include "compiler/Artifact/ArtifactWriter.h"
#include "compiler/Artifact/FileBytes.h"

#include <gtest/gtest.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

std::vector<uint8_t> bytesOf(size_t count, uint8_t first) {
  std::vector<uint8_t> bytes(count);
  for (size_t i = 0; i < count; ++i)
    bytes[i] = uint8_t(first + i * 31);
  return bytes;
}

class ArtifactWriter : public testing::Test {
protected:
  TestFolder folder;
  std::vector<uint8_t> image = bytesOf(100003, 1), tokenizer = bytesOf(777, 2),
                       weights = bytesOf(70001, 3);
  uint64_t sidecarChecksum = 0;

  llvm::Error write(const std::string &path, llvm::ArrayRef<uint8_t> image) {
    auto file = OutputFile::create(path);
    if (!file)
      return file.takeError();
    SectionContent sections[] = {
        bytesSection(GEMCUT_SECTION_TOKENIZER, tokenizer),
        bytesSection(GEMCUT_SECTION_WEIGHTS, weights)};
    auto footer = writeArtifact(**file, image, sections, sidecarChecksum);
    if (!footer)
      return footer.takeError();
    EXPECT_EQ(footer->sections[1].length, weights.size());
    return (*file)->commit(0755);
  }
  gemcut_footer footerOf(const std::string &text) {
    gemcut_footer footer;
    std::memcpy(&footer, &text[text.size() - sizeof(footer)], sizeof(footer));
    return footer;
  }
};

TEST_F(ArtifactWriter, NamesTheWeightsOfItsSidecar) {
  ASSERT_FALSE(bool(write(folder / "out", image)));
  EXPECT_EQ(footerOf(readText(folder / "out")).sidecar_checksum, 0u);
  sidecarChecksum = 0x1234567890;
  ASSERT_FALSE(bool(write(folder / "out", image)));
  EXPECT_EQ(footerOf(readText(folder / "out")).sidecar_checksum, 0x1234567890u);
}

TEST_F(ArtifactWriter, LaysOutImageSectionsAndFooter) {
  ASSERT_FALSE(bool(write(folder / "out", image)));
  std::string text = readText(folder / "out");
  gemcut_footer footer = footerOf(text);
  EXPECT_EQ(std::memcmp(text.data(), image.data(), image.size()), 0);
  EXPECT_EQ(std::memcmp(footer.magic, GEMCUT_FOOTER_MAGIC, 8), 0);
  EXPECT_EQ(footer.version, uint32_t(GEMCUT_FOOTER_VERSION));
  EXPECT_EQ(footer.file_length, text.size());
  EXPECT_EQ(footer.image_length, image.size());
  EXPECT_EQ(footer.image_checksum, XXH64(image.data(), image.size(), 0));
  ASSERT_EQ(footer.section_count, 2u);
  const std::vector<uint8_t> *contents[] = {&tokenizer, &weights};
  uint64_t offsets[] = {100032, 131072}; // multiples of 64, and of 64 KiB
  for (int i = 0; i < 2; ++i) {
    const gemcut_section &section = footer.sections[i];
    EXPECT_EQ(section.offset, offsets[i]);
    ASSERT_EQ(section.length, contents[i]->size());
    EXPECT_EQ(
        std::memcmp(&text[section.offset], contents[i]->data(), section.length),
        0);
    EXPECT_EQ(section.checksum, XXH64(contents[i]->data(), section.length, 0));
  }
  EXPECT_EQ(footer.sections[0].kind, uint32_t(GEMCUT_SECTION_TOKENIZER));
  EXPECT_EQ(footer.sections[1].kind, uint32_t(GEMCUT_SECTION_WEIGHTS));
  EXPECT_EQ(footer.checksum,
            XXH64(&footer, offsetof(gemcut_footer, checksum), 0));
  for (size_t i = image.size(); i < 100032; ++i)
    ASSERT_EQ(text[i], 0) << "padding at " << i;
}

TEST_F(ArtifactWriter, SidecarBeginsWithItsSection) {
  ASSERT_FALSE(bool(write(folder / "out.gemw", {})));
  gemcut_footer footer = footerOf(readText(folder / "out.gemw"));
  EXPECT_EQ(footer.sections[0].offset, 0u);
}

TEST_F(ArtifactWriter, SameInputsGiveTheSameBytes) {
  ASSERT_FALSE(bool(write(folder / "a", image)));
  ASSERT_FALSE(bool(write(folder / "b", image)));
  EXPECT_TRUE(readText(folder / "a") == readText(folder / "b"));
}

TEST_F(ArtifactWriter, ReaderFindsWhatWasWritten) {
  ASSERT_FALSE(bool(write(folder / "out", image)));
  auto footer = readFooter(folder / "out");
  ASSERT_TRUE(bool(footer));
  ASSERT_TRUE(footer->has_value());
  auto section = readSection(folder / "out", (*footer)->sections[1]);
  ASSERT_TRUE(bool(section));
  EXPECT_TRUE(*section == std::string(weights.begin(), weights.end()));
}

/// Any changed byte of the footer, and any other length, is noticed.
TEST_F(ArtifactWriter, ReaderNoticesDamage) {
  ASSERT_FALSE(bool(write(folder / "out", image)));
  std::string text = readText(folder / "out");
  size_t footerAt = text.size() - sizeof(gemcut_footer);
  auto rejected = [&](const std::string &damaged) {
    writeText(folder / "damaged", damaged);
    auto footer = readFooter(folder / "damaged");
    if (!footer) {
      llvm::consumeError(footer.takeError());
      return true;
    }
    return !footer->has_value();
  };
  EXPECT_FALSE(rejected(text));
  for (size_t i = footerAt; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = char(damaged[i] ^ 0x40);
    EXPECT_TRUE(rejected(damaged)) << "byte " << i - footerAt;
  }
  for (size_t length : {size_t(0), size_t(1), sizeof(gemcut_footer) - 1,
                        footerAt, text.size() - 1})
    EXPECT_TRUE(rejected(text.substr(0, length))) << length;
  EXPECT_TRUE(rejected(text + "x"));
  EXPECT_TRUE(rejected(text.substr(1)));
  // A footer that is whole but lies about where sections are.
  for (auto change :
       {+[](gemcut_footer &f) { f.sections[0].offset = ~0ull; },
        +[](gemcut_footer &f) { f.sections[1].length = ~0ull; },
        +[](gemcut_footer &f) { f.section_count = 9; },
        +[](gemcut_footer &f) { f.version = GEMCUT_FOOTER_VERSION + 1; }}) {
    gemcut_footer footer = footerOf(text);
    change(footer);
    footer.checksum = XXH64(&footer, offsetof(gemcut_footer, checksum), 0);
    std::string damaged = text;
    std::memcpy(&damaged[footerAt], &footer, sizeof(footer));
    EXPECT_TRUE(rejected(damaged));
  }
  std::string damaged = text;
  damaged[196608 + 5] ^= 1;
  writeText(folder / "damaged", damaged);
  auto section = readSection(folder / "damaged", footerOf(text).sections[1]);
  ASSERT_FALSE(bool(section));
  EXPECT_NE(llvm::toString(section.takeError()).find("is damaged"),
            std::string::npos);
}

/// A section that fails leaves the older file.
TEST_F(ArtifactWriter, FailedSectionsLeaveTheOlderFile) {
  writeText(folder / "out", "older");
  {
    auto file = OutputFile::create(folder / "out");
    ASSERT_TRUE(bool(file));
    SectionContent sections[] = {
        bytesSection(GEMCUT_SECTION_TOKENIZER, tokenizer),
        {GEMCUT_SECTION_WEIGHTS, 1000, [](int, uint64_t) -> llvm::Error {
           return llvm::createStringError("tensor 'a' holds a NaN");
         }}};
    llvm::Error error = writeArtifact(**file, image, sections).takeError();
    EXPECT_EQ(llvm::toString(std::move(error)), "tensor 'a' holds a NaN");
  }
  EXPECT_EQ(folder.list(), "out");
  EXPECT_EQ(readText(folder / "out"), "older");
}

/// In a child, whose files may not grow beyond `limit` bytes.
TEST_F(ArtifactWriter, AFullDiskLeavesTheOlderFile) {
  writeText(folder / "out", "older");
  for (rlim_t limit : {rlim_t(0), rlim_t(50000), rlim_t(200000)}) {
    pid_t child = fork();
    if (child == 0) {
      signal(SIGXFSZ, SIG_IGN);
      rlimit limits{limit, limit};
      setrlimit(RLIMIT_FSIZE, &limits);
      std::string message = llvm::toString(write(folder / "out", image));
      _exit(message.find("/out: ") != std::string::npos &&
                    message.find("File too large") != std::string::npos
                ? 0
                : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << limit;
    EXPECT_EQ(folder.list(), "out");
    EXPECT_EQ(readText(folder / "out"), "older");
  }
}

/// A mount namespace for this process, as root or as a user who becomes root in
/// it.
bool enterNamespace() {
  std::string user = std::to_string(getuid()), group = std::to_string(getgid());
  if (unshare(CLONE_NEWNS) == 0)
    return true;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
    return false;
  writeText("/proc/self/setgroups", "deny");
  writeText("/proc/self/uid_map", "0 " + user + " 1");
  writeText("/proc/self/gid_map", "0 " + group + " 1");
  return true;
}

/// On a filesystem of one MiB, mounted for a child alone: told beforehand where
/// the space is too small, and on writing where it has gone since.
TEST_F(ArtifactWriter, ASmallFilesystemIsToldBeforeAndWhileWriting) {
  constexpr int kSkipped = 77;
  auto inChild = [&](auto &&body) {
    pid_t child = fork();
    if (child == 0) {
      if (!enterNamespace() ||
          mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
          mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m"))
        _exit(kSkipped);
      _exit(body() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  auto failsWith = [](llvm::Error error, const char *part) {
    std::string message = llvm::toString(std::move(error));
    if (message.find(part) != std::string::npos)
      return true;
    std::fprintf(stderr, "%s\n", message.c_str());
    return false;
  };
  int before = inChild([&] {
    image.resize(size_t(2) << 20);
    return failsWith(write(folder / "out", image),
                     "/out: needs 3 MiB, but its filesystem has 1 MiB left") &&
           folder.list() == "";
  });
  if (before == kSkipped)
    GTEST_SKIP() << "this system lets nobody mount a tmpfs in a namespace";
  EXPECT_EQ(before, 0);
  int meanwhile = inChild([&] {
    auto file = OutputFile::create(folder / "out");
    if (!file)
      return failsWith(file.takeError(), "nothing");
    SectionContent sections[] = {
        {GEMCUT_SECTION_REPORT, 1,
         [&](int, uint64_t) {
           writeText(folder / "other", std::string(size_t(2) << 20, 'x'));
           return llvm::Error::success();
         }},
        bytesSection(GEMCUT_SECTION_WEIGHTS, weights)};
    return failsWith(writeArtifact(**file, image, sections).takeError(),
                     "/out: writing the output failed: No space left");
  });
  EXPECT_EQ(meanwhile, 0);
}

TEST_F(ArtifactWriter, ChecksumsDoNotDependOnPieces) {
  // Longer than the pieces in which the file is read back.
  std::vector<uint8_t> bytes = bytesOf((size_t(4) << 20) + 12345, 9);
  auto file = OutputFile::create(folder / "out");
  ASSERT_TRUE(bool(file));
  ASSERT_FALSE(
      bool(writeAt((*file)->descriptor(), bytes.data(), bytes.size(), 3)));
  auto checksum = checksumOf((*file)->descriptor(), 3, bytes.size());
  ASSERT_TRUE(bool(checksum));
  EXPECT_EQ(*checksum, XXH64(bytes.data(), bytes.size(), 0));
  auto beyond = checksumOf((*file)->descriptor(), 3, bytes.size() + 1);
  ASSERT_FALSE(bool(beyond));
  llvm::consumeError(beyond.takeError());
}

} // namespace
