//===- AdapterTest.cpp - Adapters, read and merged ------------------------===//

#include "frontends/Lora/MergedWeights.h"
#include "frontends/Lora/RuntimeAdapters.h"

#include "frontends/Gemma4/RandomWeights.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstring>
#include <optional>

using namespace gemcut;
using namespace gemcut::lora;
using namespace gemcut::test;
using checkpoint::ElementType;
using checkpoint::WeightInfo;
using nlohmann::json;

namespace {

constexpr const char *kUp = "model.language_model.layers.0.mlp.up_proj.weight";
constexpr const char *kDown =
    "model.language_model.layers.0.mlp.down_proj.weight";
constexpr const char *kStem = "base_model.model.model.layers.0.mlp.";

/// A model of two linears: up (6, 4), down (4, 6).
std::unique_ptr<checkpoint::WeightSource> model() {
  llvm::StringMap<WeightInfo> tensors;
  tensors[kUp] = {ElementType::BF16, {6, 4}};
  tensors[kDown] = {ElementType::BF16, {4, 6}};
  tensors["model.language_model.norm.weight"] = {ElementType::BF16, {4}};
  return std::make_unique<gemma4::RandomWeights>(std::move(tensors));
}

json baseConfig() {
  return {{"peft_type", "LORA"},
          {"r", 2},
          {"lora_alpha", 6},
          {"use_rslora", false},
          {"bias", "none"},
          {"modules_to_save", nullptr},
          {"rank_pattern", json::object()},
          {"init_lora_weights", true},
          {"target_modules", {"up_proj"}}};
}

/// An adapter with tensors of the values 1, 2, 3, ... / 8; the last value of
/// the last one may be `last` instead.
struct AdapterFiles {
  TemporaryFolder folder;
  std::vector<std::pair<std::string, std::vector<int64_t>>> tensors;

  void write(const json &config, std::optional<float> last = {}) const {
    folder.write("adapter_config.json", config.dump());
    json header = json::object();
    std::string data;
    for (const auto &[name, shape] : tensors) {
      int64_t count = 1;
      for (int64_t size : shape)
        count *= size;
      size_t begin = data.size();
      for (int64_t i = 0; i < count; ++i) {
        float value = float(i + 1) / 8;
        data.append(reinterpret_cast<const char *>(&value), 4);
      }
      header[name] = {{"dtype", "F32"},
                      {"shape", shape},
                      {"data_offsets", {begin, data.size()}}};
    }
    if (last)
      std::memcpy(data.data() + data.size() - 4, &*last, 4);
    folder.write("adapter_model.safetensors", withLength(header.dump()) + data);
  }
};

std::string stem(const char *rest) { return std::string(kStem) + rest; }

AdapterFiles upAdapter(const char *infix = "") {
  AdapterFiles files;
  files.tensors = {{stem("up_proj.lora_A") + infix + ".weight", {2, 4}},
                   {stem("up_proj.lora_B") + infix + ".weight", {6, 2}}};
  return files;
}

std::unique_ptr<checkpoint::WeightSource>
merge(const AdapterFiles &files, double strength = 1, int times = 1) {
  std::vector<MergeRequest> requests(size_t(times),
                                     {files.folder.path(), strength});
  auto merged = mergeAdapters(model(), "model.language_model.", requests,
                              /*files=*/nullptr);
  if (merged)
    return std::move(*merged);
  ADD_FAILURE() << llvm::toString(merged.takeError());
  return model();
}

std::string mergeError(const AdapterFiles &files) {
  std::string error =
      errorOf(mergeAdapters(model(), "model.language_model.",
                            MergeRequest{files.folder.path(), 1}, nullptr));
  size_t folder = error.find(files.folder.path() + "/");
  if (folder != std::string::npos)
    error.erase(folder, files.folder.path().size() + 1);
  return error;
}

std::vector<float> read(const checkpoint::WeightSource &source,
                        const char *name, int64_t first, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  llvm::cantFail(source.readF32(name, first, values));
  return values;
}

/// W + scale * B A of `kUp`, by the definition.
std::vector<float> expectedUp(double scale) {
  std::vector<float> values = read(*model(), kUp, 0, 24);
  for (int64_t n = 0; n < 6; ++n)
    for (int64_t c = 0; c < 4; ++c) {
      double sum = 0;
      for (int64_t k = 0; k < 2; ++k)
        sum += (double(n * 2 + k + 1) / 8) * (double(k * 4 + c + 1) / 8);
      values[size_t(n * 4 + c)] += float(scale * sum);
    }
  return values;
}

void expectNear(const std::vector<float> &found,
                const std::vector<float> &expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-6 * (1 + std::fabs(expected[i])))
        << i;
}

} // namespace

