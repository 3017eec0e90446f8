//===- TensorNamesTest.cpp - Checkpoints against their configuration ------===//

#include "frontends/Config/TensorNames.h"
#include "frontends/Safetensors/Checkpoint.h"

#include "test/unit/Config/ConfigFiles.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

#include "llvm/ADT/STLExtras.h"

using namespace gemcut;
using namespace gemcut::config;
using namespace gemcut::test;
using nlohmann::json;

namespace {
/// A checkpoint of zeros for a configuration, changed and then checked.
class ZeroCheckpoint {
public:
  explicit ZeroCheckpoint(const ModelConfig &config,
                          const std::string &prefix = "model.language_model.")
      : config(config) {
    for (const ExpectedTensor &tensor : expectedTextTensors(config))
      if (!tensor.dead)
        add(prefix + tensor.name, tensor.shape);
  }

  void add(const std::string &name, llvm::ArrayRef<int64_t> shape,
           const std::string &dtype = "BF16") {
    tensors[name] = {{"dtype", dtype}, {"shape", std::vector<int64_t>(shape)}};
  }
  void remove(const std::string &name) {
    ASSERT_EQ(tensors.erase(name), 1u) << name;
  }

  llvm::Expected<TensorCheck> check() {
    uint64_t at = 0;
    for (auto &[name, entry] : tensors.items()) {
      uint64_t bytes = entry["dtype"] == "I8" ? 1 : 2;
      for (const json &size : entry["shape"])
        bytes *= size.get<uint64_t>();
      entry["data_offsets"] = {at, at + bytes};
      at += bytes;
    }
    folder.write("model.safetensors", zeroFile(tensors.dump(), at));
    checkpoint = llvm::cantFail(safetensors::Checkpoint::open(folder.path()));
    return checkTensors(config, *checkpoint, folder.path());
  }

  std::string error() { return errorOf(check()); }
  std::string folderName() const { return folder.path() + ": "; }
  std::string fileName() const {
    return folder.path("model.safetensors") + ": ";
  }

private:
  const ModelConfig &config;
  json tensors = json::object();
  TemporaryFolder folder;
  std::unique_ptr<safetensors::Checkpoint> checkpoint;
};

const std::string kText = "model.language_model.";
} // namespace

TEST(TensorNames, GoldenCheckpointsHoldTheirTensors) {
  struct Case {
    const char *name, *prefix;
    int64_t dead;
    uint64_t skippedBytes;
  };
  // edge carries the unused K and V of layers 4 (K, V: 32 x 64, norm: 16) and
  // 5 (64 x 64, 32), in float32.
  for (const Case &test : {Case{"edge", "model.language_model.", 6,
                                4 * (2 * 32 * 64 + 16 + 2 * 64 * 64 + 32)},
                           Case{"edge-mqa", "model.", 0, 0},
                           Case{"edge-bf16", "model.language_model.", 0, 0},
                           Case{"dense", "model.language_model.", 0, 0},
                           Case{"moe", "model.language_model.", 0, 0}}) {
    ModelConfig config = parseOrFail(goldenConfig(test.name));
    std::string folder = goldenFolder(test.name);
    auto checkpoint = llvm::cantFail(safetensors::Checkpoint::open(folder));
    auto check = checkTensors(config, *checkpoint, folder);
    ASSERT_TRUE(bool(check)) << llvm::toString(check.takeError());
    EXPECT_EQ(check->prefix, test.prefix);
    EXPECT_EQ(check->deadTensors, test.dead) << test.name;
    EXPECT_EQ(check->towerTensors, 0) << test.name;
    EXPECT_EQ(check->skippedBytes, test.skippedBytes) << test.name;
  }
}

