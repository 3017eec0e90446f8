//===- RecipeTest.cpp - Recipes: parsing, matching, errors ----------------===//

#include "passes/Gemma/Recipe.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using gemcut::gemma::LayerKind;
using gemcut::gemma::Recipe;

namespace {

Recipe parse(llvm::StringRef json) {
  return llvm::cantFail(Recipe::parse(json, "test.json"));
}

/// The message of the error that `json` must give.
std::string parseError(llvm::StringRef json) {
  llvm::Expected<Recipe> recipe = Recipe::parse(json, "test.json");
  EXPECT_FALSE(static_cast<bool>(recipe)) << json.str();
  return recipe ? "" : llvm::toString(recipe.takeError());
}

TEST(RecipeTest, FirstMatchWins) {
  Recipe recipe = parse(R"({
    "name": "mine", "default": "int4",
    "rules": [
      {"match": "*per_layer_model_projection*", "format": "int8"},
      {"regex": "model\\.layers\\.[0-3]\\..*", "format": "bf16"},
      {"match": "*.[qk]_proj.weight", "format": "f32"}
    ]})");
  EXPECT_EQ(recipe.getName(), "mine");
  EXPECT_EQ(recipe.getDefault(), "int4");
  ASSERT_EQ(recipe.getRules().size(), 3u);
  EXPECT_EQ(recipe.getFormat("model.per_layer_model_projection.weight"),
            "int8");
  EXPECT_EQ(recipe.getFormat("model.layers.2.self_attn.q_proj.weight"), "bf16");
  EXPECT_EQ(recipe.getFormat("model.layers.4.self_attn.q_proj.weight"), "f32");
  EXPECT_EQ(recipe.getFormat("model.layers.4.self_attn.v_proj.weight"), "int4");
  EXPECT_EQ(recipe.findRule("model.layers.4.self_attn.k_proj.weight"), 2u);
  EXPECT_EQ(recipe.findRule("model.norm.weight"), std::nullopt);
}

TEST(RecipeTest, PatternsMatchTheWholeName) {
  Recipe recipe = parse(R"({"default": "int4", "rules": [
      {"match": "norm", "format": "f32"}, {"regex": "q|k_proj", "format": "bf16"}]})");
  EXPECT_EQ(recipe.getName(), "test.json");
  EXPECT_EQ(recipe.getFormat("model.norm.weight"), "int4");
  EXPECT_EQ(recipe.getFormat("norm"), "f32");
  EXPECT_EQ(recipe.getFormat("x.k_proj"), "int4");
  EXPECT_EQ(recipe.getFormat("k_proj"), "bf16");
}

// A copy must not refer to the patterns of the original.
TEST(RecipeTest, SurvivesCopies) {
  auto original = std::make_unique<Recipe>(parse(
      R"({"default": "int4", "rules": [{"match": "*a", "format": "int8"}]})"));
  Recipe copy = *original;
  original.reset();
  EXPECT_EQ(copy.getFormat("bba"), "int8");
}

TEST(RecipeTest, Builtins) {
  for (const char *name : {"f32", "bf16", "int8"}) {
    std::optional<Recipe> recipe = Recipe::getBuiltin(name);
    ASSERT_TRUE(recipe);
    EXPECT_EQ(recipe->getName(), name);
    EXPECT_EQ(recipe->getFormat("model.embed_tokens_per_layer.weight"), name);
    EXPECT_EQ(recipe->getFormat("model.layers.3.router.proj.weight"),
              recipe->getName() == "f32" ? "f32" : "bf16");
  }
  std::optional<Recipe> int4 = Recipe::getBuiltin("int4");
  ASSERT_TRUE(int4);
  const std::pair<const char *, const char *> expected[] = {
      {"model.language_model.embed_tokens.weight", "int4"},
      {"model.language_model.embed_tokens_per_layer.weight", "int8"},
      {"model.language_model.per_layer_model_projection.weight", "int8"},
      {"model.layers.3.per_layer_input_gate.weight", "int8"},
      {"model.layers.3.per_layer_projection.weight", "int8"},
      {"model.layers.3.mlp.down_proj.weight", "int4"},
      {"model.layers.3.experts.down_proj", "int4"},
      {"model.layers.3.router.proj.weight", "bf16"},
      {"model.layers.3.self_attn.o_proj.weight", "int4"},
  };
  for (auto [name, format] : expected)
    EXPECT_EQ(int4->getFormat(name), format) << name;
  std::optional<Recipe> q4 = Recipe::getBuiltin("q4_0");
  ASSERT_TRUE(q4);
  for (auto [name, format] : expected)
    EXPECT_EQ(q4->getFormat(name),
              llvm::StringRef(format) == "int4" ? "q4_0" : format)
        << name;
  std::optional<Recipe> mobile = Recipe::getBuiltin("mobile");
  ASSERT_TRUE(mobile);
  EXPECT_EQ(mobile->getFormat("model.layers.3.experts.down_proj"), "int4_row");
  EXPECT_EQ(mobile->getFormat("model.layers.3.router.proj.weight"), "bf16");
  EXPECT_FALSE(Recipe::getBuiltin("int5"));
  EXPECT_FALSE(Recipe::getBuiltin(""));
}