TEST(AdapterTest, AddsTheProductTimesAlphaOverRank) {
  AdapterFiles files = upAdapter();
  files.write(baseConfig());
  auto merged = merge(files);
  expectNear(read(*merged, kUp, 0, 24), expectedUp(3));
  EXPECT_EQ(merged->find(kUp)->type, ElementType::F32);
  EXPECT_EQ(merged->find(kUp)->shape, model()->find(kUp)->shape);
  // The other linear is as it was.
  EXPECT_EQ(merged->find(kDown)->type, ElementType::BF16);
  EXPECT_EQ(read(*merged, kDown, 0, 24), read(*model(), kDown, 0, 24));
  EXPECT_EQ(merged->names(), model()->names());
}

// As PEFT matches them: whole names, or what follows a dot of one.
TEST(AdapterTest, PatternsOverrideRankAndAlpha) {
  AdapterFiles files = upAdapter();
  json config = baseConfig();
  config["r"] = 16;
  config["rank_pattern"] = {{"proj", 5}, {"layers\\.[01]\\.mlp\\.up_proj", 2}};
  config["alpha_pattern"] = {{"up_proj", 10}, {"down_proj", 1}};
  files.write(config);
  expectNear(read(*merge(files), kUp, 0, 24), expectedUp(5));
  config["use_rslora"] = true;
  files.write(config);
  expectNear(read(*merge(files), kUp, 0, 24), expectedUp(10 / std::sqrt(2)));
}

TEST(AdapterTest, StrengthAndRsLoraScale) {
  AdapterFiles files = upAdapter();
  json config = baseConfig();
  files.write(config);
  expectNear(read(*merge(files, 0.5), kUp, 0, 24), expectedUp(1.5));
  expectNear(read(*merge(files, -1), kUp, 0, 24), expectedUp(-3));
  expectNear(read(*merge(files, 1, /*times=*/2), kUp, 0, 24), expectedUp(6));
  config["use_rslora"] = true;
  files.write(config);
  expectNear(read(*merge(files), kUp, 0, 24), expectedUp(6 / std::sqrt(2)));
}

// Ranges that begin and end inside of rows.
TEST(AdapterTest, EveryRangeAgrees) {
  AdapterFiles files = upAdapter();
  files.write(baseConfig());
  auto merged = merge(files);
  std::vector<float> all = read(*merged, kUp, 0, 24);
  for (int64_t first = 0; first <= 24; ++first)
    for (int64_t count = 0; first + count <= 24; ++count)
      EXPECT_EQ(
          read(*merged, kUp, first, count),
          std::vector<float>(all.begin() + first, all.begin() + first + count))
          << first << " " << count;
}

// The names that PEFT and its users write for one and the same linear.
TEST(AdapterTest, ReadsEveryFormOfNames) {
  for (const char *module :
       {"model.layers.0.mlp.up_proj",
        "model.language_model.layers.0.mlp.up_proj",
        "language_model.model.layers.0.mlp.up_proj", "layers.0.mlp.up_proj"})
    for (const char *infix : {"", ".default", ".my-adapter"}) {
      AdapterFiles files;
      std::string name = std::string("base_model.model.") + module;
      files.tensors = {{name + ".lora_A" + infix + ".weight", {2, 4}},
                       {name + ".lora_B" + infix + ".weight", {6, 2}}};
      files.write(baseConfig());
      expectNear(read(*merge(files), kUp, 0, 24), expectedUp(3));
    }
}

