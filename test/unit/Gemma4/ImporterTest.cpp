//===- ImporterTest.cpp - What the importer builds, and what it refuses ---===//

#include "frontends/Gemma4/Importer.h"
#include "frontends/Safetensors/Checkpoint.h"

#include "dialects/Gemma/GemmaOps.h"
#include "frontends/Gemma4/RandomWeights.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

#include <set>

using namespace gemcut;
using namespace gemcut::gemma4;

namespace {

class ImporterTest : public testing::Test {
protected:
  static config::ModelConfig readConfig(const std::string &name) {
    std::string path =
        std::string(GEMCUT_TEST_DATA) + "/goldens/" + name + "/config.json";
    auto buffer = llvm::cantFail(
        llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(path)));
    std::vector<std::string> warnings;
    return llvm::cantFail(
        config::parseModelConfig(buffer->getBuffer(), path, &warnings));
  }

  /// Imports and collects the diagnostics.
  mlir::OwningOpRef<mlir::ModuleOp>
  import(const config::ModelConfig &config,
         const checkpoint::WeightSource &weights) {
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &d) {
      diagnostics.push_back(d.str());
      return mlir::success();
    });
    auto module = importModel(context, config, weights);
    return failed(module) ? nullptr : std::move(*module);
  }

  mlir::MLIRContext context;
  std::vector<std::string> diagnostics;
};

template <typename Op> std::vector<Op> collect(mlir::ModuleOp module) {
  std::vector<Op> ops;
  module.walk([&](Op op) { ops.push_back(op); });
  return ops;
}

std::string nameOf(mlir::Operation *op) {
  auto loc = llvm::dyn_cast<mlir::NameLoc>(op->getLoc());
  return loc ? loc.getName().str() : "";
}

} // namespace

// Weights keep the checkpoint's names and dtypes; the K and V that sharing
// layers carry in the file are not declared, and only layers with own K and V
// get a cache.
TEST_F(ImporterTest, DeclaresWhatTheModelReads) {
  for (auto [name, prefix, bits] :
       {std::tuple("edge", "model.language_model.", 32u),
        std::tuple("edge-mqa", "model.", 32u),
        std::tuple("edge-bf16", "model.language_model.", 16u)}) {
    auto checkpoint = llvm::cantFail(safetensors::Checkpoint::open(
        std::string(GEMCUT_TEST_DATA) + "/goldens/" + name));
    auto module = import(readConfig(name), *checkpoint);
    ASSERT_TRUE(module) << name;
    std::set<std::string> declared;
    for (gemma::WeightOp weight : collect<gemma::WeightOp>(*module)) {
      declared.insert(weight.getSymName().str());
      EXPECT_TRUE(weight.getSymName().starts_with(prefix));
      EXPECT_TRUE(checkpoint->find(weight.getSymName()));
      auto type = mlir::cast<mlir::RankedTensorType>(weight.getType());
      EXPECT_EQ(type.getElementTypeBitWidth(), bits);
    }
    EXPECT_EQ(declared.size(), 101u) << name;
    EXPECT_EQ(declared.count(std::string(prefix) +
                             "layers.4.self_attn.k_proj.weight"),
              0u);
    std::vector<std::string> caches;
    for (gemma::KvCacheOp cache : collect<gemma::KvCacheOp>(*module))
      caches.push_back(cache.getSymName().str());
    EXPECT_EQ(caches,
              (std::vector<std::string>{"kv.0", "kv.1", "kv.2", "kv.3"}));
  }
  EXPECT_TRUE(diagnostics.empty());
}

// Layer attribute and location of every op; attention of sharing layers reads
// the state that the last own-KV layer of its kind wrote.
TEST_F(ImporterTest, NamesEveryOpAndSharesStates) {
  config::ModelConfig config = readConfig("edge");
  RandomWeights weights(expectedWeights(config));
  auto module = import(config, weights);
  ASSERT_TRUE(module);
  auto forward = module->lookupSymbol<mlir::func::FuncOp>("forward");
  ASSERT_TRUE(forward);
  for (mlir::Operation &op : forward.getBody().front()) {
    std::string name = nameOf(&op);
    ASSERT_FALSE(name.empty());
    llvm::StringRef rest = name;
    unsigned number = 0;
    bool inLayer = rest.consume_front("layers.");
    if (inLayer)
      ASSERT_FALSE(rest.consumeInteger(10, number)) << name;
    std::optional<int64_t> layer = gemma::getLayer(&op);
    EXPECT_EQ(layer.has_value(), inLayer) << name;
    if (layer && inLayer)
      EXPECT_EQ(*layer, number) << name;
  }
  std::vector<int64_t> writers;
  for (gemma::AttentionOp attention : collect<gemma::AttentionOp>(*module))
    writers.push_back(
        *gemma::getLayer(attention.getKv().getDefiningOp<gemma::KvWriteOp>()));
  EXPECT_EQ(writers, (std::vector<int64_t>{0, 1, 2, 3, 2, 3}));
  // Full layers see everything, sliding ones their window.
  for (gemma::KvCacheOp cache : collect<gemma::KvCacheOp>(*module)) {
    auto type = mlir::cast<gemma::KvType>(cache.getType());
    bool full = cache.getSymName() == "kv.1" || cache.getSymName() == "kv.3";
    EXPECT_EQ(type.getWindow(), full ? 0 : 4);
    EXPECT_EQ(type.getHeadDim(), full ? 32 : 16);
  }
}

