//===- TokenNames.cpp - Contents of the tokens with a role ----------------===//

#include "frontends/Tokenizer/TokenNames.h"

#include "llvm/ADT/Twine.h"

#include <nlohmann/json.hpp>

using namespace llvm;
using namespace gemcut::tokenizer;
using json = nlohmann::json;

namespace {

struct Role {
  gemcut_token_role role;
  const char *key, *content;
  const char *gemma3 = ""; ///< where Gemma 3 has another
};

constexpr Role kRoles[] = {
    {GEMCUT_TOKEN_PAD, "pad_token", "<pad>"},
    {GEMCUT_TOKEN_EOS, "eos_token", "<eos>"},
    {GEMCUT_TOKEN_BOS, "bos_token", "<bos>"},
    {GEMCUT_TOKEN_UNK, "unk_token", "<unk>"},
    {GEMCUT_TOKEN_MASK, "mask_token", "<mask>"},
    {GEMCUT_TOKEN_TURN_OPEN, "sot_token", "<|turn>", "<start_of_turn>"},
    {GEMCUT_TOKEN_TURN_CLOSE, "eot_token", "<turn|>", "<end_of_turn>"},
    {GEMCUT_TOKEN_THINK, "think_token", "<|think|>"},
    {GEMCUT_TOKEN_CHANNEL_OPEN, "soc_token", "<|channel>"},
    {GEMCUT_TOKEN_CHANNEL_CLOSE, "eoc_token", "<channel|>"},
    {GEMCUT_TOKEN_TOOL_OPEN, "std_token", "<|tool>"},
    {GEMCUT_TOKEN_TOOL_CLOSE, "etd_token", "<tool|>"},
    {GEMCUT_TOKEN_TOOL_CALL_OPEN, "stc_token", "<|tool_call>"},
    {GEMCUT_TOKEN_TOOL_CALL_CLOSE, "etc_token", "<tool_call|>"},
    {GEMCUT_TOKEN_TOOL_RESPONSE_OPEN, "str_token", "<|tool_response>"},
    {GEMCUT_TOKEN_TOOL_RESPONSE_CLOSE, "etr_token", "<tool_response|>"},
    {GEMCUT_TOKEN_QUOTE, "escape_token", "<|\"|>"},
    {GEMCUT_TOKEN_IMAGE_OPEN, "boi_token", "<|image>"},
    {GEMCUT_TOKEN_IMAGE_CLOSE, "eoi_token", "<image|>"},
    {GEMCUT_TOKEN_IMAGE, "image_token", "<|image|>"},
    {GEMCUT_TOKEN_AUDIO_OPEN, "boa_token", "<|audio>"},
    {GEMCUT_TOKEN_AUDIO_CLOSE, "eoa_token", "<audio|>"},
    {GEMCUT_TOKEN_AUDIO, "audio_token", "<|audio|>"},
    {GEMCUT_TOKEN_VIDEO, "", "<|video|>"},
};
static_assert(std::size(kRoles) == GEMCUT_TOKEN_ROLES);

} // namespace

TokenNames::TokenNames() {
  for (const Role &role : kRoles) {
    contents[role.role] = role.content;
    alternatives[role.role] = role.gemma3;
  }
}

StringRef gemcut::tokenizer::tokenNameKey(gemcut_token_role role) {
  return kRoles[role].key;
}

Expected<TokenNames> gemcut::tokenizer::readTokenNames(StringRef text,
                                                       StringRef fileName) {
  json tree = json::parse(text.begin(), text.end(), /*cb=*/nullptr,
                          /*allow_exceptions=*/false);
  if (!tree.is_object())
    return createStringError(fileName + (tree.is_discarded()
                                             ? ": malformed JSON"
                                             : ": expected an object"));
  const json *specific = nullptr;
  if (auto it = tree.find("model_specific_special_tokens");
      it != tree.end() && it->is_object())
    specific = &*it;

  TokenNames names;
  for (const Role &role : kRoles) {
    if (!*role.key)
      continue;
    const json *value = nullptr;
    if (auto it = tree.find(role.key); it != tree.end())
      value = &*it;
    else if (specific)
      if (auto inner = specific->find(role.key); inner != specific->end())
        value = &*inner;
    if (value && value->is_object())
      if (auto it = value->find("content"); it != value->end())
        value = &*it;
    if (!value || value->is_null())
      continue;
    auto *content = value->get_ptr<const std::string *>();
    if (!content || content->empty())
      return createStringError(fileName + ": " + role.key +
                               " is not the text of a token");
    names.contents[role.role] = *content;
    names.alternatives[role.role].clear();
    names.required[role.role] = true;
  }
  return names;
}
