//===- recipe_fuzz.cpp - Recipes ------------------------------------------===//

#include "passes/Gemma/Recipe.h"
#include "test/fuzz/Require.h"

using namespace gemcut::test;

using gemcut::gemma::Recipe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  auto recipe = Recipe::parse(text, "r.json");
  if (!recipe) {
    std::string message = llvm::toString(recipe.takeError());
    require(llvm::StringRef(message).starts_with("recipe r.json: "),
            "error names its file");
    return 0;
  }
  // Whatever is accepted can be asked.
  for (const char *name :
       {"model.embed_tokens.weight", "model.layers.3.mlp.up_proj.weight", ""}) {
    std::optional<size_t> rule = recipe->findRule(name);
    require(!rule || *rule < recipe->getRules().size(), "the rule exists");
    require(!recipe->getFormat(name).empty(), "there is a format");
  }
  return 0;
}
