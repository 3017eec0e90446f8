//===- TokenizerSettings.cpp - The supported settings ---------------------===//

#include "frontends/Tokenizer/TokenizerSettings.h"
#include "frontends/Json/Unsupported.h"
#include "runtime/abi/tokenizer_tables.h"

#include "llvm/ADT/Twine.h"

#include <nlohmann/json.hpp>

using namespace llvm;
using namespace gemcut::tokenizer;
using json = nlohmann::json;

namespace {

const char *const kSpacePiece = "\xE2\x96\x81";

/// The value at `key`, or null where it is absent.
const json &at(const json &object, const char *key) {
  static const json null;
  if (!object.is_object())
    return null;
  auto it = object.find(key);
  return it == object.end() ? null : *it;
}

bool isString(const json &value, StringRef text) {
  auto *string = value.get_ptr<const std::string *>();
  return string && *string == text;
}

bool isBool(const json &value, bool expected) {
  auto *boolean = value.get_ptr<const bool *>();
  return boolean && *boolean == expected;
}

/// The value as text for a message, shortened.
std::string show(const json &value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() > 120 ? text.substr(0, 120) + "..." : text;
}

Error unsupported(StringRef file, const Twine &key, const json &found,
                  const Twine &expected) {
  return gemcut::makeUnsupported(file + ": " + key + " is " + show(found) +
                                 ", only " + expected + " is supported");
}

bool isReplace(const json &value, const char *from, const char *to) {
  return isString(at(value, "type"), "Replace") &&
         isString(at(at(value, "pattern"), "String"), from) &&
         isString(at(value, "content"), to);
}

bool isNormalizer(const json &value) {
  if (isString(at(value, "type"), "Sequence")) {
    const json &list = at(value, "normalizers");
    return list.is_array() && list.size() == 1 &&
           isReplace(list[0], " ", kSpacePiece);
  }
  return isReplace(value, " ", kSpacePiece);
}

/// The split on U+0020 that older files have never matches: no U+0020 is left
/// after normalisation. Inverted, it would match everything.
bool isPreTokenizer(const json &value) {
  return value.is_null() ||
         (isString(at(value, "type"), "Split") &&
          isString(at(at(value, "pattern"), "String"), " ") &&
          isBool(at(value, "invert"), false));
}

/// A template that is the sequence and nothing else.
bool isPostProcessor(const json &value) {
  if (value.is_null())
    return true;
  const json &single = at(value, "single");
  return isString(at(value, "type"), "TemplateProcessing") &&
         single.is_array() && single.size() == 1 && single[0].is_object() &&
         single[0].size() == 1 &&
         isString(at(at(single[0], "Sequence"), "id"), "A");
}

bool isDecoder(const json &value) {
  const json &list = at(value, "decoders");
  return isString(at(value, "type"), "Sequence") && list.is_array() &&
         list.size() == 3 && isReplace(list[0], kSpacePiece, " ") &&
         isString(at(list[1], "type"), "ByteFallback") &&
         isString(at(list[2], "type"), "Fuse");
}

} // namespace

Error gemcut::tokenizer::checkSettings(const json &tree, StringRef file) {
  const json &model = at(tree, "model");
  if (!model.is_object())
    return unsupported(file, "model", model, "an object");
  if (!isString(at(model, "type"), "BPE"))
    return unsupported(file, "model.type", at(model, "type"), "\"BPE\"");
  if (!isBool(at(model, "byte_fallback"), true))
    return unsupported(file, "model.byte_fallback", at(model, "byte_fallback"),
                       "true");
  if (!at(model, "dropout").is_null())
    return unsupported(file, "model.dropout", at(model, "dropout"), "null");
  for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!at(model, key).is_null() && !isString(at(model, key), ""))
      return unsupported(file, Twine("model.") + key, at(model, key), "null");
  const json &ignoreMerges = at(model, "ignore_merges");
  if (!ignoreMerges.is_null() && !isBool(ignoreMerges, false))
    return unsupported(file, "model.ignore_merges", ignoreMerges, "false");
  // Without effect: with all byte pieces present nothing is ever unknown.
  const json &fuse = at(model, "fuse_unk");
  if (!fuse.is_null() && !fuse.is_boolean())
    return unsupported(file, "model.fuse_unk", fuse, "a boolean");
  const json &unknown = at(model, "unk_token");
  if (!unknown.is_null() && !unknown.is_string())
    return unsupported(file, "model.unk_token", unknown, "a string");
  if (!isNormalizer(at(tree, "normalizer")))
    return unsupported(file, "normalizer", at(tree, "normalizer"),
                       "a Replace of \" \" by U+2581");
  if (!isPreTokenizer(at(tree, "pre_tokenizer")))
    return unsupported(file, "pre_tokenizer", at(tree, "pre_tokenizer"),
                       "null or a Split on \" \"");
  if (!isPostProcessor(at(tree, "post_processor")))
    return unsupported(file, "post_processor", at(tree, "post_processor"),
                       "null or a TemplateProcessing with sequence A alone");
  if (!isDecoder(at(tree, "decoder")))
    return unsupported(file, "decoder", at(tree, "decoder"),
                       "a Sequence of Replace of U+2581 by \" \", "
                       "ByteFallback and Fuse");
  return Error::success();
}

Error gemcut::tokenizer::readAddedTokens(const json &tree, StringRef file,
                                         std::vector<AddedToken> *out) {
  const json &list = at(tree, "added_tokens");
  if (list.is_null())
    return Error::success();
  if (!list.is_array())
    return unsupported(file, "added_tokens", list, "a list");
  for (size_t i = 0; i < list.size(); ++i) {
    const json &entry = list[i];
    std::string where = ("added_tokens[" + Twine(i) + "]").str();
    AddedToken token;
    const json &id = at(entry, "id");
    if (!id.is_number_integer() ||
        (id.is_number_unsigned() && id.get<uint64_t>() > INT32_MAX))
      return unsupported(file, where + ".id", id, "an id of the vocabulary");
    token.id = id.get<int64_t>();
    auto *content = at(entry, "content").get_ptr<const std::string *>();
    if (!content || content->empty() ||
        content->size() > GEMCUT_TOKENIZER_MAX_ADDED_BYTES)
      return unsupported(file, where + ".content", at(entry, "content"),
                         "a string of 1 to " +
                             Twine(GEMCUT_TOKENIZER_MAX_ADDED_BYTES) +
                             " bytes");
    token.content = *content;
    for (const char *key : {"single_word", "lstrip", "rstrip", "normalized"})
      if (!at(entry, key).is_null() && !isBool(at(entry, key), false))
        return unsupported(file, where + "." + key, at(entry, key), "false");
    const json &special = at(entry, "special");
    if (!special.is_boolean())
      return unsupported(file, where + ".special", special, "a boolean");
    token.special = special.get<bool>();
    out->push_back(std::move(token));
  }
  return Error::success();
}
