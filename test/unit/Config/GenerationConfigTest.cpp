//===- GenerationConfigTest.cpp - Sampling defaults -----------------------===//

#include "test/unit/Config/ConfigFiles.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

using namespace gemcut::config;
using namespace gemcut::test;

namespace {
std::string errorOfText(const std::string &text) {
  return errorOf(parseGenerationConfig(
      text, "g.json", parseOrFail(goldenConfig("edge")), nullptr));
}
} // namespace

TEST(GenerationConfig, ReadsTheTinyModel) {
  std::string folder = GEMCUT_SOURCE_DIR "/examples/tiny-gemma4/";
  ModelConfig model =
      parseOrFail(nlohmann::json::parse(readText(folder + "config.json")));
  std::vector<std::string> warnings;
  auto generation = parseGenerationConfig(
      readText(folder + "generation_config.json"), "g.json", model, &warnings);
  ASSERT_TRUE(bool(generation)) << llvm::toString(generation.takeError());
  EXPECT_EQ(warnings, std::vector<std::string>());
  EXPECT_EQ(generation->bosId, 2);
  EXPECT_EQ(generation->padId, 0);
  EXPECT_EQ(generation->eosIds, (std::vector<int64_t>{1, 16, 9}));
  EXPECT_TRUE(generation->doSample);
  EXPECT_EQ(generation->temperature, 1.0f);
  EXPECT_EQ(generation->topK, 64);
  EXPECT_EQ(generation->topP, 0.95f);
  EXPECT_EQ(generation->minP, 0.0f);
  EXPECT_TRUE(generation->suppressIds.empty());
}

TEST(GenerationConfig, ReadsEveryField) {
  std::vector<std::string> warnings;
  auto generation = parseGenerationConfig(
      R"({"eos_token_id":7,"bos_token_id":3,"pad_token_id":4,"min_p":0.1,)"
      R"("temperature":0.5,"top_k":null,"suppress_tokens":[5,300],)"
      R"("num_beams":4})",
      "g.json", parseOrFail(goldenConfig("edge")), &warnings);
  ASSERT_TRUE(bool(generation)) << llvm::toString(generation.takeError());
  EXPECT_EQ(generation->eosIds, std::vector<int64_t>{7});
  EXPECT_EQ(generation->bosId, 3);
  EXPECT_EQ(generation->padId, 4);
  EXPECT_EQ(generation->minP, 0.1f);
  EXPECT_EQ(generation->temperature, 0.5f);
  EXPECT_EQ(generation->topK, 0);
  EXPECT_FALSE(generation->doSample);
  EXPECT_EQ(generation->suppressIds, (std::vector<int64_t>{5, 300}));
  EXPECT_EQ(warnings, (std::vector<std::string>{
                          "g.json: suppress_tokens: 300 is outside the "
                          "vocabulary of 256",
                          "g.json: unknown key 'num_beams' is ignored"}));
}

TEST(GenerationConfig, DefaultsToTheModelsIds) {
  nlohmann::json root = goldenConfig("edge");
  root["eos_token_id"] = {1, 106};
  ModelConfig model = parseOrFail(root);
  GenerationConfig generation = defaultGenerationConfig(model);
  EXPECT_EQ(generation.eosIds, (std::vector<int64_t>{1, 106}));
  EXPECT_EQ(generation.bosId, 2);
  EXPECT_FALSE(generation.doSample);
  EXPECT_EQ(generation.topK, 0);
  EXPECT_EQ(generation.topP, 1.0f);
  auto empty = parseGenerationConfig("{}", "g.json", model, nullptr);
  ASSERT_TRUE(bool(empty)) << llvm::toString(empty.takeError());
  EXPECT_EQ(empty->eosIds, generation.eosIds);
}

TEST(GenerationConfig, RejectsWrongValues) {
  EXPECT_EQ(errorOfText("[]"), "g.json: is [], expected a JSON object");
  EXPECT_EQ(errorOfText(R"({"bos_token_id":256})"),
            "g.json: bos_token_id: found 256, expected an integer from 0 to "
            "255");
  EXPECT_EQ(errorOfText(R"({"pad_token_id":"0"})"),
            "g.json: pad_token_id: found \"0\", expected an integer from 0 to "
            "255");
  EXPECT_EQ(errorOfText(R"({"eos_token_id":[1,1.5]})"),
            "g.json: eos_token_id: found [1,1.5], expected an integer or a "
            "list of integers from 0 to 16777216");
  EXPECT_EQ(errorOfText(R"({"do_sample":1})"),
            "g.json: do_sample: found 1, expected true or false");
  EXPECT_EQ(errorOfText(R"({"temperature":-1})"),
            "g.json: temperature: found -1, expected a number from 0 to 1e+06");
  EXPECT_EQ(errorOfText(R"({"temperature":"hot"})"),
            "g.json: temperature: found \"hot\", expected a number from 0 to "
            "1e+06");
  EXPECT_EQ(errorOfText(R"({"top_k":-1})"),
            "g.json: top_k: found -1, expected an integer from 0 to 16777216");
  EXPECT_EQ(errorOfText(R"({"top_p":1.1})"),
            "g.json: top_p: found 1.1, expected a number from 0 to 1");
  EXPECT_EQ(errorOfText(R"({"min_p":-0.1})"),
            "g.json: min_p: found -0.1, expected a number from 0 to 1");
  EXPECT_EQ(errorOfText(R"({"suppress_tokens":{"a":1}})"),
            "g.json: suppress_tokens: found {\"a\":1}, expected an integer or "
            "a list of integers from 0 to 16777216");
}
