//===- SafetensorsHeaderTest.cpp - Headers, whole and damaged -------------===//

#include "frontends/Safetensors/SafetensorsHeader.h"

#include "frontends/Json/CheckedJson.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

using namespace gemcut;
using namespace gemcut::safetensors;
using namespace gemcut::test;

namespace {
llvm::ArrayRef<uint8_t> bytesOf(llvm::StringRef text) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

std::string errorOfFile(const std::string &file) {
  return errorOf(parseHeader(bytesOf(file), file.size(), "f"));
}

struct BadHeader {
  const char *name;
  const char *header;
  size_t dataBytes;
  const char *error; ///< without "f: "
};

class BadHeaderTest : public testing::TestWithParam<BadHeader> {};

constexpr char kDTypes[] =
    "BOOL, U8, I8, F8_E4M3, F8_E5M2, F8_E8M0, I16, U16, F16, BF16, I32, U32, "
    "F32, I64, U64, F64, C64";
const std::string kUnknownDType =
    std::string("tensor 'a' has unknown dtype \"F4\", expected one of ") +
    kDTypes;

const BadHeader kBadHeaders[] = {
    {"Empty", "", 0,
     "header starts with \"\", expected \"{\"; this is not a safetensors file"},
    {"List", "[]", 0,
     "header starts with \"[\", expected \"{\"; this is not a safetensors "
     "file"},
    {"ByteOrderMark", "\xEF\xBB\xBF{}", 0,
     "header starts with \"\\ufffd\", expected \"{\"; this is not a "
     "safetensors file"},
    {"NotJson", "{\"a\":}", 0,
     "header is not valid JSON from byte 6 on, at '{\"a\":}'"},
    {"InvalidUtf8", "{\"\xFF\":1}", 0,
     "header is not valid JSON from byte 3 on, at '{\"\xFF\":1}'"},
    {"HugeNumber", "{\"a\":1e999}", 0,
     "header is not valid JSON from byte 10 on, at '{\"a\":1e999}'"},
    {"Duplicate",
     R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
     R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
     1, "header holds the name 'a' twice"},
    {"DuplicateField",
     R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1,
     "header holds the name 'dtype' twice"},
    {"Deep", R"({"a":[[[[[[[[]]]]]]]]})", 0,
     "header is nested deeper than 8 levels"},
    {"Metadata", R"({"__metadata__":3})", 0,
     "__metadata__: found 3, expected an object"},
    {"NoName", R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
     "tensor '' has a name of 0 bytes, expected 1 to 1024"},
    {"EntryIsNumber", R"({"a":7})", 0,
     "tensor 'a' is described by 7, expected an object with dtype, shape and "
     "data_offsets"},
    {"NoDType", R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1,
     "tensor 'a' has no 'dtype'"},
    {"NoShape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1,
     "tensor 'a' has no 'shape'"},
    {"NoOffsets", R"({"a":{"dtype":"U8","shape":[1]}})", 1,
     "tensor 'a' has no 'data_offsets'"},
    {"UnknownDType", R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}})",
     1, kUnknownDType.c_str()},
    {"ShapeIsNumber", R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})",
     1, "tensor 'a' has shape 1, expected a list of up to 8 sizes"},
    {"NineDimensions",
     R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})",
     1,
     "tensor 'a' has shape [1,1,1,1,1,1,1,1,1], expected a list of up to 8 "
     "sizes"},
    {"NegativeSize",
     R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1,
     "tensor 'a' has size -1 in its shape, expected a non-negative integer"},
    {"FractionalSize",
     R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1,
     "tensor 'a' has size 1.0 in its shape, expected a non-negative integer"},
    {"SizeAboveInt64",
     R"({"a":{"dtype":"U8","shape":[9223372036854775808],)"
     R"("data_offsets":[0,1]}})",
     1,
     "tensor 'a' has size 9223372036854775808 in its shape, expected a "
     "non-negative integer"},
    {"ElementsOverflow",
     R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],)"
     R"("data_offsets":[0,1]}})",
     1,
     "tensor 'a' has shape [4294967296,4294967296], whose size in bytes "
     "overflows"},
    {"BytesOverflow",
     R"({"a":{"dtype":"F64","shape":[4611686018427387904],)"
     R"("data_offsets":[0,1]}})",
     1,
     "tensor 'a' has shape [4611686018427387904], whose size in bytes "
     "overflows"},
    {"OffsetsReversed",
     R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
     "tensor 'a' has data_offsets [1,0], expected [begin, end] with begin <= "
     "end"},
    {"ThreeOffsets",
     R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1,
     "tensor 'a' has data_offsets [0,1,2], expected [begin, end] with begin <= "
     "end"},
    {"NegativeOffset",
     R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}})", 1,
     "tensor 'a' has data_offsets [-1,0], expected [begin, end] with begin <= "
     "end"},
    {"OutOfRange", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
     7,
     "tensor 'a' ends at data byte 8, but the file holds 7 bytes of data; it "
     "may be truncated"},
    {"OffsetAboveInt64",
     R"({"a":{"dtype":"U8","shape":[0],)"
     R"("data_offsets":[18446744073709551615,18446744073709551615]}})",
     0,
     "tensor 'a' ends at data byte 18446744073709551615, but the file holds 0 "
     "bytes of data; it may be truncated"},
    {"WrongSize",
     R"({"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,24]}})", 24,
     "tensor 'a' has 24 bytes of data, but BF16 [2,3] takes 12"},
    {"Overlap",
     R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
     R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
     12, "tensors 'a' and 'b' overlap at data byte 4"},
    {"Same",
     R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
     R"("b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
     8, "tensors 'a' and 'b' overlap at data byte 0"},
    {"Hole",
     R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
     R"("b":{"dtype":"U8","shape":[2],"data_offsets":[5,7]}})",
     7,
     "3 bytes before tensor 'b' belong to no tensor; the header lacks one, or "
     "the file is damaged"},
    {"HoleAtTheStart",
     R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3,
     "1 bytes before tensor 'a' belong to no tensor; the header lacks one, or "
     "the file is damaged"},
    {"Trailing", R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 6,
     "4 bytes after the last tensor belong to no tensor; the header lacks one, "
     "or the file is damaged"},
    {"NothingButData", "{}", 5,
     "5 bytes after the last tensor belong to no tensor; the header lacks one, "
     "or the file is damaged"},
};
} // namespace

