//===- QuantizedWeightsTest.cpp - Checkpoints that store integers ---------===//

#include "frontends/Quantized/QuantizedWeights.h"
#include "frontends/Checkpoint/CheckpointError.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

#include <cmath>
#include <cstring>

using namespace gemcut;
using namespace gemcut::test;
using checkpoint::LevelForm;
using checkpoint::WeightSource;

namespace {

struct Part {
  std::string name, dtype, shape, bytes;
};

template <typename T> std::string toBytes(std::vector<T> values) {
  std::string bytes(values.size() * sizeof(T), 0);
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// A model without layers: a table of four rows of 32, and a norm.
config::ModelConfig tinyConfig(config::StoredAs storedAs) {
  config::ModelConfig config;
  config.vocabSize = 4;
  config.hiddenSize = 32;
  config.storedAs = storedAs;
  return config;
}

const Part kNorm = {"model.norm.weight", "F32", "[32]", std::string(128, 0)};
const Part kScales = {"model.embed_tokens.embedding_scale", "F32", "[4,1]",
                      toBytes<float>({0.5f, 0.25f, -2.0f, 1.0f})};

class QuantizedWeightsTest : public testing::Test {
protected:
  TemporaryFolder folder;

  llvm::Expected<std::unique_ptr<WeightSource>>
  open(std::vector<Part> parts,
       config::ModelConfig config = tinyConfig(config::StoredAs::RowScales)) {
    parts.push_back(kNorm);
    std::string header = "{", data;
    for (const Part &part : parts) {
      header += (data.empty() ? "\"" : ",\"") + part.name + "\":{\"dtype\":\"" +
                part.dtype + "\",\"shape\":" + part.shape +
                ",\"data_offsets\":[" + std::to_string(data.size()) + "," +
                std::to_string(data.size() + part.bytes.size()) + "]}";
      data += part.bytes;
    }
    folder.write("model.safetensors", withLength(header + "}") + data);
    auto files =
        safetensors::Checkpoint::open(folder.path("model.safetensors"));
    if (!files)
      return files.takeError();
    return quantized::QuantizedWeights::open(std::move(*files), config);
  }

  std::string error(std::vector<Part> parts,
                    config::StoredAs storedAs = config::StoredAs::RowScales) {
    std::string text = errorOf(open(std::move(parts), tinyConfig(storedAs)));
    std::string file = folder.path("model.safetensors") + ": ";
    EXPECT_EQ(text.substr(0, file.size()), file) << text;
    return text.substr(std::min(text.size(), file.size()));
  }
};

/// Four levels in a byte, the first in its lowest bits, above 2.
TEST_F(QuantizedWeightsTest, TwoBitsAreUnpackedFromTheLowestOn) {
  std::string bytes(32, char(0xE4)); // -2, -1, 0, 1
  bytes[8] = char(0x1B);             // row 1 begins with 1, 0, -1, -2
  auto weights =
      open({{"model.embed_tokens.embedding_quantized", "U8", "[4,8]", bytes},
            kScales});
  ASSERT_TRUE(bool(weights)) << llvm::toString(weights.takeError());
  const WeightSource &source = **weights;
  EXPECT_EQ(source.names(),
            (std::vector<std::string>{"model.embed_tokens.weight",
                                      "model.norm.weight"}));
  auto info = source.find("model.embed_tokens.weight");
  ASSERT_TRUE(info && info->levels);
  EXPECT_TRUE(*info->levels == (LevelForm{2, 32}));
  EXPECT_EQ(info->shape, (llvm::SmallVector<int64_t, 4>{4, 32}));
  EXPECT_FALSE(source.find("model.embed_tokens.embedding_scale"));

  std::vector<int8_t> levels(64);
  std::vector<float> scales(2);
  ASSERT_FALSE(
      bool(source.readLevels("model.embed_tokens.weight", 1, levels, scales)));
  EXPECT_EQ(scales, (std::vector<float>{0.25f, -2.0f}));
  EXPECT_EQ(std::vector<int8_t>(levels.begin(), levels.begin() + 5),
            (std::vector<int8_t>{1, 0, -1, -2, -2}));
  // Across the end of a row, at any element.
  std::vector<float> values(4);
  ASSERT_FALSE(bool(source.readF32("model.embed_tokens.weight", 62, values)));
  EXPECT_EQ(values, (std::vector<float>{0, 0.25f, 4, 2}));
}

TEST_F(QuantizedWeightsTest, FourBitsMayHaveScalesInBlocks) {
  Part scales{kScales.name, "F32", "[4,2]",
              toBytes<float>({1, 2, 3, 4, 5, 6, 7, 8})};
  auto weights = open({{"model.embed_tokens.embedding_quantized", "U8",
                        "[4,16]", std::string(64, char(0xF0))}, // -8, 7
                       scales});
  ASSERT_TRUE(bool(weights)) << llvm::toString(weights.takeError());
  auto info = (*weights)->find("model.embed_tokens.weight");
  EXPECT_TRUE(*info->levels == (LevelForm{4, 16}));
  std::vector<float> values(34);
  ASSERT_FALSE(
      bool((*weights)->readF32("model.embed_tokens.weight", 14, values)));
  EXPECT_EQ(values[0], -8);
  EXPECT_EQ(values[1], 7);
  EXPECT_EQ(values[2], -16);
  EXPECT_EQ(values[18], -24);
  EXPECT_EQ(values[33], 21);
}

/// 32-bit words of eight levels, little-endian: bytes as above.
TEST_F(QuantizedWeightsTest, PackedGroupsOfCompressedTensors) {
  std::string words(64, char(0x98)); // 0, 1
  auto weights =
      open({{"model.embed_tokens.weight_packed", "I32", "[4,4]", words},
            {"model.embed_tokens.weight_scale", "BF16", "[4,1]",
             toBytes<uint16_t>({0x3F80, 0x4000, 0x3F00, 0xBF80})},
            {"model.embed_tokens.weight_shape", "I64", "[2]",
             toBytes<int64_t>({4, 32})}},
           tinyConfig(config::StoredAs::PackedGroups));
  ASSERT_TRUE(bool(weights)) << llvm::toString(weights.takeError());
  std::vector<float> values(128);
  ASSERT_FALSE(
      bool((*weights)->readF32("model.embed_tokens.weight", 0, values)));
  for (int row = 0; row < 4; ++row) {
    EXPECT_EQ(values[size_t(32 * row)], 0);
    EXPECT_EQ(values[size_t(32 * row + 31)],
              (std::vector<float>{1, 2, 0.5f, -1})[size_t(row)]);
  }
}

TEST_F(QuantizedWeightsTest, EightBitsAndActivationScalesOfAHead) {
  config::ModelConfig config = tinyConfig(config::StoredAs::RowScales);
  config.tiedEmbeddings = false;
  std::string bytes(128, char(-128));
  auto weights = open(
      {{"model.embed_tokens.weight", "F32", "[4,32]", std::string(512, 0)},
       {"lm_head.weight", "I8", "[4,32]", bytes},
       {"lm_head.weight_scale", "F32", "[4,1]", kScales.bytes},
       {"lm_head.input_activation_scale", "F32", "[]", toBytes<float>({3})}},
      config);
  ASSERT_TRUE(bool(weights)) << llvm::toString(weights.takeError());
  float value = 0;
  llvm::MutableArrayRef<float> one(value);
  ASSERT_FALSE(bool((*weights)->readF32("lm_head.weight", 32, one)));
  EXPECT_EQ(value, -32);
  auto scale = (*weights)->find("lm_head.input_activation_scale");
  ASSERT_TRUE(scale);
  EXPECT_EQ(scale->shape, (llvm::SmallVector<int64_t, 4>{1}));
  ASSERT_FALSE(
      bool((*weights)->readF32("lm_head.input_activation_scale", 0, one)));
  EXPECT_EQ(value, 3);
}

// Whatever the levels: 0 times an infinity is a NaN, too.
TEST_F(QuantizedWeightsTest, ScalesThatAreNotFiniteAreNamed) {
  Part scales{kScales.name, "F32", "[4,2]",
              toBytes<float>({1, 2, 3, INFINITY, 5, 6, 3e38f, 8})};
  auto weights = open({{"model.embed_tokens.embedding_quantized", "U8",
                        "[4,16]", std::string(64, char(0xF8))}, // 0, 7
                       scales});
  ASSERT_TRUE(bool(weights)) << llvm::toString(weights.takeError());
  std::string file = folder.path("model.safetensors");
  EXPECT_EQ(llvm::toString(checkpoint::notFiniteError(
                **weights, "model.embed_tokens.weight", 50, NAN)),
            file + ": tensor 'model.embed_tokens.embedding_scale' holds an "
                   "infinity at element 3, the scale of integers of "
                   "'model.embed_tokens.weight', expected finite weights; the "
                   "checkpoint is damaged");
  // A product that overflows.
  EXPECT_EQ(llvm::toString(checkpoint::notFiniteError(
                **weights, "model.embed_tokens.weight", 97, INFINITY)),
            file + ": tensor 'model.embed_tokens.weight' holds an infinity at "
                   "element 97, expected finite weights; the checkpoint is "
                   "damaged");
}

// No method says how they are scaled, other than linear layers one by one.
TEST_F(QuantizedWeightsTest, IntegersOfAllExpertsInOneTensorAreRefused) {
  config::ModelConfig config = tinyConfig(config::StoredAs::RowScales);
  config.isMoe = true;
  config.layers.resize(1);
  config.numExperts = 2;
  config.moeIntermediateSize = 16;
  std::string stacked = "model.layers.0.experts.gate_up_proj";
  std::string text = errorOf(open(
      {{stacked, "U8", "[2,32,16]", std::string(1024, 0)}, kScales}, config));
  EXPECT_NE(text.find("tensor '" + stacked + "' has dtype U8, but the method"),
            std::string::npos)
      << text;
  EXPECT_NE(
      text.find("expected experts one by one "
                "('model.layers.0.experts.0.gate_proj.weight' and so on), "
                "or floats"),
      std::string::npos)
      << text;
  auto floats =
      open({{stacked, "BF16", "[2,32,32]", std::string(4096, 0)}}, config);
  EXPECT_TRUE(bool(floats)) << llvm::toString(floats.takeError());
}

TEST_F(QuantizedWeightsTest, ErrorsNameTheTensorAndWhatIsExpected) {
  std::string table = "model.embed_tokens.embedding_quantized";
  Part good{table, "U8", "[4,8]", std::string(32, 0)};
  EXPECT_EQ(error({good}), "tensor 'model.embed_tokens.embedding_scale' is "
                           "missing; the integers of '" +
                               table + "' need it");
  EXPECT_EQ(error({{table, "U8", "[4,7]", std::string(28, 0)}, kScales}),
            "tensor '" + table +
                "' has dtype U8 and shape [4, 7], expected [4, 32] of "
                "integers: U8 with 2 or 4 in a byte, I8, or I32 with 8 of 4 "
                "bits");
  EXPECT_EQ(error({{table, "I16", "[4,8]", std::string(64, 0)}, kScales}),
            "tensor '" + table +
                "' has dtype I16 and shape [4, 8], expected [4, 32] of "
                "integers: U8 with 2 or 4 in a byte, I8, or I32 with 8 of 4 "
                "bits");
  EXPECT_EQ(error({good, {kScales.name, "F32", "[3,1]", std::string(12, 0)}}),
            "tensor 'model.embed_tokens.embedding_scale' has dtype F32 and "
            "shape [3, 1], expected floats [4, blocks] for blocks of the 32 "
            "columns");
  EXPECT_EQ(error({good,
                   kScales,
                   {"model.embed_tokens.weight_zero_point", "I8", "[4]",
                    std::string(4, 0)}}),
            "tensor 'model.embed_tokens.weight_zero_point' belongs to a scheme "
            "that is not supported; supported are symmetric weights with "
            "columns in order");
  EXPECT_EQ(error({{"model.embed_tokens.weight_packed", "I32", "[4,4]",
                    std::string(64, 0)},
                   {"model.embed_tokens.weight_shape", "I64", "[2]",
                    toBytes<int64_t>({4, 64})}},
                  config::StoredAs::PackedGroups),
            "tensor 'model.embed_tokens.weight_shape' says [4, 64], expected "
            "[4, 32] by config.json");
  EXPECT_EQ(error({{"model.embed_tokens.weight_packed", "I32", "[4,4]",
                    std::string(64, 0)},
                   {"model.embed_tokens.weight", "BF16", "[4,32]",
                    std::string(256, 0)}},
                  config::StoredAs::PackedGroups),
            "tensor 'model.embed_tokens.weight' is there beside "
            "'model.embed_tokens.weight_packed', expected one of them");
}

} // namespace