TEST(RecipeTest, ErrorsNameFilePlaceAndExpectation) {
  EXPECT_NE(parseError("{").find("recipe test.json: is no JSON: "),
            std::string::npos);
  EXPECT_EQ(parseError("[]"), "recipe test.json: is no JSON object");
  EXPECT_EQ(parseError("{}"), "recipe test.json: the file has no 'default'");
  EXPECT_EQ(parseError(R"({"default": 4})"),
            "recipe test.json: the file has a 'default' that is no string");
  EXPECT_EQ(parseError(R"({"default": "int5"})"),
            "recipe test.json: the file has the default 'int5', expected f32, "
            "bf16, int8, int4, q4_0, int2_row, int4_row or int8_row");
  EXPECT_EQ(parseError(R"({"default": "int4", "rule": []})"),
            "recipe test.json: the file has the unknown key 'rule', expected "
            "name, default, rules");
  EXPECT_EQ(parseError(R"({"default": "int4", "rules": {}})"),
            "recipe test.json: the file has 'rules' that are no array");
  EXPECT_EQ(parseError(R"({"default": "int4", "name": 1})"),
            "recipe test.json: the file has a 'name' that is no string");
}

TEST(RecipeTest, RulesMayBeForLayersThatShareKeysAndValues) {
  auto recipe = Recipe::parse(
      R"({"default": "int4", "rules": [
          {"match": "*.mlp.*", "layers": "shared_kv", "format": "int2_row"},
          {"match": "*.mlp.*", "layers": "own_kv", "format": "int8_row"}]})",
      "test.json");
  ASSERT_TRUE(bool(recipe)) << llvm::toString(recipe.takeError());
  EXPECT_EQ(recipe->getFormat("l.mlp.up", LayerKind::SharedKv), "int2_row");
  EXPECT_EQ(recipe->getFormat("l.mlp.up", LayerKind::OwnKv), "int8_row");
  EXPECT_EQ(recipe->getFormat("l.mlp.up"), "int4");
  EXPECT_EQ(parseError(R"({"default": "int4", "rules": [{"match": "*",
                          "format": "int4", "layers": "odd"}]})"),
            "recipe test.json: rules[0] has the layers 'odd', expected own_kv "
            "or shared_kv");
}

TEST(RecipeTest, ErrorsOfRules) {
  auto rules = [](llvm::StringRef text) {
    return parseError(
        (R"({"default": "int4", "rules": [)" + text + "]}").str());
  };
  EXPECT_EQ(rules("1"), "recipe test.json: rules[0] is no object");
  EXPECT_EQ(rules(R"({"match": "*", "format": "int8"}, {"match": "*"})"),
            "recipe test.json: rules[1] has no 'format'");
  EXPECT_EQ(rules(R"({"format": "int8"})"),
            "recipe test.json: rules[0] has no 'match'");
  EXPECT_EQ(
      rules(R"({"match": "a", "regex": "b", "format": "int8"})"),
      "recipe test.json: rules[0] has both 'match' and 'regex', expected one");
  EXPECT_EQ(
      rules(R"({"match": "*", "format": "q4"})"),
      "recipe test.json: rules[0] has the format 'q4', expected f32, bf16, "
      "int8, int4, q4_0, int2_row, int4_row or int8_row");
  EXPECT_EQ(rules(R"({"match": "*", "fmt": "int8"})"),
            "recipe test.json: rules[0] has the unknown key 'fmt', expected "
            "match, regex, format, layers");
  EXPECT_NE(rules(R"({"match": "[", "format": "int8"})")
                .find("rules[0] has the glob '[', which does not parse: "),
            std::string::npos);
  EXPECT_NE(rules(R"({"regex": "(", "format": "int8"})")
                .find("rules[0] has the regex '(', which does not parse: "),
            std::string::npos);
}

TEST(RecipeTest, RefusesWhatParsersWouldNotSurviveOrWouldHide) {
  EXPECT_EQ(parseError(std::string(50000, '[')),
            "recipe test.json: is nested deeper than 32 levels");
  EXPECT_EQ(parseError("\xEF\xBB\xBF{\"default\": \"int8\"}"),
            "recipe test.json: starts with a byte order mark, expected UTF-8 "
            "without one");
  EXPECT_EQ(parseError(R"({"default": "int8", "default" : "int4"})"),
            "recipe test.json: holds the key 'default' twice in one object");
  EXPECT_EQ(parseError(R"({"default": "int8", "rules": [{"match": "a\\\"[",
                        "format": "f32", "match": "b"}]})"),
            "recipe test.json: holds the key 'match' twice in one object");
  EXPECT_EQ(parseError(R"({"default": "int8", "rules": [{"format": "f32",
                        "regex": ")" +
                       std::string(5000, '(') + "\"}]}"),
            "recipe test.json: rules[0] has the pattern '" +
                std::string(77, '(') +
                "...' of 5000 bytes, expected at most 4096");
  // Brackets in strings and equal keys of two objects are neither.
  EXPECT_TRUE(static_cast<bool>(Recipe::parse(
      R"({"default": "int8", "name": "default: \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
          "rules": [{"match": "a", "format": "f32"},
                    {"match": "b", "format": "f32"}]})",
      "test.json")));
}

TEST(RecipeTest, ReadsFiles) {
  llvm::SmallString<64> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("recipe", "json", path));
  std::error_code error;
  {
    llvm::raw_fd_ostream file(path, error);
    ASSERT_FALSE(error);
    file << R"({"default": "bf16"})";
  }
  EXPECT_EQ(llvm::cantFail(Recipe::read(path)).getDefault(), "bf16");
  llvm::sys::fs::remove(path);
  llvm::Expected<Recipe> missing = Recipe::read(path);
  ASSERT_FALSE(static_cast<bool>(missing));
  EXPECT_NE(llvm::toString(missing.takeError()).find("cannot be read"),
            std::string::npos);
}

} // namespace
