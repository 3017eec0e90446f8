//===- CheckpointTest.cpp - Files on disk ---------------------------------===//

#include "frontends/Safetensors/Checkpoint.h"

#include "test/unit/Safetensors/CheckpointFiles.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::safetensors;
using namespace gemcut::test;

namespace {
constexpr char kIndex[] = "model.safetensors.index.json";

std::string header(const std::string &name, const std::string &dtype,
                   int64_t elements, int64_t bytes) {
  return "{\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" +
         std::to_string(elements) + "],\"data_offsets\":[0," +
         std::to_string(bytes) + "]}}";
}

std::unique_ptr<Checkpoint> openOrFail(const std::string &path) {
  auto checkpoint = Checkpoint::open(path);
  if (checkpoint)
    return std::move(*checkpoint);
  ADD_FAILURE() << llvm::toString(checkpoint.takeError());
  return nullptr;
}

/// Pages of mapped files that are in this process's memory, in bytes.
int64_t residentFileBytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line))
    if (line.rfind("RssFile:", 0) == 0)
      return std::stoll(line.substr(8)) * 1024;
  ADD_FAILURE() << "no RssFile in /proc/self/status";
  return 0;
}
} // namespace

TEST(Checkpoint, OpensEveryGoldenModel) {
  struct Case {
    const char *name, *tensor;
    size_t tensors;
    DType dtype;
  };
  for (const Case &test :
       {Case{"edge", "model.language_model.norm.weight", 107, DType::F32},
        Case{"edge-mqa", "model.norm.weight", 101, DType::F32},
        Case{"edge-bf16", "model.language_model.norm.weight", 101, DType::BF16},
        Case{"dense", "model.language_model.norm.weight", 84, DType::F32},
        Case{"moe", "model.language_model.norm.weight", 132, DType::F32}}) {
    std::string folder = std::string(GEMCUT_TEST_DATA "/goldens/") + test.name;
    std::unique_ptr<Checkpoint> checkpoint = openOrFail(folder);
    ASSERT_TRUE(checkpoint) << test.name;
    EXPECT_EQ(checkpoint->tensors().size(), test.tensors) << test.name;
    const TensorInfo *norm = checkpoint->findTensor(test.tensor);
    ASSERT_TRUE(norm) << test.name;
    EXPECT_EQ(norm->dtype, test.dtype);
    EXPECT_EQ(llvm::ArrayRef(norm->shape), llvm::ArrayRef<int64_t>({64}));
    // Norm weights of the golden models are drawn from [0.75, 1.25].
    float values[64];
    llvm::cantFail(checkpoint->readF32(norm->name, 0, values));
    for (float value : values)
      EXPECT_TRUE(value >= 0.75f && value <= 1.25f) << value;
    EXPECT_FALSE(checkpoint->find("nothing"));
    for (size_t i = 1; i < checkpoint->tensors().size(); ++i)
      EXPECT_LT(checkpoint->tensors()[i - 1].name,
                checkpoint->tensors()[i].name);
  }
}

TEST(Checkpoint, FindsTensorsInTheirShards) {
  std::string folder = GEMCUT_TEST_DATA "/goldens/moe";
  std::unique_ptr<Checkpoint> sharded = openOrFail(folder);
  ASSERT_TRUE(sharded);
  size_t found = 0;
  for (int i = 1; i <= 3; ++i) {
    std::string path =
        folder + "/model-0000" + std::to_string(i) + "-of-00003.safetensors";
    std::unique_ptr<Checkpoint> shard = openOrFail(path);
    ASSERT_TRUE(shard);
    for (const TensorInfo &tensor : shard->tensors()) {
      const TensorInfo *same = sharded->findTensor(tensor.name);
      ASSERT_TRUE(same) << tensor.name;
      EXPECT_EQ(sharded->fileOf(tensor.name), path);
      EXPECT_EQ(sharded->bytes(*same), shard->bytes(tensor));
      ++found;
    }
  }
  EXPECT_EQ(found, sharded->tensors().size());
}

TEST(Checkpoint, ReadsRangesOfElements) {
  TemporaryFolder folder;
  // An odd header length puts the data at an odd address.
  std::string text = header("t", "BF16", 5, 10);
  text.append(text.size() % 2 ? 0 : 1, ' ');
  ASSERT_EQ(text.size() % 2, 1u);
  const uint8_t data[] = {0x80, 0x3F, 0x00, 0xC0, 0x00, 0x00, 0x80, 0x7F, 1, 0};
  folder.write("t.safetensors",
               withLength(text) +
                   std::string(reinterpret_cast<const char *>(data), 10));
  std::unique_ptr<Checkpoint> checkpoint =
      openOrFail(folder.path("t.safetensors"));
  ASSERT_TRUE(checkpoint);
  const TensorInfo *tensor = checkpoint->findTensor("t");
  ASSERT_TRUE(tensor);
  float all[5], middle[2];
  llvm::cantFail(checkpoint->readF32(tensor->name, 0, all));
  EXPECT_EQ(all[0], 1.0f);
  EXPECT_EQ(all[1], -2.0f);
  EXPECT_EQ(all[2], 0.0f);
  EXPECT_EQ(all[3], std::numeric_limits<float>::infinity());
  EXPECT_EQ(all[4], 0x1p-133f);
  llvm::cantFail(checkpoint->readF32(tensor->name, 1, middle));
  EXPECT_EQ(middle[0], -2.0f);
  EXPECT_EQ(middle[1], 0.0f);
  llvm::cantFail(checkpoint->readF32(tensor->name, 5, {}));
}