TEST_P(BadHeaderTest, GivesOneError) {
  const BadHeader &test = GetParam();
  EXPECT_EQ(errorOfFile(zeroFile(test.header, test.dataBytes)),
            std::string("f: ") + test.error);
}

INSTANTIATE_TEST_SUITE_P(, BadHeaderTest, testing::ValuesIn(kBadHeaders),
                         [](const auto &test) {
                           return std::string(test.param.name);
                         });

TEST(SafetensorsHeader, ReadsTensorsByName) {
  std::string header =
      R"({"__metadata__":{"format":"pt"},)"
      R"("b":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("a":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},)"
      R"("c":{"dtype":"I64","shape":[3,0],"data_offsets":[24,24]}}   )";
  std::string file = zeroFile(header, 26);
  auto tensors = parseHeader(bytesOf(file), file.size(), "f");
  ASSERT_TRUE(bool(tensors)) << llvm::toString(tensors.takeError());
  ASSERT_EQ(tensors->size(), 3u);
  uint64_t data = 8 + header.size();
  const TensorInfo &a = (*tensors)[0], &b = (*tensors)[1], &c = (*tensors)[2];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.dtype, DType::BF16);
  EXPECT_TRUE(a.shape.empty());
  EXPECT_EQ(a.elements(), 1);
  EXPECT_EQ(a.offset, data + 24);
  EXPECT_EQ(a.bytes, 2u);
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.dtype, DType::F32);
  EXPECT_EQ(llvm::ArrayRef(b.shape), llvm::ArrayRef<int64_t>({2, 3}));
  EXPECT_EQ(b.elements(), 6);
  EXPECT_EQ(b.offset, data);
  EXPECT_EQ(c.elements(), 0);
}

TEST(SafetensorsHeader, KeepsEveryKnownDType) {
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(kDTypes).split(names, ", ");
  EXPECT_EQ(names.size(), 17u);
  for (llvm::StringRef name : names) {
    size_t accepted = 0; // of the four sizes, the type's own
    for (size_t bytes : {1, 2, 4, 8}) {
      std::string file = zeroFile("{\"t\":{\"dtype\":\"" + name.str() +
                                      "\",\"shape\":[1],\"data_offsets\":[0," +
                                      std::to_string(bytes) + "]}}",
                                  bytes);
      auto tensors = parseHeader(bytesOf(file), file.size(), "f");
      if (!tensors) {
        std::string error = llvm::toString(tensors.takeError());
        EXPECT_NE(error.find("bytes of data, but " + name.str() + " [1] takes"),
                  std::string::npos)
            << error;
        continue;
      }
      EXPECT_EQ(checkpoint::stringify((*tensors)[0].dtype), name);
      EXPECT_EQ(elementBytes((*tensors)[0].dtype), int64_t(bytes));
      EXPECT_EQ(isFloat((*tensors)[0].dtype),
                name == "F32" || name == "F16" || name == "BF16");
      ++accepted;
    }
    EXPECT_EQ(accepted, 1u) << name.str();
  }
}

