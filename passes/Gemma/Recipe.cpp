//===- Recipe.cpp - Which tensor is stored in which format ----------------===//

#include "passes/Gemma/Recipe.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"

using namespace gemcut::gemma;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

constexpr StringRef kFormats[] = {"f32",  "bf16",     "int8",     "int4",
                                  "q4_0", "int2_row", "int4_row", "int8_row"};
constexpr StringRef kFormatList =
    "f32, bf16, int8, int4, q4_0, int2_row, int4_row or int8_row";

/// The built-in recipes of four bits keep the per-layer-embedding path, which
/// is small and feeds every layer, and its table, which is read by the row,
/// above 4 bits.
constexpr StringRef kKeptInt8[] = {
    "*per_layer_model_projection.weight", "*per_layer_input_gate.weight",
    "*per_layer_projection.weight", "*embed_tokens_per_layer.weight"};

/// A router's rounding would choose other experts, and it is small.
constexpr StringRef kRouter = "*router.proj.weight";

Error makeError(StringRef file, const llvm::Twine &message) {
  return llvm::createStringError("recipe " + file + ": " + message);
}

/// The bit widths of the mobile releases of Gemma 4, which are trained for them
/// (quant_method "gemma"): two bits for the head, the token table and the MLPs
/// of the layers that share keys and values, the rest four, above it as
/// kKeptInt8. No such release has experts; here they are part of the rest.
struct MobileRule {
  StringRef pattern, format;
  std::optional<LayerKind> layers = std::nullopt;
};
constexpr MobileRule kMobileRules[] = {
    {"*embed_tokens.weight", "int2_row"},
    {"*lm_head.weight", "int2_row"},
    {"*.mlp.*", "int2_row", LayerKind::SharedKv},
    {"*per_layer_model_projection.weight", "bf16"},
    {"*per_layer_input_gate.weight", "int8_row"},
    {"*per_layer_projection.weight", "int8_row"},
    {"*.router.*", "bf16"},
};

/// Bounds of files that are no recipes: the parsers of JSON and of regular
/// expressions recurse.
constexpr size_t kMaxDepth = 32, kMaxPattern = 4096;

/// The string of JSON behind the quote at `at`, escapes as they are; moves `at`
/// behind it.
StringRef takeString(StringRef json, size_t &at) {
  size_t first = ++at;
  while (at < json.size() && json[at] != '"')
    at += json[at] == '\\' ? 2 : 1;
  StringRef text = json.slice(first, at);
  at = std::min(at + 1, json.size());
  return text;
}

/// What the parser would not survive, or would hide: nesting without bound,
/// and keys that stand twice in an object. "" if there is nothing.
std::string findFlaw(StringRef json) {
  if (json.starts_with("\xEF\xBB\xBF"))
    return "starts with a byte order mark, expected UTF-8 without one";
  std::vector<llvm::StringSet<>> keys; // of each open object or array
  for (size_t at = 0; at < json.size();) {
    char c = json[at];
    if (c == '"') {
      StringRef text = takeString(json, at);
      if (!keys.empty() && json.substr(at).ltrim().starts_with(":") &&
          !keys.back().insert(text).second)
        return "holds the key '" + RecipeRule::shorten(text) +
               "' twice in one object";
      continue;
    }
    if ((c == '{' || c == '[') && keys.size() == kMaxDepth)
      return "is nested deeper than " + std::to_string(kMaxDepth) + " levels";
    if (c == '{' || c == '[')
      keys.emplace_back();
    else if ((c == '}' || c == ']') && !keys.empty())
      keys.pop_back();
    ++at;
  }
  return "";
}

/// The whole name has to match, not a part of it.
llvm::Regex getRegex(StringRef pattern) {
  return llvm::Regex(("^(" + pattern + ")$").str());
}

/// A rule is named by its place in messages: "rules[2]".
Expected<std::string> getString(const llvm::json::Object &object, StringRef key,
                                StringRef where, StringRef file) {
  if (std::optional<StringRef> text = object.getString(key))
    return text->str();
  return makeError(file, where + (object.get(key)
                                      ? " has a '" + key + "' that is no string"
                                      : " has no '" + key + "'"));
}

Expected<std::string> getFormatKey(const llvm::json::Object &object,
                                   StringRef key, StringRef where,
                                   StringRef file) {
  Expected<std::string> format = getString(object, key, where, file);
  if (format && !llvm::is_contained(kFormats, StringRef(*format)))
    return makeError(file, where + " has the " + key + " '" + *format +
                               "', expected " + kFormatList);
  return format;
}

Error checkKeys(const llvm::json::Object &object,
                llvm::ArrayRef<StringRef> known, StringRef where,
                StringRef file) {
  for (const auto &[key, value] : object)
    if (!llvm::is_contained(known, StringRef(key)))
      return makeError(file, where + " has the unknown key '" + StringRef(key) +
                                 "', expected " + llvm::join(known, ", "));
  return Error::success();
}

