//===- ShardIndexTest.cpp - Indexes, whole and damaged --------------------===//

#include "frontends/Safetensors/ShardIndex.h"

#include "test/unit/Safetensors/CheckpointFiles.h"

using namespace gemcut::safetensors;
using namespace gemcut::test;

namespace {
struct BadIndex {
  const char *name;
  const char *text;
  const char *error; ///< without "i.json: "
};

class BadIndexTest : public testing::TestWithParam<BadIndex> {};

const BadIndex kBadIndexes[] = {
    {"Empty", "",
     "is not valid JSON from byte 1 on; the file may be truncated"},
    {"List", "[1]", "is [1], expected a JSON object"},
    {"Duplicate", R"({"weight_map":{"a":"x.safetensors","a":"y.safetensors"}})",
     "holds the name 'a' twice"},
    {"NoMap", "{}",
     "weight_map: found nothing, expected an object of tensor names and their "
     "files"},
    {"MapIsList", R"({"weight_map":["x.safetensors"]})",
     "weight_map: found [\"x.safetensors\"], expected an object of tensor "
     "names and their files"},
    {"EmptyMap", R"({"weight_map":{}})",
     "weight_map: found {}, expected an object of tensor names and their "
     "files"},
    {"ShardIsNumber", R"({"weight_map":{"a":1}})",
     "tensor 'a' is placed in 1, expected the name of a file"},
    {"Parent", R"({"weight_map":{"a":"../x.safetensors"}})",
     "tensor 'a' is placed in \"../x.safetensors\", expected a file beside the "
     "index, without a folder"},
    {"Absolute", R"({"weight_map":{"a":"/x.safetensors"}})",
     "tensor 'a' is placed in \"/x.safetensors\", expected a file beside the "
     "index, without a folder"},
    {"Subfolder", R"({"weight_map":{"a":"d/x.safetensors"}})",
     "tensor 'a' is placed in \"d/x.safetensors\", expected a file beside the "
     "index, without a folder"},
    {"Backslash", R"({"weight_map":{"a":"d\\x.safetensors"}})",
     "tensor 'a' is placed in \"d\\\\x.safetensors\", expected a file beside "
     "the index, without a folder"},
    {"NulByte", R"({"weight_map":{"a":"x\u0000.safetensors"}})",
     "tensor 'a' is placed in \"x\\u0000.safetensors\", expected a file beside "
     "the index, without a folder"},
    {"EmptyName", R"({"weight_map":{"a":""}})",
     "tensor 'a' is placed in \"\", expected a file beside the index, without "
     "a folder"},
    {"Itself", R"({"weight_map":{"a":"model.safetensors.index.json"}})",
     "tensor 'a' is placed in \"model.safetensors.index.json\", expected a "
     ".safetensors file"},
    {"TotalIsText",
     R"({"metadata":{"total_size":"4"},"weight_map":{"a":"x.safetensors"}})",
     "metadata.total_size: found \"4\", expected a number of bytes"},
    {"TotalIsNegative",
     R"({"metadata":{"total_size":-4},"weight_map":{"a":"x.safetensors"}})",
     "metadata.total_size: found -4, expected a number of bytes"},
    {"TotalIsFraction",
     R"({"metadata":{"total_size":0.5},"weight_map":{"a":"x.safetensors"}})",
     "metadata.total_size: found 0.5, expected a number of bytes"},
    {"TotalIsHuge",
     R"({"metadata":{"total_size":1e300},"weight_map":{"a":"x.safetensors"}})",
     "metadata.total_size: found 1e+300, expected a number of bytes"},
};
} // namespace

TEST_P(BadIndexTest, GivesOneError) {
  EXPECT_EQ(errorOf(parseShardIndex(GetParam().text, "i.json")),
            std::string("i.json: ") + GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(, BadIndexTest, testing::ValuesIn(kBadIndexes),
                         [](const auto &test) {
                           return std::string(test.param.name);
                         });

TEST(ShardIndex, GroupsTensorsByShard) {
  auto index = parseShardIndex(
      R"({"metadata":{"total_size":12.0},"weight_map":{"b":"y.safetensors",)"
      R"("c":"x.safetensors","a":"y.safetensors"}})",
      "i.json");
  ASSERT_TRUE(bool(index)) << llvm::toString(index.takeError());
  EXPECT_EQ(index->totalBytes, 12u);
  std::map<std::string, std::vector<std::string>> expected = {
      {"x.safetensors", {"c"}}, {"y.safetensors", {"a", "b"}}};
  EXPECT_EQ(index->shards, expected);
}

TEST(ShardIndex, RejectsTooManyShards) {
  std::string text = R"({"weight_map":{)";
  for (size_t i = 0; i <= kMaxShards; ++i)
    text += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"" +
            std::to_string(i) + ".safetensors\"";
  EXPECT_EQ(errorOf(parseShardIndex(text + "}}", "i.json")),
            "i.json: names 4097 shards, expected at most 4096");
}
