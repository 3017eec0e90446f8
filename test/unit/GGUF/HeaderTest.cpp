//===- HeaderTest.cpp - GGUF headers, whole and damaged -------------------===//

#include "frontends/GGUF/Header.h"

#include "test/unit/GGUF/GgufBytes.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

#include <limits>

using namespace gemcut;
using namespace gemcut::gguf;
using namespace gemcut::test;
using checkpoint::ElementType;

namespace {

llvm::Expected<Header> parse(const std::string &file) {
  return parseHeader(
      {reinterpret_cast<const uint8_t *>(file.data()), file.size()},
      file.size(), "f");
}

std::string errorOfFile(const std::string &file) {
  return errorOf(parse(file));
}

const std::string kRow(64 * 4, '\0'); ///< 64 float32

/// A file with a pair of every kind and two tensors.
GgufBytes goodFile() {
  GgufBytes file;
  file.text("general.architecture", "gemma4")
      .u32("a.count", 7)
      .pair("a.small", 1, rawBytes(int8_t(-3)))
      .pair("a.large", 10, rawBytes(uint64_t(1) << 40))
      .pair("a.ratio", 6, rawBytes(0.25f))
      .pair("a.yes", 7, std::string(1, '\1'))
      .array("a.list", 5, 3,
             rawBytes(int32_t(4)) + rawBytes(int32_t(-5)) +
                 rawBytes(int32_t(6)))
      .array("a.words", 8, 2, ggufString("one") + ggufString(""))
      .tensor("first", {32, 2}, 0, kRow)
      .tensor("second", {64}, 2, std::string(36, '\1'));
  return file;
}

} // namespace

TEST(GgufHeader, ReadsKeysAndTensors) {
  std::string file = goodFile().file();
  llvm::Expected<Header> header = parse(file);
  ASSERT_TRUE(bool(header)) << llvm::toString(header.takeError());
  const Metadata &m = header->metadata;
  EXPECT_EQ(llvm::cantFail(m.string("general.architecture")), "gemma4");
  EXPECT_EQ(llvm::cantFail(m.integer("a.count", 0, 10)), 7);
  EXPECT_EQ(llvm::cantFail(m.integer("a.small", -10, 10)), -3);
  EXPECT_EQ(llvm::cantFail(m.integer("a.large", 0, INT64_MAX)), int64_t(1)
                                                                    << 40);
  EXPECT_EQ(llvm::cantFail(m.number("a.ratio")), 0.25);
  EXPECT_EQ(llvm::cantFail(m.number("a.count")), 7.0);
  EXPECT_TRUE(llvm::cantFail(m.boolean("a.yes", false)));
  EXPECT_EQ(llvm::cantFail(m.integers("a.list", 3, -9, 9)),
            (std::vector<int64_t>{4, -5, 6}));
  EXPECT_EQ(llvm::cantFail(m.integers("a.count", 2, 0, 9)),
            (std::vector<int64_t>{7, 7}));
  EXPECT_EQ(llvm::cantFail(m.strings("a.words")),
            (std::vector<llvm::StringRef>{"one", ""}));
  ASSERT_EQ(header->tensors.size(), 2u);
  const TensorEntry &first = header->tensors[0], &second = header->tensors[1];
  EXPECT_EQ(first.name, "first");
  EXPECT_EQ(first.type, ElementType::F32);
  EXPECT_EQ(llvm::ArrayRef(first.shape), llvm::ArrayRef<int64_t>({2, 32}));
  EXPECT_EQ(first.bytes, 256u);
  EXPECT_EQ(first.offset % 32, 0u);
  EXPECT_EQ(second.type, ElementType::Q4_0);
  EXPECT_EQ(second.bytes, 36u);
  EXPECT_EQ(second.offset, first.offset + 256);
  EXPECT_EQ(file[second.offset], '\1');
}

