//===- CheckpointTest.cpp - GGUF files on disk ----------------------------===//

#include "frontends/GGUF/Checkpoint.h"
#include "frontends/GGUF/TensorNames.h"

#include "test/unit/GGUF/GgufBytes.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

#include <cmath>
#include <random>

using namespace gemcut;
using namespace gemcut::gguf;
using namespace gemcut::test;
using checkpoint::ElementType;

namespace {

/// Blocks of Q4_0 with random nibbles; block b has the scale b + 1.
std::string q4_0Blocks(int count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string bytes;
  for (int b = 0; b < count; ++b) {
    _Float16 scale = _Float16(b + 1);
    bytes.append(reinterpret_cast<const char *>(&scale), 2);
    for (int i = 0; i < 16; ++i)
      bytes.push_back(char(random()));
  }
  return bytes;
}

std::string floats(std::initializer_list<float> values) {
  std::string bytes;
  for (float value : values)
    bytes += rawBytes(value);
  return bytes;
}

std::unique_ptr<Checkpoint> openOrFail(const std::string &path) {
  auto checkpoint = Checkpoint::open(path);
  if (checkpoint)
    return std::move(*checkpoint);
  ADD_FAILURE() << llvm::toString(checkpoint.takeError());
  return nullptr;
}

std::vector<float> read(const Checkpoint &checkpoint, llvm::StringRef name,
                        int64_t first, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  llvm::cantFail(checkpoint.readF32(name, first, values));
  return values;
}

} // namespace

TEST(GgufNames, AreThoseOfTheOfficialCheckpoints) {
  auto name = [](llvm::StringRef text) {
    return officialName(text).value_or("none");
  };
  EXPECT_EQ(name("token_embd.weight"), "model.embed_tokens.weight");
  EXPECT_EQ(name("output_norm.weight"), "model.norm.weight");
  EXPECT_EQ(name("per_layer_token_embd.weight"),
            "model.embed_tokens_per_layer.weight");
  EXPECT_EQ(name("blk.0.attn_q.weight"),
            "model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(name("blk.34.layer_output_scale.weight"),
            "model.layers.34.layer_scalar");
  EXPECT_EQ(name("blk.12.ffn_down_exps.weight"),
            "model.layers.12.experts.down_proj");
  EXPECT_EQ(name("blk.12.ffn_down_exps.scale"),
            "model.layers.12.router.per_expert_scale");
  for (const char *other :
       {"rope_freqs.weight", "blk.0.ffn_gate_exps.weight",
        "blk.01.attn_q.weight", "blk..attn_q.weight", "blk.x.attn_q.weight",
        "blk.12345.attn_q.weight", "blk.0.attn_q.bias", "blk.0", ""})
    EXPECT_EQ(name(other), "none") << other;
  for (const char *gguf : {"token_embd.weight", "blk.0.attn_q.weight",
                           "blk.34.layer_output_scale.weight"})
    EXPECT_EQ(ggufName(name(gguf)), gguf);
  EXPECT_FALSE(ggufName("model.layers.0.self_attn.v_norm.weight"));
}