TEST(TensorNames, CountsTheTowersOfTheTinyModel) {
  std::string folder = GEMCUT_SOURCE_DIR "/examples/tiny-gemma4";
  ModelConfig config =
      parseOrFail(json::parse(readText(folder + "/config.json")));
  auto checkpoint = llvm::cantFail(safetensors::Checkpoint::open(folder));
  auto check = checkTensors(config, *checkpoint, folder);
  ASSERT_TRUE(bool(check)) << llvm::toString(check.takeError());
  int64_t vision = 0, audio = 0;
  for (const safetensors::TensorInfo &tensor : checkpoint->tensors()) {
    llvm::StringRef name = tensor.name;
    vision += name.contains("vision");
    audio += name.contains("audio");
  }
  EXPECT_GT(vision, 0);
  EXPECT_GT(audio, 0);
  EXPECT_EQ(check->visionTensors, vision);
  EXPECT_EQ(check->audioTensors, audio);
  EXPECT_EQ(check->towerTensors, vision + audio);
}

TEST(TensorNames, NamesTensorsOfEachClass) {
  auto shapeOf = [](const std::vector<ExpectedTensor> &tensors,
                    const std::string &name) -> std::vector<int64_t> {
    for (const ExpectedTensor &tensor : tensors)
      if (tensor.name == name)
        return {tensor.shape.begin(), tensor.shape.end()};
    return {};
  };
  using Shape = std::vector<int64_t>;
  auto edge = expectedTextTensors(parseOrFail(goldenConfig("edge")));
  EXPECT_EQ(shapeOf(edge, "embed_tokens.weight"), (Shape{256, 64}));
  EXPECT_EQ(shapeOf(edge, "embed_tokens_per_layer.weight"), (Shape{256, 192}));
  EXPECT_EQ(shapeOf(edge, "per_layer_model_projection.weight"),
            (Shape{192, 64}));
  EXPECT_EQ(shapeOf(edge, "layers.1.self_attn.q_proj.weight"),
            (Shape{128, 64}));
  EXPECT_EQ(shapeOf(edge, "layers.1.self_attn.o_proj.weight"),
            (Shape{64, 128}));
  EXPECT_EQ(shapeOf(edge, "layers.4.mlp.down_proj.weight"), (Shape{64, 192}));
  EXPECT_EQ(shapeOf(edge, "layers.0.layer_scalar"), Shape{1});
  auto dense = expectedTextTensors(parseOrFail(goldenConfig("dense")));
  EXPECT_EQ(shapeOf(dense, "layers.2.self_attn.k_proj.weight"),
            (Shape{32, 64}));
  EXPECT_EQ(shapeOf(dense, "layers.2.self_attn.v_proj.weight"), Shape());
  EXPECT_EQ(shapeOf(dense, "layers.1.self_attn.v_proj.weight"),
            (Shape{32, 64}));
  EXPECT_EQ(shapeOf(dense, "embed_tokens_per_layer.weight"), Shape());
  auto moe = expectedTextTensors(parseOrFail(goldenConfig("moe")));
  EXPECT_EQ(shapeOf(moe, "layers.3.experts.gate_up_proj"), (Shape{8, 64, 64}));
  EXPECT_EQ(shapeOf(moe, "layers.3.experts.down_proj"), (Shape{8, 64, 32}));
  EXPECT_EQ(shapeOf(moe, "layers.3.router.per_expert_scale"), Shape{8});
}

TEST(TensorNames, AcceptsEveryPrefix) {
  ModelConfig config = parseOrFail(goldenConfig("edge"));
  for (const char *prefix :
       {"model.language_model.", "language_model.model.", "model."}) {
    ZeroCheckpoint checkpoint(config, prefix);
    auto check = checkpoint.check();
    ASSERT_TRUE(bool(check)) << llvm::toString(check.takeError());
    EXPECT_EQ(check->prefix, prefix);
    EXPECT_EQ(check->describeSkipped(), "");
  }
  ZeroCheckpoint other(config, "transformer.");
  EXPECT_EQ(other.error(),
            other.folderName() +
                "holds no embed_tokens.weight under any known prefix "
                "(model.language_model., language_model.model., model.); this "
                "is not a Gemma checkpoint");
}