TEST(AdapterTest, RejectsTensorsThatChangeNoLinear) {
  const std::string reason =
      "changes no linear of the model's text layers; supported are pairs "
      "base_model.model.MODULE.lora_A.weight and lora_B.weight of these";
  for (const char *name :
       {"base_model.model.model.layers.7.mlp.up_proj.lora_A.weight",
        "base_model.model.model.vision_tower.layers.0.mlp.up_proj.lora_A."
        "weight",
        "base_model.model.model.embed_tokens.lora_embedding_A",
        "base_model.model.model.norm.lora_A.weight",
        "base_model.model.lm_head.lora_A.weight",
        "base_model.model.model.layers.0.mlp.up_proj.lora_magnitude_vector",
        "model.layers.0.mlp.up_proj.lora_A.weight"}) {
    AdapterFiles files = upAdapter();
    files.tensors.push_back({name, {2, 4}});
    files.write(baseConfig());
    EXPECT_EQ(mergeError(files), "adapter_model.safetensors: tensor '" +
                                     std::string(name) + "' " + reason);
  }
}

TEST(AdapterTest, RejectsShapesAndHalves) {
  const std::string f = "adapter_model.safetensors: ";
  AdapterFiles files = upAdapter();
  files.tensors[0].second = {2, 6};
  files.write(baseConfig());
  EXPECT_EQ(mergeError(files),
            f + "tensor '" + stem("up_proj.lora_A.weight") +
                "' has shape [2, 6], expected [2, 4] for rank 2 and '" + kUp +
                "' of shape [6, 4]");
  files.tensors = upAdapter().tensors;
  files.tensors[1].second = {6, 3};
  files.write(baseConfig());
  EXPECT_EQ(mergeError(files),
            f + "tensor '" + stem("up_proj.lora_B.weight") +
                "' has shape [6, 3], expected [6, 2] for rank 2 and '" + kUp +
                "' of shape [6, 4]");
  files.tensors = upAdapter().tensors;
  files.tensors.pop_back();
  files.write(baseConfig());
  EXPECT_EQ(mergeError(files), f + "tensor '" + stem("up_proj.lora_A.weight") +
                                   "' lacks its other half, lora_B");
  files.tensors = upAdapter().tensors;
  files.tensors.push_back({stem("up_proj.lora_A.other.weight"), {2, 4}});
  files.write(baseConfig());
  EXPECT_EQ(mergeError(files),
            f + "tensor '" + stem("up_proj.lora_A.weight") + "' and '" +
                stem("up_proj.lora_A.other.weight") +
                "' change the same linear, expected one adapter in a file");
  files.tensors.clear();
  files.write(baseConfig());
  EXPECT_EQ(mergeError(files),
            f + "holds no tensor, expected pairs lora_A and lora_B");
}

