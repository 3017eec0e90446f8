//===- Recipe.h - Which tensor is stored in which format --------*- C++ -*-===//
//
// A recipe is an ordered list of rules; the first whose pattern matches a
// tensor's name decides. No MLIR here: tools and tests read recipes without it.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_PASSES_GEMMA_RECIPE_H
#define GEMCUT_PASSES_GEMMA_RECIPE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace gemcut::gemma {

/// Where a tensor is used: outside all layers, in a layer with keys and values
/// of its own, or in one that reads those of another.
enum class LayerKind { Outside, OwnKv, SharedKv };

/// One rule.
struct RecipeRule {
  /// A glob, or an extended regular expression if `isRegex`; known to parse.
  std::string pattern;
  bool isRegex = false;
  /// One of kFormatList (dialects/Support/Format.h).
  std::string format;
  /// The rule is for tensors of such layers alone; nullopt: for all.
  std::optional<LayerKind> layers;

  /// True if the pattern matches the whole of `tensor`, of a layer of `kind`.
  bool matches(llvm::StringRef tensor, LayerKind kind) const;

  /// A pattern for messages, at most 80 bytes of it.
  static std::string shorten(llvm::StringRef pattern);
};

class Recipe {
public:
  /// Parses the JSON form:
  ///
  ///   {"name": "mine", "default": "int4",
  ///    "rules": [{"match": "*per_layer_model_projection*", "format": "int8"},
  ///              {"regex": "model\\..*\\.[qkv]_proj\\.weight", "format":
  ///              "bf16"},
  ///             {"match": "*.mlp.*", "layers": "shared_kv", "format":
  ///              "int2_row"}]}
  ///
  /// `match` is a glob (`*`, `?`, `[..]`), `regex` an extended regular
  /// expression; a rule has one of them. `layers` ("own_kv" or "shared_kv")
  /// limits it to layers that own keys and values, or read those of another.
  /// `name`, `rules` and `layers` may be absent.
  /// `file` is only named in errors: malformed JSON, nesting deeper than 32
  /// levels, a missing, unknown, repeated or mistyped key, an unknown format, a
  /// pattern that does not parse or has more than 4096 bytes.
  static llvm::Expected<Recipe> parse(llvm::StringRef json,
                                      llvm::StringRef file);

  /// Reads and parses a recipe file. Errors: as parse; a file that cannot be
  /// read.
  static llvm::Expected<Recipe> read(llvm::StringRef path);

  /// The recipe named like a format, or "mobile"; nullopt for any other name.
  static std::optional<Recipe> getBuiltin(llvm::StringRef name);

  /// The index of the first rule that matches `tensor`, or nullopt for the
  /// default.
  std::optional<size_t> findRule(llvm::StringRef tensor,
                                 LayerKind kind = LayerKind::Outside) const;

  /// The format of a matrix of this name.
  llvm::StringRef getFormat(llvm::StringRef tensor,
                            LayerKind kind = LayerKind::Outside) const;

  llvm::StringRef getName() const { return name; }
  llvm::StringRef getDefault() const { return defaultFormat; }
  const std::vector<RecipeRule> &getRules() const { return rules; }

private:
  std::string name;
  std::string defaultFormat;
  std::vector<RecipeRule> rules;
};

} // namespace gemcut::gemma

#endif // GEMCUT_PASSES_GEMMA_RECIPE_H
