//===- LoadedModelTest.cpp - Which files a model is made of ---------------===//

#include "test/unit/Artifact/TestFolder.h"

#include "compiler/Driver/LoadedModel.h"
#include "compiler/Driver/PlanProgram.h"
#include "frontends/ChatTemplate/ChatTemplate.h"

#include "llvm/ADT/STLExtras.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

using namespace gemcut::driver;
using namespace gemcut::test;

namespace {

const std::string kSource = GEMCUT_SOURCE_DIR;
const std::string kTiny = kSource + "/examples/tiny-gemma4";
const std::string kEdge = kSource + "/test/data/goldens/edge";

LoadedModel load(const std::string &path, WeightOptions weights = {}) {
  auto model = loadModel(path, weights);
  if (!model) {
    ADD_FAILURE() << llvm::toString(model.takeError());
    return LoadedModel();
  }
  return std::move(*model);
}

WeightOptions randomWeights() {
  WeightOptions weights;
  weights.randomSeed = 1;
  return weights;
}

bool anyContains(const std::vector<std::string> &texts, const char *part) {
  return llvm::any_of(texts, [&](const std::string &text) {
    return text.find(part) != std::string::npos;
  });
}

/// The names of the files that were read, without their folder.
std::vector<std::string> inputNames(const LoadedModel &model) {
  std::vector<std::string> names;
  for (const std::string &path : model.inputs)
    names.push_back(std::filesystem::path(path).filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(LoadedModel, DirectoryFileAndConfigAreTheSameModel) {
  LoadedModel directory = load(kEdge),
              file = load(kEdge + "/model.safetensors"),
              config = load(kEdge + "/config.json", randomWeights());
  for (const LoadedModel *model : {&directory, &file, &config}) {
    EXPECT_EQ(model->name, "edge");
    EXPECT_EQ(model->config.hiddenSize, 64);
  }
  auto fileOfNorm = [](const LoadedModel &model) {
    return model.weights->fileOf("model.language_model.norm.weight");
  };
  EXPECT_EQ(fileOfNorm(directory), kEdge + "/model.safetensors");
  EXPECT_EQ(fileOfNorm(file), kEdge + "/model.safetensors");
  EXPECT_EQ(fileOfNorm(config), "");
}

TEST(LoadedModel, NameIsTheDirectorysForAnyPathToIt) {
  for (const char *path : {"/.", "/", "/../edge", "//"})
    EXPECT_EQ(load(kEdge + path).name, "edge") << path;
}

TEST(LoadedModel, ListsEveryFileThatItRead) {
  EXPECT_EQ(inputNames(load(kEdge)),
            (std::vector<std::string>{"config.json", "generation_config.json",
                                      "model.safetensors"}));
  std::vector<std::string> tiny = inputNames(load(kTiny));
  for (const char *name :
       {"chat_template.jinja", "config.json", "generation_config.json",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json"})
    EXPECT_TRUE(llvm::is_contained(tiny, name)) << name;
  // Random weights do not read the checkpoint.
  EXPECT_FALSE(llvm::is_contained(inputNames(load(kEdge, randomWeights())),
                                  "model.safetensors"));
}

TEST(LoadedModel, TellsOfTowersAndOfAMissingTokenizerOnce) {
  LoadedModel tiny = load(kTiny), edge = load(kEdge);
  EXPECT_TRUE(anyContains(tiny.warnings, "vision and audio towers"));
  EXPECT_FALSE(anyContains(tiny.warnings, "tokenizer.json"));
  EXPECT_FALSE(anyContains(edge.warnings, "towers"));
  EXPECT_TRUE(anyContains(edge.warnings, "holds no tokenizer.json"));
  EXPECT_EQ(tiny.warnings.size(), 1u);
  EXPECT_FALSE(tiny.tokenizer.empty());
  EXPECT_TRUE(edge.tokenizer.empty());
}

TEST(LoadedModel, RandomWeightsTakeTheFormOfMobileReleases) {
  const std::string scale =
      "model.language_model.layers.0.mlp.up_proj.input_activation_scale";
  const std::string configs = kSource + "/test/data/configs/";
  auto plain = load(configs + "e2b/config.json", randomWeights());
  EXPECT_FALSE(plain.weights->find("lm_head.weight"));
  EXPECT_FALSE(plain.weights->find(scale));
  EXPECT_EQ(chooseQuant(plain, ""), "int4");

  auto asked = loadModel(configs + "e2b/config.json", randomWeights(),
                         /*quant=*/"mobile");
  ASSERT_TRUE(bool(asked));
  auto stored = load(configs + "e2b-mobile/config.json", randomWeights());
  for (const LoadedModel *model : {&*asked, &stored}) {
    EXPECT_TRUE(model->weights->find("lm_head.weight"));
    EXPECT_TRUE(model->weights->find(scale));
    EXPECT_EQ(chooseQuant(*model, ""), "mobile");
    EXPECT_EQ(chooseQuant(*model, "int8"), "int8");
  }
  // A checkpoint is what it is.
  auto edge = loadModel(kEdge, {}, /*quant=*/"mobile");
  ASSERT_TRUE(bool(edge));
  EXPECT_FALSE(edge->weights->find("lm_head.weight"));
}

class ChatTemplate : public testing::Test {
protected:
  TestFolder folder;

  /// The program of a checkpoint with the files in the folder.
  std::vector<uint8_t> programOf(const std::string &configDirectory) {
    std::filesystem::copy_file(
        configDirectory + "/config.json", folder / "config.json",
        std::filesystem::copy_options::overwrite_existing);
    return load(folder.path() + "/config.json", randomWeights()).chatProgram;
  }
  static std::vector<uint8_t> compile(llvm::StringRef source) {
    return llvm::cantFail(gemcut::chat::compileChatTemplate(source, "t"));
  }
};

TEST_F(ChatTemplate, TheCheckpointsOwnIsCompiled) {
  writeText(folder / "tokenizer_config.json",
            R"({"chat_template": "{{ 'a\\n' }}"})");
  EXPECT_EQ(programOf(kEdge), compile("{{ 'a\\n' }}"));
  // The file of its own goes first.
  writeText(folder / "chat_template.jinja", "{{ messages[0] }}");
  EXPECT_EQ(programOf(kEdge), compile("{{ messages[0] }}"));
}

TEST_F(ChatTemplate, WithoutOneTheFamilysIsTaken) {
  EXPECT_EQ(programOf(kEdge), compile(gemcut::chat::getBuiltinTemplate(
                                  gemcut::chat::Family::Gemma4Small)));
  auto config = nlohmann::json::parse(readText(kEdge + "/config.json"));
  config["text_config"]["hidden_size_per_layer_input"] = 0;
  writeText(folder / "config.json", config.dump());
  EXPECT_EQ(load(folder / "config.json", randomWeights()).chatProgram,
            compile(gemcut::chat::getBuiltinTemplate(
                gemcut::chat::Family::Gemma4Large)));
}

TEST_F(ChatTemplate, OfSeveralTheDefaultIsTaken) {
  writeText(folder / "tokenizer_config.json",
            R"({"chat_template": [{"name": "tool_use", "template": "tools"},
                                  {"name": "default", "template": "chat"}]})");
  EXPECT_EQ(programOf(kEdge), compile("chat"));
}

TEST_F(ChatTemplate, AnotherMayBeChosen) {
  writeText(folder / "chat_template.jinja", "{% include 'x' %}");
  std::filesystem::copy_file(kEdge + "/config.json", folder / "config.json");
  auto choose = [&](const std::string &choice) {
    return loadModel(folder / "config.json", randomWeights(), "", choice);
  };
  EXPECT_EQ(llvm::cantFail(choose("builtin")).chatProgram,
            compile(gemcut::chat::getBuiltinTemplate(
                gemcut::chat::Family::Gemma4Small)));
  writeText(folder / "mine.jinja", "{{ messages[1] }}");
  auto mine = llvm::cantFail(choose(folder / "mine.jinja"));
  EXPECT_EQ(mine.chatProgram, compile("{{ messages[1] }}"));
  EXPECT_TRUE(llvm::is_contained(mine.inputs, folder / "mine.jinja"));
  writeText(folder / "empty.jinja", "\n");
  for (const char *name : {"empty.jinja", "missing.jinja"})
    EXPECT_NE(llvm::toString(choose(folder / name).takeError()).find(name),
              std::string::npos);
}

TEST_F(ChatTemplate, ErrorsNameTheFileAndThePlace) {
  auto errorOf = [&] {
    std::filesystem::copy_file(
        kEdge + "/config.json", folder / "config.json",
        std::filesystem::copy_options::overwrite_existing);
    auto model = loadModel(folder / "config.json", randomWeights());
    EXPECT_FALSE(bool(model));
    return model ? "" : llvm::toString(model.takeError());
  };
  writeText(folder / "tokenizer_config.json", std::string(50000, '['));
  EXPECT_EQ(errorOf(), folder / "tokenizer_config.json" +
                           ": is nested deeper than 32 levels");
  writeText(folder / "tokenizer_config.json", "{\"chat_template\": ");
  EXPECT_NE(errorOf().find("tokenizer_config.json"), std::string::npos);
  writeText(folder / "tokenizer_config.json",
            R"({"chat_template": "\n{% include 'x' %}"})");
  EXPECT_NE(errorOf().find("tokenizer_config.json (chat_template):2:4: "),
            std::string::npos);
  writeText(folder / "chat_template.jinja", "a\xFF");
  EXPECT_EQ(errorOf(), folder / "chat_template.jinja" +
                           ": is not UTF-8 from byte 1 on, expected a chat "
                           "template in UTF-8");
}

TEST(LoadedModel, DevicesAndPipesAreNoCheckpoints) {
  TestFolder folder;
  std::string pipe = folder / "config.json";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string &path :
       {std::string("/dev/zero"), pipe, folder.path()})
    EXPECT_EQ(llvm::toString(loadModel(path, randomWeights()).takeError()),
              (path[1] == 'd' ? path : pipe) +
                  ": is a device or a pipe, expected a regular file");
}

} // namespace