TEST(AdapterTest, RejectsWhatIsNotSupported) {
  auto error = [](const char *key, const json &value) {
    json config = baseConfig();
    if (value.is_discarded())
      config.erase(key);
    else
      config[key] = value;
    return errorOf(parseAdapterConfig(config.dump(), "c.json"));
  };
  EXPECT_EQ(error("peft_type", "LOHA"),
            "c.json: peft_type: found \"LOHA\", expected \"LORA\", the only "
            "supported type");
  EXPECT_EQ(error("r", 0), "c.json: r: found 0, expected an integer from 1 to "
                           "4096");
  EXPECT_EQ(error("r", json(json::value_t::discarded)),
            "c.json: r: found nothing, expected an integer from 1 to 4096");
  EXPECT_EQ(error("lora_alpha", "16"),
            "c.json: lora_alpha: found \"16\", expected a number from -1e+06 "
            "to 1e+06");
  EXPECT_EQ(error("use_dora", true),
            "c.json: use_dora: found true, expected false: DoRA is not "
            "supported");
  EXPECT_EQ(error("bias", "lora_only"),
            "c.json: bias: found \"lora_only\", expected \"none\": trained "
            "biases are not supported");
  EXPECT_EQ(error("modules_to_save", {"lm_head"}),
            "c.json: modules_to_save: found [\"lm_head\"], expected null: "
            "modules that are saved whole are not supported");
  EXPECT_EQ(error("rank_pattern", {{"up_proj", 2.5}}),
            "c.json: rank_pattern.up_proj: found 2.5, expected an integer from "
            "1 to 4096");
  EXPECT_EQ(error("alpha_pattern", {{"layers\\.\\d+", 4}}),
            "c.json: alpha_pattern.layers\\.\\d+: found 4, expected a name "
            "that is a regular expression without counts and classes such as "
            "\\d");
  EXPECT_NE(error("rank_pattern", {{"((a{255}){255}){255}", 4}}), "");
  EXPECT_NE(error("rank_pattern", {{std::string(300, 'a'), 4}}), "");
  EXPECT_EQ(error("init_lora_weights", "pissa_niter_16"),
            "c.json: init_lora_weights: found \"pissa_niter_16\", expected an "
            "initialization that leaves the base weights as they are; convert "
            "the adapter to one of these first");
  // What says nothing about the result is not looked at.
  EXPECT_EQ(error("lora_dropout", 0.1), "");
  EXPECT_EQ(error("init_lora_weights", "gaussian"), "");
  EXPECT_EQ(error("modules_to_save", json::array()), "");
}

TEST(AdapterTest, MissingFilesAreNamed) {
  AdapterFiles files;
  EXPECT_EQ(mergeError(files), "adapter_config.json: cannot be read: No such "
                               "file or directory");
  files.folder.write("adapter_config.json", baseConfig().dump());
  EXPECT_NE(mergeError(files).find("adapter_model.safetensors"),
            std::string::npos);
}

/// What is not finite is the adapter's fault, not that of the weights.
TEST(AdapterTest, NamesValuesThatAreNotFinite) {
  AdapterFiles files = upAdapter();
  files.write(baseConfig(), /*last=*/INFINITY); // of B (6, 2)
  std::string file = files.folder.path() + "/adapter_model.safetensors";
  std::string expected =
      file + ": tensor '" + stem("up_proj.lora_B.weight") +
      "' holds an infinity at element 11, expected finite weights; the adapter "
      "is damaged";
  std::vector<float> row(4);
  auto merged = merge(files);
  EXPECT_EQ(llvm::toString(merged->readF32(kUp, 16, row)), "");
  EXPECT_EQ(llvm::toString(merged->readF32(kUp, 20, row)), expected);
  auto beside = llvm::cantFail(
      addAdapters(model(), "model.language_model.",
                  RuntimeRequest{"a", files.folder.path()}, nullptr));
  std::vector<float> b(12);
  EXPECT_EQ(llvm::toString(beside->readF32(
                "model.language_model.layers.0.mlp.up_proj.lora_b", 0, b)),
            expected);
}

/// Finite A and B may have a product that is not.
TEST(AdapterTest, NamesTheAdapterWhoseProductOverflows) {
  AdapterFiles files = upAdapter();
  files.write(baseConfig(), /*last=*/3e38f); // of B (6, 2)
  std::string file = files.folder.path() + "/adapter_model.safetensors";
  std::string start =
      file + ": tensor '" + stem("up_proj.lora_B.weight") + "' times ";
  std::vector<float> row(4), b(12);
  auto merged = merge(files);
  EXPECT_EQ(llvm::toString(merged->readF32(kUp, 16, row)), "");
  EXPECT_EQ(llvm::toString(merged->readF32(kUp, 20, row)),
            start + "the scale 3 and '" + stem("up_proj.lora_A.weight") +
                "', added to element 20 of '" + kUp +
                "', is beyond the range of f32; the adapter is damaged");
  auto beside = llvm::cantFail(
      addAdapters(model(), "model.language_model.",
                  RuntimeRequest{"a", files.folder.path()}, nullptr));
  EXPECT_EQ(llvm::toString(beside->readF32(
                "model.language_model.layers.0.mlp.up_proj.lora_b", 0, b)),
            start + "the scale 3 is beyond the range of f32; the adapter is "
                    "damaged");
}

