//===- ModelInfoTest.cpp - What the executable knows of its model ---------===//

#include "compiler/Driver/ModelInfo.h"
#include "compiler/Driver/PlanProgram.h"
#include "compiler/Pipeline/Registration.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <numeric>

using namespace gemcut;
using namespace gemcut::driver;

namespace {

class ModelInfo : public testing::Test {
protected:
  mlir::MLIRContext context;
  CompileOptions options;
  LoadedModel model;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  MemoryPlan plan;

  void load(const std::string &path) {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    auto loaded = loadModel(std::string(GEMCUT_SOURCE_DIR) + path, {});
    ASSERT_TRUE(bool(loaded));
    model = std::move(*loaded);
    Reporter silent;
    Phases phases(silent);
    IrDumps dumps("", "");
    auto planned = planProgram(context, model, options.plan, 1 << 20,
                               PlanUntil::Kernel, phases, dumps);
    ASSERT_TRUE(bool(planned)) << llvm::toString(planned.takeError());
    module = std::move(*planned);
    plan = readMemoryPlan(*module, options.plan.slots, model.config.vocabSize,
                          options.plan.tableBound);
  }
  gemcut_model_info info() {
    auto made = makeModelInfo(model, options, plan, *module);
    EXPECT_TRUE(bool(made));
    return made ? *made : gemcut_model_info{};
  }
};

TEST_F(ModelInfo, TakesTokensByContentAndDefaultsFromTheCheckpoint) {
  options.plan.quant = "int4";
  options.plan.slots = 2;
  options.plan.prefillChunk = 48;
  load("/examples/tiny-gemma4");
  gemcut_model_info made = info();
  EXPECT_EQ(made.version, uint32_t(GEMCUT_MODEL_VERSION));
  EXPECT_EQ(made.size, sizeof(made));
  EXPECT_STREQ(made.name, "tiny-gemma4");
  EXPECT_STREQ(made.quantization, "int4");
  EXPECT_STREQ(made.kv_type, "bf16");
  EXPECT_EQ(made.vocab_size, 4096);
  EXPECT_EQ(made.layers, 8);
  EXPECT_EQ(made.context, 2048);
  EXPECT_EQ(made.slots, 2);
  EXPECT_EQ(made.decode_max_rows, 8);
  EXPECT_EQ(made.prefill_chunk, 48);
  EXPECT_EQ(made.last_own_kv_layer, 4);
  // Layers 0 to 4: every third one sees all positions.
  ASSERT_EQ(made.kv_cache_count, 5);
  uint64_t end = 0;
  for (int32_t i = 0; i < made.kv_cache_count; ++i) {
    const gemcut_kv_cache &cache = made.kv_caches[i];
    bool isSliding = cache.window == 64;
    EXPECT_EQ(cache.offset, end);
    EXPECT_EQ(cache.regions, 2u);
    EXPECT_EQ(cache.block_bytes,
              (isSliding ? 64u : 128u) * 2 * GEMCUT_KV_BLOCK);
    EXPECT_EQ(cache.capacity, isSliding ? 128u : 2048u);
    EXPECT_EQ(cache.window, isSliding ? 64u : 0u);
    end += uint64_t(cache.regions) * cache.capacity / GEMCUT_KV_BLOCK *
           cache.block_bytes;
  }
  EXPECT_LE(end, made.kv_slot_bytes);
  EXPECT_EQ(made.special.pad, 0);
  EXPECT_EQ(made.special.eos, 1);
  EXPECT_EQ(made.special.bos, 2);
  for (int32_t id :
       {made.special.turn_open, made.special.turn_close, made.special.think,
        made.special.channel_open, made.special.channel_close})
    EXPECT_GT(id, 2);
  // generation_config.json: eos and the end of a turn stop.
  EXPECT_EQ(made.stop_id_count, int32_t(model.generation.eosIds.size()));
  EXPECT_EQ(std::count(made.stop_ids, made.stop_ids + made.stop_id_count,
                       made.special.turn_close),
            1);
  EXPECT_EQ(made.do_sample, 1);
  EXPECT_EQ(made.top_k, 64);
  EXPECT_FLOAT_EQ(made.top_p, 0.95f);
}

TEST_F(ModelInfo, HasNoTokensWithoutATokenizer) {
  load("/test/data/goldens/edge");
  gemcut_model_info made = info();
  EXPECT_EQ(made.special.turn_open, -1);
  EXPECT_EQ(made.special.turn_close, -1);
  EXPECT_EQ(made.special.channel_open, -1);
  EXPECT_EQ(made.special.bos, int32_t(model.config.bosId));
}

TEST_F(ModelInfo, CutsLongNames) {
  load("/test/data/goldens/edge");
  model.name = std::string(200, 'n');
  options.plan.quant = "/somewhere/" + std::string(100, 'q') + ".json";
  gemcut_model_info made = info();
  EXPECT_EQ(std::string(made.name), std::string(63, 'n'));
  EXPECT_EQ(std::string(made.quantization), std::string(31, 'q'));
}

TEST_F(ModelInfo, RefusesMoreIdsThanThereIsRoomFor) {
  load("/test/data/goldens/edge");
  model.generation.eosIds.resize(GEMCUT_MAX_STOP_IDS + 1);
  std::iota(model.generation.eosIds.begin(), model.generation.eosIds.end(), 0);
  auto made = makeModelInfo(model, options, plan, *module);
  ASSERT_FALSE(bool(made));
  EXPECT_NE(llvm::toString(made.takeError()).find("found 17 stop ids"),
            std::string::npos);
}

TEST_F(ModelInfo, LeavesOutIdsBeyondTheVocabulary) {
  load("/test/data/goldens/edge");
  model.generation.eosIds = {1, model.config.vocabSize, 3};
  gemcut_model_info made = info();
  ASSERT_EQ(made.stop_id_count, 2);
  EXPECT_EQ(made.stop_ids[0], 1);
  EXPECT_EQ(made.stop_ids[1], 3);
}

TEST_F(ModelInfo, ReportsThePlanAndWhatEachFormatTakes) {
  load("/test/data/goldens/edge");
  auto spec = targets::findTarget("x86_64-linux")->parseSpec("avx2");
  ASSERT_TRUE(bool(spec));
  auto report =
      nlohmann::json::parse(makeReport(model, options, *spec, plan, *module));
  EXPECT_EQ(report["target"], "x86_64-linux");
  EXPECT_EQ(report["levels"]["avx2"], spec->levels[0].cpuidFeatures);
  EXPECT_EQ(report["weight_bytes"], plan.weightBytes);
  EXPECT_EQ(report["arena_bytes"], plan.arenaBytes);
  EXPECT_EQ(report["kv_slot_bytes"], plan.kvSlotBytes);
  uint64_t sum = 0;
  for (const auto &item : report["bytes_by_format"].items())
    sum += item.value().get<uint64_t>();
  EXPECT_LE(sum, plan.weightBytes);
  EXPECT_GT(sum, plan.weightBytes * 9 / 10);
  EXPECT_GT(report["bytes_by_format"]["int4"],
            report["bytes_by_format"]["f32"]);
}

} // namespace