TEST(GgufHeader, MetadataErrorsNameKeyAndValue) {
  std::string file = goodFile().file();
  llvm::Expected<Header> header = parse(file);
  ASSERT_TRUE(bool(header));
  const Metadata &m = header->metadata;
  EXPECT_EQ(errorOf(m.integer("a.count", 8, 9)),
            "f: key 'a.count': found 7, expected a whole number from 8 to 9");
  EXPECT_EQ(errorOf(m.integer("b", 0, 9)),
            "f: key 'b': found nothing, expected a whole number from 0 to 9");
  EXPECT_EQ(llvm::cantFail(m.integer("b", 0, 9, 5)), 5);
  EXPECT_EQ(errorOf(m.integer("a.list", 0, 9)),
            "f: key 'a.list': found an array of 3 int32, expected a whole "
            "number from 0 to 9");
  EXPECT_EQ(errorOf(m.integers("a.list", 3, 0, 9)),
            "f: key 'a.list': found -5 at index 1, expected a whole number, or "
            "3 of them, from 0 to 9");
  EXPECT_EQ(errorOf(m.integers("a.list", 4, -9, 9)),
            "f: key 'a.list': found an array of 3 int32, expected a whole "
            "number, or 4 of them, from -9 to 9");
  EXPECT_EQ(errorOf(m.string("a.yes")),
            "f: key 'a.yes': found true, expected a string");
  EXPECT_EQ(errorOf(m.boolean("general.architecture", true)),
            "f: key 'general.architecture': found the string 'gemma4', "
            "expected true or false");
  EXPECT_EQ(errorOf(m.strings("a.list")),
            "f: key 'a.list': found an array of 3 int32, expected an array of "
            "strings");
  EXPECT_EQ(errorOf(m.number("a.words")),
            "f: key 'a.words': found an array of 2 string, expected a number");
}

// A file that ends anywhere in front of the end of its data is refused.
TEST(GgufHeader, RefusesEveryTruncation) {
  GgufBytes good = goodFile();
  std::string file = good.file();
  size_t end = good.header().size();
  ASSERT_EQ(errorOfFile(file), "");
  for (size_t length = 0; length < file.size() - 28; ++length)
    EXPECT_NE(errorOfFile(file.substr(0, length)), "") << length;
  EXPECT_EQ(errorOfFile(file.substr(0, end - 1)),
            "f: the header ends in the type of tensor 'second', at byte " +
                std::to_string(end - 8) + " of " + std::to_string(end - 1) +
                "; the file is truncated");
}

TEST(GgufHeader, RefusesOtherFiles) {
  EXPECT_EQ(errorOfFile(""),
            "f: starts with '', expected 'GGUF'; this is not a GGUF file");
  EXPECT_EQ(errorOfFile("GGML\3"), "f: starts with 'GGML', expected 'GGUF'; "
                                   "this is not a GGUF file");
  GgufBytes file;
  file.version = 1;
  EXPECT_EQ(errorOfFile(file.file()),
            "f: has version 1, supported are versions 2 and 3");
  file.version = 3u << 24;
  EXPECT_EQ(errorOfFile(file.file()),
            "f: is big-endian, supported are little-endian files");
}

TEST(GgufHeader, RefusesCountsBeyondTheFile) {
  GgufBytes file = goodFile();
  file.extraPairs = uint64_t(1) << 60;
  EXPECT_EQ(errorOfFile(file.file()),
            "f: claims 1152921504606846984 keys, more than the file has room "
            "for");
  file = goodFile();
  file.extraTensors = std::numeric_limits<uint64_t>::max() - 2;
  EXPECT_EQ(errorOfFile(file.file()),
            "f: claims 18446744073709551615 tensors, more than the file has "
            "room for");
  file = GgufBytes();
  file.array("k", 4, std::numeric_limits<uint64_t>::max() / 4 + 1, "");
  EXPECT_NE(
      errorOfFile(file.file()).find("4611686018427387904 values of key 'k'"),
      std::string::npos);
  file = GgufBytes();
  file.pair("k", 8, rawBytes(std::numeric_limits<uint64_t>::max()));
  EXPECT_NE(errorOfFile(file.file()).find("string 0 of key 'k'"),
            std::string::npos);
  file = GgufBytes();
  file.array("k", 8, uint64_t(1) << 62, ggufString("x"));
  EXPECT_NE(errorOfFile(file.file()).find("string 1 of key 'k'"),
            std::string::npos);
}

TEST(GgufHeader, RefusesBadKeys) {
  GgufBytes file;
  file.u32("k", 1).u32("k", 2);
  EXPECT_EQ(errorOfFile(file.file()), "f: key 'k' occurs twice");
  file = GgufBytes();
  file.pair("k", 13, std::string(8, '\0'));
  EXPECT_EQ(errorOfFile(file.file()),
            "f: key 'k' has the unknown type 13, expected 0 to 12");
  file = GgufBytes();
  file.array("k", 9, 1, std::string(64, '\0'));
  EXPECT_EQ(errorOfFile(file.file()),
            "f: key 'k' is an array of arrays, supported are arrays of "
            "numbers, booleans and strings");
  file = GgufBytes();
  file.u32("", 1).u32("padding", 1);
  EXPECT_EQ(errorOfFile(file.file()),
            "f: the name of key 0 has 0 bytes, expected 1 to 1024");
  file = GgufBytes();
  file.u32(std::string(1025, 'k'), 1);
  EXPECT_EQ(errorOfFile(file.file()),
            "f: the name of key 0 has 1025 bytes, expected 1 to 1024");
  file = GgufBytes();
  file.u32("bad\n\xFF", 1).u32("bad\n\xFF", 1);
  EXPECT_EQ(errorOfFile(file.file()), "f: key 'bad\?\?' occurs twice");
}