Expected<RecipeRule> parseRule(const llvm::json::Value &value, StringRef where,
                               StringRef file) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return makeError(file, where + " is no object");
  if (Error error = checkKeys(*object, {"match", "regex", "format", "layers"},
                              where, file))
    return error;
  Expected<std::string> format = getFormatKey(*object, "format", where, file);
  if (!format)
    return format.takeError();
  bool isRegex = object->get("regex");
  if (isRegex && object->get("match"))
    return makeError(file,
                     where + " has both 'match' and 'regex', expected one");
  Expected<std::string> pattern =
      getString(*object, isRegex ? "regex" : "match", where, file);
  if (!pattern)
    return pattern.takeError();
  std::string shown = RecipeRule::shorten(*pattern);
  if (pattern->size() > kMaxPattern)
    return makeError(file, where + " has the pattern '" + shown + "' of " +
                               llvm::Twine(pattern->size()) +
                               " bytes, expected at most " +
                               llvm::Twine(kMaxPattern));

  if (isRegex) {
    std::string reason;
    if (!getRegex(*pattern).isValid(reason))
      return makeError(file, where + " has the regex '" + shown +
                                 "', which does not parse: " + reason);
  } else if (auto glob = llvm::GlobPattern::create(*pattern); !glob) {
    return makeError(file, where + " has the glob '" + shown +
                               "', which does not parse: " +
                               llvm::toString(glob.takeError()));
  }
  std::optional<LayerKind> layers;
  if (object->get("layers")) {
    Expected<std::string> kind = getString(*object, "layers", where, file);
    if (!kind)
      return kind.takeError();
    if (*kind != "own_kv" && *kind != "shared_kv")
      return makeError(file, where + " has the layers '" + *kind +
                                 "', expected own_kv or shared_kv");
    layers = *kind == "own_kv" ? LayerKind::OwnKv : LayerKind::SharedKv;
  }
  return RecipeRule{*pattern, isRegex, *format, layers};
}

} // namespace

std::string RecipeRule::shorten(StringRef pattern) {
  constexpr size_t kLongest = 80;
  return pattern.size() <= kLongest
             ? pattern.str()
             : (pattern.take_front(kLongest - 3) + "...").str();
}

bool RecipeRule::matches(StringRef tensor, LayerKind kind) const {
  if (layers && *layers != kind)
    return false;
  if (isRegex)
    return getRegex(pattern).match(tensor);
  return llvm::cantFail(llvm::GlobPattern::create(pattern)).match(tensor);
}

Expected<Recipe> Recipe::parse(StringRef json, StringRef file) {
  if (std::string flaw = findFlaw(json); !flaw.empty())
    return makeError(file, flaw);
  Expected<llvm::json::Value> root = llvm::json::parse(json);
  if (!root)
    return makeError(file, "is no JSON: " + llvm::toString(root.takeError()));
  const llvm::json::Object *object = root->getAsObject();
  if (!object)
    return makeError(file, "is no JSON object");
  if (Error error =
          checkKeys(*object, {"name", "default", "rules"}, "the file", file))
    return error;

  Recipe recipe;
  recipe.name = file.str();
  if (object->get("name")) {
    Expected<std::string> name = getString(*object, "name", "the file", file);
    if (!name)
      return name.takeError();
    recipe.name = *name;
  }
  Expected<std::string> format =
      getFormatKey(*object, "default", "the file", file);
  if (!format)
    return format.takeError();
  recipe.defaultFormat = *format;
  if (const llvm::json::Value *rules = object->get("rules")) {
    if (!rules->getAsArray())
      return makeError(file, "the file has 'rules' that are no array");
    for (const llvm::json::Value &value : *rules->getAsArray()) {
      std::string where = "rules[" + std::to_string(recipe.rules.size()) + "]";
      Expected<RecipeRule> rule = parseRule(value, where, file);
      if (!rule)
        return rule.takeError();
      recipe.rules.push_back(std::move(*rule));
    }
  }
  return recipe;
}

Expected<Recipe> Recipe::read(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return makeError(path, "cannot be read: " + buffer.getError().message());
  return parse((*buffer)->getBuffer(), path);
}

std::optional<Recipe> Recipe::getBuiltin(StringRef name) {
  Recipe recipe;
  if (name == "mobile") {
    recipe.name = "mobile";
    recipe.defaultFormat = "int4_row";
    for (const MobileRule &rule : kMobileRules)
      recipe.rules.push_back({rule.pattern.str(), /*isRegex=*/false,
                              rule.format.str(), rule.layers});
    return recipe;
  }
  if (!llvm::is_contained(kFormats, name))
    return std::nullopt;
  recipe.name = recipe.defaultFormat = name.str();
  if (name != "f32")
    recipe.rules.push_back(
        {kRouter.str(), /*isRegex=*/false, "bf16", /*layers=*/std::nullopt});
  if (name == "int4" || name == "q4_0")
    for (StringRef pattern : kKeptInt8)
      recipe.rules.push_back(
          {pattern.str(), /*isRegex=*/false, "int8", /*layers=*/std::nullopt});
  return recipe;
}

std::optional<size_t> Recipe::findRule(StringRef tensor, LayerKind kind) const {
  for (size_t i = 0; i < rules.size(); ++i)
    if (rules[i].matches(tensor, kind))
      return i;
  return std::nullopt;
}

StringRef Recipe::getFormat(StringRef tensor, LayerKind kind) const {
  std::optional<size_t> rule = findRule(tensor, kind);
  return rule ? StringRef(rules[*rule].format) : StringRef(defaultFormat);
}
