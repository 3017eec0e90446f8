//===- conversation.cpp - The turns so far, and their tokens --------------===//

#include "runtime/cli/conversation.h"

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
                                 const gemcut_model_info &info,
                                 const std::string &instructions,
                                 bool shouldThink) {
  tokenizer = &what;
  model = &info;
  system = trim(instructions);
  think = shouldThink;
  const gemcut_special_ids &special = info.special;
  if (special.bos < 0 || special.turn_open < 0 || special.turn_close < 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the vocabulary lacks <bos>, <|turn> or <turn|>, so this model "
                "cannot hold a conversation; use the command generate");
  if (think && special.think < 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the vocabulary has no <|think|>, so --think is not possible");
  return GEMCUT_OK;
}

void Conversation::addUser(const std::string &text) {
  turns.push_back({false, trim(text)});
}

void Conversation::addModel(const std::vector<int32_t> &ids) {
  std::vector<int32_t> content;
  bool isThought = false;
  for (int32_t id : ids) {
    if (id == model->special.channel_open)
      isThought = true;
    if (!isThought)
      content.push_back(id);
    if (id == model->special.channel_close)
      isThought = false;
  }
  turns.push_back(
      {true, trim(tokenizer->decode(content, /*showSpecial=*/false))});
}

std::vector<int32_t> Conversation::render() const {
  const gemcut_special_ids &special = model->special;
  std::vector<int32_t> ids;
  // Text between two control tokens is encoded as one, as it is in the
  // template's output: pieces may reach across a line end.
  auto plain = [&](const std::string &text) {
    tokenizer->encode(text, /*parseSpecial=*/false, ids);
  };
  auto turn = [&](const char *role, const std::string &text) {
    ids.push_back(special.turn_open);
    plain(role + ("\n" + text));
  };
  auto close = [&] {
    ids.push_back(special.turn_close);
    plain("\n");
  };
  ids.push_back(special.bos);
  if (think) {
    turn("system", "");
    ids.push_back(special.think);
    plain("\n" + system);
    close();
  } else if (!system.empty()) {
    turn("system", system);
    close();
  }
  for (const Turn &each : turns) {
    turn(each.isModel ? "model" : "user", each.text);
    close();
  }
  turn("model", "");
  // The large models read an empty thought where none is wanted.
  if (model->chat_large_template && !think && special.channel_open >= 0) {
    ids.push_back(special.channel_open);
    plain("thought\n");
    ids.push_back(special.channel_close);
  }
  return ids;
}