TEST(GgufHeader, RefusesBadAlignments) {
  for (uint32_t alignment : {0u, 4u, 1u << 21}) {
    GgufBytes file;
    file.u32("general.alignment", alignment).tensor("t", {64}, 0, kRow);
    EXPECT_EQ(errorOfFile(file.file()),
              "f: key 'general.alignment': found " + std::to_string(alignment) +
                  ", expected a whole number from 8 to 1048576");
  }
  GgufBytes file;
  file.u32("general.alignment", 48).tensor("t", {64}, 0, kRow);
  EXPECT_EQ(errorOfFile(file.file()),
            "f: key 'general.alignment': found 48, expected a power of two");
  file = GgufBytes();
  file.alignment = 64;
  file.u32("general.alignment", 64)
      .tensor("s", {1}, 0, rawBytes(1.0f))
      .tensor("t", {64}, 0, kRow);
  EXPECT_EQ(errorOfFile(file.file()), "");
}

TEST(GgufHeader, RefusesBadTensors) {
  struct Case {
    std::vector<uint64_t> dimensions;
    uint32_t type;
    const char *error;
  };
  for (const Case &test :
       {Case{{}, 0, "has 0 dimensions, expected 1 to 4"},
        Case{{1, 1, 1, 1, 1}, 0, "has 5 dimensions, expected 1 to 4"},
        Case{{4, 0},
             0,
             "has a dimension of 0, expected at least 1 and a product below "
             "2^63"},
        Case{{uint64_t(1) << 32, uint64_t(1) << 31},
             0,
             "has a dimension of 2147483648, expected at least 1 and a product "
             "below 2^63"},
        Case{{uint64_t(1) << 62},
             0,
             "has 18446744073709551615 bytes from offset 0"},
        Case{{33, 2},
             2,
             "has rows of 33 elements, expected a multiple of the 32 in a "
             "block of Q4_0"},
        Case{{128},
             14,
             "has rows of 128 elements, expected a multiple of the 256 in a "
             "block of Q6_K"},
        Case{
            {256}, 16, "has type 16 (IQ2_XXS), supported are F32, F16, Q4_0, "},
        Case{{256}, 99, "has type 99 (unknown), supported are F32, F16, "}}) {
    GgufBytes file;
    file.tensor("t", test.dimensions, test.type, kRow);
    std::string error = errorOfFile(file.file());
    if (test.dimensions == std::vector<uint64_t>{uint64_t(1) << 62})
      EXPECT_EQ(error, "f: tensor 't' has more bytes than a file can hold");
    else
      EXPECT_EQ(error.find(std::string("f: tensor 't' ") + test.error), 0u)
          << error;
  }
  GgufBytes file;
  file.tensor("t", {64}, 0, kRow).tensor("t", {64}, 0, kRow);
  EXPECT_EQ(errorOfFile(file.file()), "f: tensor 't' occurs twice");
}

TEST(GgufHeader, RefusesBadOffsets) {
  GgufBytes file;
  file.tensor("a", {64}, 0, kRow).tensorAt("b", {64}, 0, kRow, 224);
  EXPECT_NE(errorOfFile(file.file()).find("tensors 'a' and 'b' overlap at "),
            std::string::npos);
  file = GgufBytes();
  file.tensor("a", {64}, 0, kRow).tensorAt("b", {64}, 0, kRow, 0);
  EXPECT_NE(errorOfFile(file.file()).find("tensors 'a' and 'b' overlap at "),
            std::string::npos);
  file = GgufBytes();
  file.tensorAt("a", {64}, 0, kRow, 16);
  EXPECT_EQ(errorOfFile(file.file()),
            "f: tensor 'a' has offset 16, expected a multiple of 32");
  for (uint64_t offset : {uint64_t(32), uint64_t(1) << 40, ~uint64_t(0) - 31}) {
    file = GgufBytes();
    file.tensorAt("a", {64}, 0, kRow, offset);
    EXPECT_NE(errorOfFile(file.file())
                  .find("f: tensor 'a' has 256 bytes from offset " +
                        std::to_string(offset) +
                        " of the data on, which begin at byte 64, but the "
                        "file has 320 bytes; it may be truncated"),
              std::string::npos);
  }
}