TEST(GgufCheckpoint, ReadsRangesOfBlocks) {
  TemporaryFolder folder;
  std::string blocks = q4_0Blocks(6); // 3 rows of 64
  folder.write("m.gguf", GgufBytes()
                             .text("general.architecture", "gemma4")
                             .tensor("blk.0.attn_q.weight", {64, 3}, 2, blocks)
                             .file());
  auto checkpoint = openOrFail(folder.path("m.gguf"));
  ASSERT_TRUE(checkpoint);
  std::string name = "model.layers.0.self_attn.q_proj.weight";
  EXPECT_EQ(checkpoint->names(), std::vector<std::string>{name});
  EXPECT_EQ(checkpoint->fileOf(name), folder.path("m.gguf"));
  EXPECT_EQ(checkpoint->fileOf("nothing"), "");
  auto info = checkpoint->find(name);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->type, ElementType::Q4_0);
  EXPECT_EQ(llvm::ArrayRef(info->shape), llvm::ArrayRef<int64_t>({3, 64}));
  EXPECT_EQ(info->bytes, 108u);
  EXPECT_EQ(info->levels, (checkpoint::LevelForm{4, 32}));

  std::vector<float> whole = read(*checkpoint, name, 0, 192);
  for (int i = 0; i < 192; ++i) {
    int block = i / 32, byte = block * 18 + 2 + i % 16;
    int level =
        (i % 32 < 16 ? blocks[byte] & 15 : uint8_t(blocks[byte]) >> 4) - 8;
    EXPECT_EQ(whole[i], float(level) * float(block + 1)) << i;
  }
  for (int first : {0, 1, 31, 32, 63, 64, 100, 191})
    for (int count : {0, 1, 5, 32, 33, 64, 92})
      if (first + count <= 192)
        EXPECT_EQ(read(*checkpoint, name, first, count),
                  std::vector<float>(whole.begin() + first,
                                     whole.begin() + first + count));
  std::vector<int8_t> levels(128);
  std::vector<float> scales(4);
  llvm::cantFail(checkpoint->readLevels(name, 1, levels, scales));
  EXPECT_EQ(scales, (std::vector<float>{3, 4, 5, 6}));
  for (int i = 0; i < 128; ++i)
    EXPECT_EQ(float(levels[i]) * scales[i / 32], whole[64 + i]);
  std::vector<float> beyond(193);
  EXPECT_EQ(llvm::toString(checkpoint->readF32(name, 0, beyond)),
            "elements 0 to 193 are outside tensor '" + name + "' of 192");
}