TEST(TensorNames, SkipsDeadAndTowerTensors) {
  ModelConfig config = parseOrFail(goldenConfig("edge"));
  ZeroCheckpoint checkpoint(config);
  // Dead tensors are not looked at, so any shape and dtype will do.
  checkpoint.add(kText + "layers.5.self_attn.k_proj.weight", {3}, "I8");
  checkpoint.add("model.vision_tower.encoder.weight", {4});
  checkpoint.add("model.embed_vision.embedding_projection.weight", {4});
  checkpoint.add("audio_tower.output_proj.weight", {4});
  auto check = checkpoint.check();
  ASSERT_TRUE(bool(check)) << llvm::toString(check.takeError());
  EXPECT_EQ(check->deadTensors, 1);
  EXPECT_EQ(check->visionTensors, 2);
  EXPECT_EQ(check->audioTensors, 1);
  EXPECT_EQ(check->towerTensors, 3);
  EXPECT_EQ(check->skippedBytes, 3u + 3 * 8);
  EXPECT_EQ(check->describeSkipped(),
            "1 unused key and value, 2 vision and 1 audio tensors (0.0 MB) are "
            "skipped");
}

TEST(TensorNames, NoticesEveryMissingTensor) {
  for (const char *name : {"edge", "dense", "moe"}) {
    ModelConfig config = parseOrFail(goldenConfig(name));
    for (const ExpectedTensor &tensor : expectedTextTensors(config)) {
      if (tensor.dead || tensor.name == "embed_tokens.weight")
        continue;
      ZeroCheckpoint checkpoint(config);
      checkpoint.remove(kText + tensor.name);
      std::string error = checkpoint.error();
      EXPECT_EQ(error.rfind(checkpoint.folderName() + "tensor '" + kText +
                                tensor.name +
                                "' is missing, expected with shape [",
                            0),
                0u)
          << error;
    }
  }
}

TEST(TensorNames, RejectsWrongTensors) {
  ModelConfig config = parseOrFail(goldenConfig("dense"));
  std::string name = kText + "layers.1.mlp.up_proj.weight";
  {
    ZeroCheckpoint checkpoint(config);
    checkpoint.add(name, {64, 128});
    EXPECT_EQ(checkpoint.error(), checkpoint.fileName() + "tensor '" + name +
                                      "' has shape [64, 128], expected [128, "
                                      "64] by the configuration");
  }
  {
    ZeroCheckpoint checkpoint(config);
    checkpoint.add(name, {128, 64, 1});
    EXPECT_EQ(checkpoint.error(), checkpoint.fileName() + "tensor '" + name +
                                      "' has shape [128, 64, 1], expected "
                                      "[128, 64] by the configuration");
  }
  {
    ZeroCheckpoint checkpoint(config);
    checkpoint.add(name, {128, 64}, "I8");
    EXPECT_EQ(checkpoint.error(),
              checkpoint.fileName() + "tensor '" + name +
                  "' has dtype I8, supported are BF16, F16 and F32");
  }
  {
    // A value projection on a layer whose V is K.
    ZeroCheckpoint checkpoint(config);
    std::string extra = kText + "layers.2.self_attn.v_proj.weight";
    checkpoint.add(extra, {32, 64});
    EXPECT_EQ(checkpoint.error(),
              checkpoint.fileName() + "tensor '" + extra +
                  "' is not part of the model that the configuration describes");
  }
  {
    ZeroCheckpoint checkpoint(config);
    checkpoint.add("lm_head.weight", {256, 64});
    EXPECT_EQ(checkpoint.error(),
              checkpoint.fileName() +
                  "tensor 'lm_head.weight' is a separate output head, but "
                  "the configuration ties it to the embeddings");
  }
  {
    // The text model under two prefixes at once.
    ZeroCheckpoint checkpoint(config);
    checkpoint.add("model.norm.weight", {64});
    EXPECT_EQ(checkpoint.error(), checkpoint.fileName() +
                                      "tensor 'model.norm.weight' is not part "
                  "of the model that the configuration describes");
  }
}
