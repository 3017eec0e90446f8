//===- dialogue.cpp - A conversation in one slot --------------------------===//

#include "runtime/session/dialogue.h"

#include "runtime/core/error.h"

#include <algorithm>

using namespace gemcut;

void Dialogue::open(const gemcut_model_info &info,
                    const text::Tokenizer &tables, Session &holder) {
  model = &info;
  tokenizer = &tables;
  session = &holder;
}

gemcut_status Dialogue::begin(const char *system, bool think) {
  const gemcut_special_ids &special = model->special;
  if (special.bos < 0 || special.turn_open < 0 || special.turn_close < 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the vocabulary lacks <bos>, <|turn> and <turn|> (or "
                "<start_of_turn> and <end_of_turn>), so this model cannot hold "
                "a conversation; generate from ids instead");
  if (think && special.think < 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the vocabulary lacks <|think|>, so this model does not think "
                "on demand");
  rendering = {};
  rendering.syntax = text::findTurnSyntax(tokenizer->piece(special.turn_open));
  rendering.enableThinking = think;
  rendering.largeTemplate = model->chat_large_template != 0;
  conversation.messages.clear();
  if (system)
    conversation.messages.push_back(text::makeMessage("system", system));
  return GEMCUT_OK;
}

gemcut_status Dialogue::ask(std::string_view prompt,
                            std::vector<int32_t> &rest) {
  conversation.messages.push_back(text::makeMessage("user", prompt));
  std::vector<int32_t> ids;
  tokenizer->encode(text::renderChat(conversation, rendering),
                    /*parseSpecial=*/true, ids);
  const int32_t *held = session->getTokens(/*slot=*/0);
  size_t most = std::min(session->getTokenCount(/*slot=*/0), ids.size() - 1);
  size_t same = 0;
  while (same < most && held[same] == ids[same])
    ++same;
  if (!session->canRewind(/*slot=*/0, same))
    same = 0;
  rest.assign(ids.begin() + long(same), ids.end());
  return session->rewind(/*slot=*/0, same);
}

void Dialogue::accept(const std::vector<int32_t> &answer) {
  conversation.messages.push_back(text::makeMessage(
      "assistant", tokenizer->decode(answer, /*showSpecial=*/true)));
}

void Dialogue::withdraw() { conversation.messages.pop_back(); }