TEST(Checkpoint, DecodesEveryHalf) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    uint8_t bytes[] = {uint8_t(bits), uint8_t(bits >> 8)};
    float value;
    checkpoint::decodeFloats(DType::F16, bytes, 1, &value);
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31 && mantissa) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      continue;
    }
    // IEEE 754 binary16: (1 + m/1024) * 2^(e-15), or m/1024 * 2^-14.
    float magnitude = exponent == 31 ? std::numeric_limits<float>::infinity()
                      : exponent
                          ? std::ldexp(1024.0f + float(mantissa), exponent - 25)
                          : std::ldexp(float(mantissa), -24);
    EXPECT_EQ(value, bits & 0x8000 ? -magnitude : magnitude) << bits;
    EXPECT_EQ(std::signbit(value), bits >= 0x8000) << bits;
  }
}

TEST(Checkpoint, SaysWhichTypesAreNotNumbers) {
  TemporaryFolder folder;
  folder.write("t.safetensors", zeroFile(header("t", "I64", 2, 16), 16));
  std::unique_ptr<Checkpoint> checkpoint =
      openOrFail(folder.path("t.safetensors"));
  ASSERT_TRUE(checkpoint);
  EXPECT_FALSE(checkpoint->find("t")->isReadable());
  float value;
  EXPECT_EQ(llvm::toString(checkpoint->readF32("t", 0, value)),
            "tensor 't' has dtype I64; supported are F32, BF16 and F16");
}

// The data of a checkpoint as large as a real one are not read at opening.
TEST(Checkpoint, OpensTenGigabytesWithoutReadingThem) {
  TemporaryFolder folder;
  constexpr int64_t kElements = 5'000'000'000;
  std::string start = withLength(header("t", "BF16", kElements, 2 * kElements));
  folder.write("model.safetensors", start);
  if (truncate(folder.path("model.safetensors").c_str(),
               off_t(start.size()) + 2 * kElements))
    GTEST_SKIP() << "the temporary folder takes no sparse file of 10 GB";
  int64_t before = residentFileBytes();
  std::unique_ptr<Checkpoint> checkpoint = openOrFail(folder.path());
  ASSERT_TRUE(checkpoint);
  const TensorInfo *tensor = checkpoint->findTensor("t");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->elements(), kElements);
  float last[4] = {1, 1, 1, 1};
  llvm::cantFail(checkpoint->readF32(tensor->name, kElements - 4, last));
  EXPECT_EQ(last[3], 0.0f);
  EXPECT_LT(residentFileBytes() - before, 64 << 20);
}

TEST(Checkpoint, ReleaseDropsPages) {
  TemporaryFolder folder;
  constexpr int64_t kElements = 16 << 20; // 64 MB
  folder.write(
      "t.safetensors",
      zeroFile(header("t", "F32", kElements, 4 * kElements), 4 * kElements));
  std::unique_ptr<Checkpoint> checkpoint =
      openOrFail(folder.path("t.safetensors"));
  ASSERT_TRUE(checkpoint);
  const TensorInfo *tensor = checkpoint->findTensor("t");
  std::vector<float> buffer(1 << 20);
  int64_t before = residentFileBytes();
  for (int64_t at = 0; at < kElements; at += int64_t(buffer.size()))
    llvm::cantFail(checkpoint->readF32(tensor->name, at, buffer));
  int64_t read = residentFileBytes();
  checkpoint->done("t");
  int64_t after = residentFileBytes();
  EXPECT_GT(read - before, 56 << 20);
  EXPECT_LT(after - before, 8 << 20);
  // Releasing what was read keeps little of a large tensor at any time.
  int64_t most = 0, step = int64_t(buffer.size());
  for (int64_t at = 0; at < kElements; at += step) {
    llvm::cantFail(checkpoint->readF32(tensor->name, at, buffer));
    most = std::max(most, residentFileBytes() - before);
    checkpoint->done("t");
  }
  EXPECT_GT(most, 2 << 20);
  EXPECT_LT(most, 16 << 20);
  // What was dropped can be read again.
  buffer.assign(buffer.size(), 1.0f);
  llvm::cantFail(checkpoint->readF32(tensor->name, 12345, buffer));
  EXPECT_EQ(buffer[0], 0.0f);
}