TEST(SafetensorsHeader, RejectsAbsurdLengths) {
  auto withLengthField = [](uint64_t length) {
    std::string file = zeroFile("{}", 0);
    for (int i = 0; i < 8; ++i)
      file[size_t(i)] = char(length >> 8 * i);
    return file;
  };
  EXPECT_EQ(errorOfFile(withLengthField(3)),
            "f: header of 3 bytes does not fit into the file of 10 bytes; the "
            "file is truncated");
  EXPECT_EQ(errorOfFile(withLengthField(100'000'000)),
            "f: header of 100000000 bytes does not fit into the file of 10 "
            "bytes; the file is truncated");
  for (uint64_t length :
       {uint64_t(100'000'001), uint64_t(1) << 63, UINT64_MAX, UINT64_MAX - 7})
    EXPECT_EQ(errorOfFile(withLengthField(length)),
              "f: header length " + std::to_string(length) +
                  " exceeds the format's limit of 100000000; this is not a "
                  "safetensors file");
}

TEST(SafetensorsHeader, RejectsTooManyValues) {
  std::string header = R"({"__metadata__":{"x":[0)";
  header.reserve(2 * checked_json::kMaxJsonValues + 100);
  for (size_t i = 0; i < checked_json::kMaxJsonValues; ++i)
    header += ",0";
  EXPECT_EQ(errorOfFile(zeroFile(header + "]}}", 0)),
            "f: header holds more than 8388608 values");
}

TEST(SafetensorsHeader, ShortensNamesInErrors) {
  std::string name(2000, 'n');
  std::string error = errorOfFile(zeroFile(
      "{\"" + name +
          "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
      1));
  EXPECT_EQ(error, "f: tensor '" + name.substr(0, 160) +
                       "...' has a name of 2000 bytes, expected 1 to 1024");
  // A name cannot break the line of the message that shows it.
  EXPECT_EQ(errorOfFile(zeroFile(R"({"a\nb":7})", 0)),
            "f: tensor 'a?b' is described by 7, expected an object with dtype, "
            "shape and data_offsets");
}

// Cutting a valid file after any byte, in the header or in the data, is found,
// and so is a prefix that ends within the header of a longer file.
TEST(SafetensorsHeader, RejectsEveryTruncation) {
  std::string header = R"({"a":{"dtype":"F32","shape":[2],)"
                       R"("data_offsets":[0,8]},"b":{"dtype":"BF16",)"
                       R"("shape":[4],"data_offsets":[8,16]}})";
  std::string file = zeroFile(header, 16);
  ASSERT_EQ(errorOfFile(file), "");
  for (size_t size = 0; size < file.size(); ++size) {
    std::string error = errorOfFile(file.substr(0, size));
    EXPECT_TRUE(llvm::StringRef(error).starts_with("f: ")) << size << error;
    EXPECT_NE(error.find("truncated"), std::string::npos) << size << error;
    llvm::Expected<std::vector<TensorInfo>> prefix = parseHeader(
        bytesOf(file).take_front(size), /*fileLength=*/file.size(), "f");
    EXPECT_EQ(bool(prefix), size >= 8 + header.size()) << size;
    llvm::consumeError(prefix.takeError());
  }
  EXPECT_EQ(errorOfFile(file.substr(0, 3)),
            "f: has 3 bytes, too few for a safetensors header; the file is "
            "truncated or not a checkpoint");
}

// A header whose length field says too little ends within the JSON.
TEST(SafetensorsHeader, RejectsEveryShorterHeader) {
  std::string header = R"({"a":{"dtype":"F32","shape":[2],)"
                       R"("data_offsets":[0,8]}})";
  std::string file = zeroFile(header, 8);
  for (size_t length = 0; length < header.size(); ++length) {
    file[0] = char(length);
    EXPECT_NE(errorOfFile(file), "") << length;
  }
}