TEST(GgufCheckpoint, JoinsHalvesOfExperts) {
  TemporaryFolder folder;
  // Three experts of two rows; the halves take turns.
  std::string gate = floats({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  std::string up = floats({-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12});
  GgufBytes good;
  good.text("general.architecture", "gemma4")
      .tensor("blk.1.ffn_up_exps.weight", {2, 2, 3}, 0, up)
      .tensor("blk.1.ffn_gate_exps.weight", {2, 2, 3}, 0, gate);
  folder.write("m.gguf", good.file());
  auto checkpoint = openOrFail(folder.path("m.gguf"));
  ASSERT_TRUE(checkpoint);
  std::string name = "model.layers.1.experts.gate_up_proj";
  EXPECT_EQ(checkpoint->names(), std::vector<std::string>{name});
  EXPECT_EQ(llvm::ArrayRef(checkpoint->find(name)->shape),
            llvm::ArrayRef<int64_t>({3, 4, 2}));
  std::vector<float> expected = {1, 2,  3,  4,  -1, -2,  -3,  -4, //
                                 5, 6,  7,  8,  -5, -6,  -7,  -8, //
                                 9, 10, 11, 12, -9, -10, -11, -12};
  EXPECT_EQ(read(*checkpoint, name, 0, 24), expected);
  for (int first = 0; first < 24; ++first)
    for (int count = 0; first + count <= 24; ++count)
      EXPECT_EQ(read(*checkpoint, name, first, count),
                std::vector<float>(expected.begin() + first,
                                   expected.begin() + first + count));

  for (int64_t i = 0; i < 24; ++i) {
    checkpoint::StoredElement place = checkpoint->locate(name, i);
    EXPECT_EQ(place.tensor, expected[size_t(i)] > 0
                                ? "blk.1.ffn_gate_exps.weight"
                                : "blk.1.ffn_up_exps.weight");
    EXPECT_EQ(float(place.element + 1), std::abs(expected[size_t(i)]));
  }

  auto error = [&](const GgufBytes &file) {
    folder.write("bad.gguf", file.file());
    return errorOf(Checkpoint::open(folder.path("bad.gguf")));
  };
  std::string where = folder.path("bad.gguf") + ": ";
  EXPECT_EQ(error(GgufBytes().tensor("blk.1.ffn_gate_exps.weight", {2, 2, 3}, 0,
                                     gate)),
            where + "tensor 'blk.1.ffn_up_exps.weight' is missing, the other "
                    "half of 'blk.1.ffn_gate_exps.weight'");
  EXPECT_EQ(
      error(GgufBytes().tensor("blk.1.ffn_up_exps.weight", {2, 2, 3}, 0, up)),
      where + "holds ffn_up_exps without ffn_gate_exps");
  EXPECT_EQ(
      error(GgufBytes()
                .tensor("blk.1.ffn_up_exps.weight", {2, 3, 2}, 0, up)
                .tensor("blk.1.ffn_gate_exps.weight", {2, 2, 3}, 0, gate)),
      where + "tensors 'blk.1.ffn_gate_exps.weight' and "
              "'blk.1.ffn_up_exps.weight' differ in type or shape, or do not "
              "have three dimensions; they are the halves of the experts' "
              "gate_up_proj");
}

namespace {
GgufBytes part(uint16_t index, uint16_t count, int32_t tensors) {
  GgufBytes file;
  file.pair("split.no", 2, rawBytes(index))
      .pair("split.count", 2, rawBytes(count))
      .pair("split.tensors.count", 5, rawBytes(tensors));
  if (!index)
    file.text("general.architecture", "gemma4");
  file.tensor("blk." + std::to_string(index) + ".attn_norm.weight", {2}, 0,
              floats({float(index), 1}));
  return file;
}
} // namespace

TEST(GgufCheckpoint, OpensAllPartsOfASplitModel) {
  TemporaryFolder folder;
  for (uint16_t i = 0; i < 3; ++i)
    folder.write("m-0000" + std::to_string(i + 1) + "-of-00003.gguf",
                 part(i, 3, 3).file());
  std::string first = folder.path("m-00001-of-00003.gguf");
  auto checkpoint = openOrFail(first);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->files().size(), 3u);
  EXPECT_EQ(read(*checkpoint, "model.layers.2.input_layernorm.weight", 0, 2),
            (std::vector<float>{2, 1}));
  EXPECT_EQ(checkpoint->fileOf("model.layers.1.input_layernorm.weight"),
            folder.path("m-00002-of-00003.gguf"));

  std::string second = folder.path("m-00002-of-00003.gguf");
  EXPECT_EQ(errorOf(Checkpoint::open(second)),
            second + ": is part 2 of 3 of a model; name the first part");
  folder.write("m-00003-of-00003.gguf", part(1, 3, 3).file());
  EXPECT_EQ(errorOf(Checkpoint::open(first)),
            folder.path("m-00003-of-00003.gguf") +
                ": key 'split.no': found 1, expected a whole number from 2 to "
                "2");
  folder.write("m-00003-of-00003.gguf", part(2, 4, 3).file());
  EXPECT_EQ(errorOf(Checkpoint::open(first)),
            folder.path("m-00003-of-00003.gguf") +
                ": key 'split.count': found 4, expected a whole number from 3 "
                "to 3");
  std::filesystem::remove(folder.path("m-00003-of-00003.gguf"));
  EXPECT_EQ(errorOf(Checkpoint::open(first)),
            folder.path("m-00003-of-00003.gguf") +
                ": no such file; the model is split into 3 files");
  folder.write("m-00001-of-00001.gguf", part(0, 1, 3).file());
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path("m-00001-of-00001.gguf"))),
            "");
  folder.write("other.gguf", part(0, 2, 2).file());
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path("other.gguf"))),
            folder.path("other.gguf") +
                ": is the first of 2 parts, but its name does not end in "
                "-00001-of-00002.gguf, so that the others cannot be found");
}

TEST(GgufCheckpoint, RefusesTensorsInTwoParts) {
  TemporaryFolder folder;
  GgufBytes second = part(1, 2, 3);
  second.tensor("blk.0.attn_norm.weight", {2}, 0, floats({1, 1}));
  folder.write("m-00001-of-00002.gguf", part(0, 2, 3).file());
  folder.write("m-00002-of-00002.gguf", second.file());
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path("m-00001-of-00002.gguf"))),
            folder.path("m-00002-of-00002.gguf") +
                ": tensor 'blk.0.attn_norm.weight' is in another part of the "
                "model as well");
  folder.write("m-00002-of-00002.gguf", part(1, 2, 3).file());
  EXPECT_EQ(errorOf(Checkpoint::open(folder.path("m-00001-of-00002.gguf"))),
            folder.path("m-00001-of-00002.gguf") +
                ": key 'split.tensors.count': found 3, expected 2, the tensors "
                "of all parts");
}