TEST(Checkpoint, RejectsPathsThatHoldNoCheckpoint) {
  TemporaryFolder folder;
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path("none"))),
            folder.path("none") + ": no such file or directory");
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path())),
            folder.path() + ": holds neither model.safetensors nor " + kIndex);
  folder.write("empty.safetensors", "");
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path("empty.safetensors"))),
            folder.path("empty.safetensors") +
                ": has 0 bytes, too few for a safetensors header; the file is "
                "truncated or not a checkpoint");
  mkdir(folder.path("model.safetensors").c_str(), 0700);
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path())),
            folder.path("model.safetensors") + ": is not a regular file");
  // Opening a FIFO must not wait for a writer.
  ASSERT_EQ(mkfifo(folder.path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path("fifo"))),
            folder.path("fifo") + ": is not a regular file");
}

TEST(Checkpoint, RejectsAFileItMayNotRead) {
  TemporaryFolder folder;
  folder.write("t.safetensors", zeroFile("{}", 0));
  chmod(folder.path("t.safetensors").c_str(), 0);
  if (geteuid() == 0)
    GTEST_SKIP() << "root reads every file";
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path("t.safetensors"))),
            folder.path("t.safetensors") +
                ": cannot be opened: Permission denied");
}

TEST(Checkpoint, ComparesIndexAndShards) {
  TemporaryFolder folder;
  std::string index = folder.path(kIndex), x = folder.path("x.safetensors");
  auto expectError = [&](const char *text, const std::string &error) {
    folder.write(kIndex, text);
    EXPECT_EQ(errorOf(Checkpoint::open(folder.path())), error) << text;
  };
  folder.write("x.safetensors", zeroFile(header("a", "U8", 4, 4), 4));
  folder.write("y.safetensors", zeroFile(header("b", "U8", 3, 3), 3));
  expectError(R"({"metadata":{"total_size":7},)"
              R"("weight_map":{"a":"x.safetensors","b":"y.safetensors"}})",
              "");
  expectError(R"({"weight_map":{"a":"x.safetensors","b":"z.safetensors"}})",
              index + ": names shard 'z.safetensors' with 1 tensors, which is "
                      "not in the directory; the download may be incomplete");
  expectError(R"({"weight_map":{"a":"x.safetensors","c":"y.safetensors"}})",
              folder.path("y.safetensors") + ": holds tensor 'b', which " +
                  index + " does not place there");
  expectError(R"({"weight_map":{"a":"x.safetensors","c":"x.safetensors"}})",
              index + ": places tensor 'c' in " + x +
                  ", which does not hold it");
  expectError(R"({"metadata":{"total_size":8},)"
              R"("weight_map":{"a":"x.safetensors","b":"y.safetensors"}})",
              index + ": metadata.total_size is 8 bytes, but the 2 tensors of "
                      "the shards have 7; index and shards belong to different "
                      "files");
  // The same tensor in two shards: one of them is not where the index says.
  folder.write("y.safetensors", zeroFile(header("a", "U8", 4, 4), 4));
  expectError(R"({"weight_map":{"a":"x.safetensors","b":"y.safetensors"}})",
              folder.path("y.safetensors") + ": holds tensor 'a', which " +
                  index + " does not place there");
  // An index under the name of a shard.
  folder.write("x.safetensors", R"({"weight_map":{"a":"x.safetensors"}})");
  std::string error = errorOf(Checkpoint::open(folder.path()));
  EXPECT_EQ(error.rfind(x + ": header length ", 0), 0u) << error;
  folder.write(kIndex, "{");
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path())),
            index + ": is not valid JSON from byte 2 on; the file may be "
                    "truncated");
}

// Every truncation of a golden file's header, through the file system.
TEST(Checkpoint, RejectsTruncatedGoldenFiles) {
  std::ifstream stream(GEMCUT_TEST_DATA "/goldens/edge-bf16/model.safetensors",
                       std::ios::binary);
  std::string whole((std::istreambuf_iterator<char>(stream)),
                    std::istreambuf_iterator<char>());
  uint64_t length = 0;
  std::memcpy(&length, whole.data(), 8);
  ASSERT_LT(8 + length, whole.size());
  TemporaryFolder folder;
  std::string path = folder.path("model.safetensors");
  for (size_t size = 8 + size_t(length) + 1; size-- > 0;) {
    if (size == 8 + size_t(length))
      folder.write("model.safetensors", whole.substr(0, size));
    else
      ASSERT_EQ(truncate(path.c_str(), off_t(size)), 0);
    std::string error = errorOf(Checkpoint::open(folder.path()));
    ASSERT_EQ(error.rfind(path + ": ", 0), 0u) << size << error;
    ASSERT_NE(error.find("truncated"), std::string::npos) << size << error;
  }
}