// Two adapters, of ranks 2 and 1; the second changes another linear, too.
TEST(RuntimeAdaptersTest, MatricesStandBesideTheWeights) {
  AdapterFiles first = upAdapter(), second;
  first.write(baseConfig());
  json config = baseConfig();
  config["r"] = 1;
  second.tensors = {{stem("up_proj.lora_A.weight"), {1, 4}},
                    {stem("up_proj.lora_B.weight"), {6, 1}},
                    {stem("down_proj.lora_A.weight"), {1, 6}},
                    {stem("down_proj.lora_B.weight"), {4, 1}}};
  second.write(config);
  std::vector<std::string> files;
  auto beside = llvm::cantFail(addAdapters(
      model(), "model.language_model.",
      {{"one", first.folder.path()}, {"two", second.folder.path()}}, &files));
  EXPECT_EQ(files.size(), 4u);
  EXPECT_EQ(beside->names().size(), model()->names().size() + 4);

  const char *a = "model.language_model.layers.0.mlp.up_proj.lora_a";
  const char *b = "model.language_model.layers.0.mlp.up_proj.lora_b";
  EXPECT_EQ(beside->find(a)->shape, (llvm::SmallVector<int64_t, 4>{2, 2, 4}));
  EXPECT_EQ(beside->find(b)->shape, (llvm::SmallVector<int64_t, 4>{2, 2, 6}));
  // A as it is; the second adapter has one row, and zeros for the other.
  std::vector<float> expected;
  for (int i = 1; i <= 8; ++i)
    expected.push_back(float(i) / 8);
  for (int i = 1; i <= 4; ++i)
    expected.push_back(float(i) / 8);
  expected.resize(16);
  EXPECT_EQ(read(*beside, a, 0, 16), expected);
  EXPECT_EQ(read(*beside, a, 5, 6),
            std::vector<float>(expected.begin() + 5, expected.begin() + 11));
  // B transposed, times alpha / r: 3 and 6.
  std::vector<float> values = read(*beside, b, 0, 24);
  for (int k = 0; k < 2; ++k)
    for (int j = 0; j < 6; ++j)
      EXPECT_EQ(values[size_t(k * 6 + j)], 3 * float(j * 2 + k + 1) / 8);
  for (int j = 0; j < 6; ++j) {
    EXPECT_EQ(values[size_t(12 + j)], 6 * float(j + 1) / 8);
    EXPECT_EQ(values[size_t(18 + j)], 0);
  }
  // The first adapter leaves the other linear alone.
  std::vector<float> down = read(
      *beside, "model.language_model.layers.0.mlp.down_proj.lora_a", 0, 24);
  EXPECT_EQ(std::vector<float>(down.begin(), down.begin() + 12),
            std::vector<float>(12));
  EXPECT_EQ(down[12], 0.125f);
  // The weights themselves are as they were.
  EXPECT_EQ(read(*beside, kUp, 0, 24), read(*model(), kUp, 0, 24));
  EXPECT_EQ(beside->find(kUp)->type, ElementType::BF16);
  EXPECT_FALSE(beside->find("model.language_model.norm.lora_a"));
}

TEST(RuntimeAdaptersTest, RejectsNamesThatOccurTwice) {
  AdapterFiles files = upAdapter();
  files.write(baseConfig());
  EXPECT_EQ(errorOf(addAdapters(
                model(), "model.language_model.",
                {{"one", files.folder.path()}, {"one", files.folder.path()}},
                nullptr)),
            "two adapters are called 'one', expected a name for each");
}