// Full layers of a dense model have no v_proj: their value is the norm of the
// raw key projection. KV head counts follow the kind of layer.
TEST_F(ImporterTest, TakesValuesFromKeyProjections) {
  config::ModelConfig config = readConfig("dense");
  auto module = import(config, RandomWeights(expectedWeights(config)));
  ASSERT_TRUE(module);
  std::set<int64_t> keysAsValues;
  for (gemma::KvWriteOp write : collect<gemma::KvWriteOp>(*module)) {
    auto value = write.getValue().getDefiningOp<gemma::RmsNormOp>();
    ASSERT_TRUE(value);
    EXPECT_FALSE(value.getWeight());
    int64_t layer = *gemma::getLayer(write);
    if (nameOf(value.getInput().getDefiningOp()) ==
        "layers." + std::to_string(layer) + ".self_attn.k_proj")
      keysAsValues.insert(layer);
    bool full = !config.layers[layer].sliding;
    EXPECT_EQ(keysAsValues.count(layer), full);
    EXPECT_EQ(write.getCache().getType().getHeads(), full ? 1 : 2);
    EXPECT_EQ(write.getCache().getType().getHeadDim(), full ? 32 : 16);
  }
  EXPECT_FALSE(keysAsValues.empty());
}

// The text of the module parses to itself, locations and quoted names included.
TEST_F(ImporterTest, RoundTrips) {
  config::ModelConfig config = readConfig("edge");
  auto module = import(config, RandomWeights(expectedWeights(config)));
  ASSERT_TRUE(module);
  auto print = [](mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os, mlir::OpPrintingFlags().enableDebugInfo());
    return text;
  };
  std::string text = print(*module);
  auto parsed = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(print(*parsed), text);
}

// A tensor that is missing, misshapen or of a strange dtype is one error that
// names it.
TEST_F(ImporterTest, RefusesTensorsThatDoNotFit) {
  config::ModelConfig config = readConfig("edge");
  const std::string name = "model.language_model.layers.2.mlp.up_proj.weight";
  auto importWith = [&](auto change) {
    diagnostics.clear();
    llvm::StringMap<checkpoint::WeightInfo> table = expectedWeights(config);
    change(table);
    EXPECT_FALSE(import(config, RandomWeights(table)));
    return diagnostics.size() == 1 ? diagnostics[0] : "not one diagnostic";
  };
  EXPECT_EQ(importWith([&](auto &table) { table.erase(name); }),
            "tensor '" + name + "' is missing, expected with shape [96, 64]");
  EXPECT_EQ(importWith([&](auto &table) { table[name].shape = {64, 96}; }),
            "tensor '" + name +
                "' has shape [64, 96], but config.json demands [96, 64]");
  EXPECT_EQ(importWith([&](auto &table) {
              table[name].type = checkpoint::ElementType::I8;
            }),
            "tensor '" + name +
                "' has dtype I8; supported are F32, BF16 and F16");
  EXPECT_EQ(importWith([&](auto &table) {
              table.erase("model.language_model.embed_tokens.weight");
            }),
            "no tensor 'embed_tokens.weight' with the prefix "
            "'model.language_model.', 'language_model.model.' or 'model.'");
}

// Scales of rounded activations: of experts a vector, and none of a router.
TEST_F(ImporterTest, ReadsActivationScalesOfExperts) {
  config::ModelConfig config = readConfig("moe");
  config.storedAs = config::StoredAs::RowScales;
  llvm::StringMap<checkpoint::WeightInfo> table = expectedWeights(config);
  const std::string layer = "model.language_model.layers.1.";
  const std::string name = layer + "experts.gate_up_proj";
  auto module = import(config, RandomWeights(table));
  ASSERT_TRUE(module);
  auto weight = module->lookupSymbol<gemma::WeightOp>(name);
  EXPECT_EQ(weight.getInputScale(), name + ".input_activation_scale");
  EXPECT_EQ(weight.getOutputScale(), name + ".output_activation_scale");
  auto scale = module->lookupSymbol<gemma::WeightOp>(*weight.getInputScale());
  ASSERT_TRUE(scale);
  EXPECT_EQ(mlir::cast<mlir::RankedTensorType>(scale.getType()).getShape(),
            llvm::ArrayRef<int64_t>(config.numExperts));

  table[name + ".output_activation_scale"].shape = {config.numExperts};
  EXPECT_FALSE(import(config, RandomWeights(table)));
  table[name + ".output_activation_scale"].shape = {2 * config.numExperts};
  const std::string router = layer + "router.proj.input_activation_scale";
  table[router] = {checkpoint::ElementType::F32, {1}};
  EXPECT_FALSE(import(config, RandomWeights(table)));
  ASSERT_EQ(diagnostics.size(), 2u);
  EXPECT_EQ(diagnostics[0], "tensor '" + name +
                                ".output_activation_scale' has shape [8], "
                                "expected 16 values");
  EXPECT_EQ(diagnostics[1],
            "tensor '" + router +
                "' is 3.125000e-02, but rounded activations of a router are "
                "not supported; expected 0 or none, as its rounding chooses "
                "other experts");
}

TEST(GoldenNamesTest, MapToOpNames) {
  EXPECT_EQ(getOpNameOfGolden("layers.12.attn"), "layers.12.self_attn.o_proj");
  EXPECT_EQ(getOpNameOfGolden("layers.12.mlp"), "layers.12.mlp.down_proj");
  EXPECT_EQ(getOpNameOfGolden("layers.12.out"), "layers.12.out");
  EXPECT_EQ(getOpNameOfGolden("final_norm"), "norm");
  EXPECT_EQ(getOpNameOfGolden("logits"), "logits");
}
