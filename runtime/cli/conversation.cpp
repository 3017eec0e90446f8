//===- conversation.cpp - The turns so far, and their tokens --------------===//

#include "runtime/cli/conversation.h"

#include "runtime/abi/model.h"
#include "runtime/core/error.h"

using namespace gemcut;
using namespace gemcut::cli;

static std::string trim(const std::string &text) {
  static const char kSpace[] = " \t\r\n\v\f";
  size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos)
    return "";
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

gemcut_status Conversation::open(const text::Tokenizer &what,
                                 const std::string &instructions,
                                 bool shouldThink) {
  tokenizer = &what;
  system = trim(instructions);
  think = shouldThink;
  if (gemcut_model.special.turn_open < 0 || gemcut_model.special.turn_close < 0)
    return fail(
        GEMCUT_INVALID_ARGUMENT,
        "the vocabulary has no <|turn> and <turn|>, so this model cannot "
        "hold a conversation; use the command generate");
  return GEMCUT_OK;
}

void Conversation::addUser(const std::string &text) {
  turns.push_back({false, trim(text)});
}

void Conversation::addModel(const std::vector<int32_t> &ids) {
  std::vector<int32_t> content;
  bool isThought = false;
  for (int32_t id : ids) {
    if (id == gemcut_model.special.channel_open)
      isThought = true;
    if (!isThought)
      content.push_back(id);
    if (id == gemcut_model.special.channel_close)
      isThought = false;
  }
  turns.push_back({true, trim(tokenizer->decode(content, false))});
}

gemcut_status Conversation::render(std::vector<int32_t> &ids) const {
  ids.clear();
  auto control = [&](const char *text) { tokenizer->encode(text, true, ids); };
  // What people typed never becomes control tokens.
  auto plain = [&](const std::string &text) {
    tokenizer->encode(text, false, ids);
  };
  control("<bos>");
  if (think || !system.empty()) {
    control(think ? "<|turn>system\n<|think|>\n" : "<|turn>system\n");
    plain(system);
    control("<turn|>\n");
  }
  for (const Turn &turn : turns) {
    control(turn.isModel ? "<|turn>model\n" : "<|turn>user\n");
    plain(turn.text);
    control("<turn|>\n");
  }
  control("<|turn>model\n");
  if (gemcut_model.chat_large_template && !think)
    control("<|channel>thought\n<channel|>");
  return GEMCUT_OK;
}
