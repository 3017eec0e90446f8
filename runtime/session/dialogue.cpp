//===- dialogue.cpp - A conversation in one slot --------------------------===//

#include "runtime/session/dialogue.h"

#include "runtime/core/error.h"
#include "runtime/text/output_parser.h"

#include <algorithm>

using namespace gemcut;

gemcut_status gemcut::openChatTemplate(const Artifact &artifact,
                                       text::ChatTemplate &out) {
  const Section *section = artifact.find(GEMCUT_SECTION_CHAT);
  if (!section || section->length == 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "this model has no chat template, because its checkpoint had "
                "no tokenizer; generate from ids instead");
  std::string error;
  gemcut_status status =
      text::ChatTemplate::open(section->data, section->length, &out, &error);
  return status ? fail(status, "%s: %s", artifact.describe(*section).c_str(),
                       error.c_str())
                : GEMCUT_OK;
}

void Dialogue::open(const gemcut_model_info &info,
                    const text::Tokenizer &tables,
                    const text::ChatTemplate &format, Session &holder) {
  model = &info;
  tokenizer = &tables;
  chat = &format;
  session = &holder;
}

gemcut_status Dialogue::checkFormat(bool think) const {
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
  return GEMCUT_OK;
}

gemcut_status Dialogue::begin(const char *system, bool think) {
  if (gemcut_status status = checkFormat(think))
    return status;
  shouldThink = think;
  messages.clear();
  tools = {};
  if (system) {
    messages.push_back(text::makeMessage("system", system));
  } else if (prefix && prefix->isPresent()) {
    messages = prefix->getText().messages;
    tools = prefix->getText().tools;
    shouldThink |= prefix->getText().think;
  }
  return GEMCUT_OK;
}

gemcut_status Dialogue::ask(std::string_view prompt,
                            std::vector<int32_t> &rest) {
  messages.push_back(text::makeMessage("user", prompt));
  std::vector<int32_t> ids;
  if (gemcut_status status =
          render(text::Value::list(messages), tools, shouldThink, ids))
    return status;
  return keepCommon(ids, rest);
}

gemcut_status Dialogue::render(const text::Value &all, const text::Value &tools,
                               bool think, std::vector<int32_t> &ids) const {
  if (gemcut_status status = checkFormat(think))
    return status;
  text::ChatOptions options = text::makeChatOptions(*tokenizer);
  options.enableThinking = think;
  text::MarkedText rendered;
  std::string error;
  if (gemcut_status status =
          chat->render(all, tools, options, &rendered, &error))
    return fail(status, "%s", error.c_str());
  if (controlTokensAllowed)
    rendered.untrusted.clear();
  tokenizer->encode(rendered, ids);
  return ids.empty() ? fail(GEMCUT_INVALID_ARGUMENT,
                            "the chat template makes no token of these "
                            "messages")
                     : GEMCUT_OK;
}

gemcut_status Dialogue::keepCommon(const std::vector<int32_t> &ids,
                                   std::vector<int32_t> &rest) {
  const int32_t *held = session->getTokens(/*slot=*/0);
  size_t most = std::min(session->getTokenCount(/*slot=*/0), ids.size() - 1);
  size_t same = 0;
  while (same < most && held[same] == ids[same])
    ++same;
  if (!session->canRewind(/*slot=*/0, same) ||
      (prefix && prefix->match(ids.data(), ids.size()) > same))
    same = 0;
  if (gemcut_status status = session->rewind(/*slot=*/0, same))
    return status;
  if (same == 0 && prefix)
    same = beginWithPrefix(*prefix, *session, ids.data(), ids.size());
  rest.assign(ids.begin() + long(same), ids.end());
  return GEMCUT_OK;
}

namespace {
/// The answer as later prompts have it: without thoughts, and with calls as
/// the model wrote them.
struct AnswerText final : text::OutputSink {
  std::string content;
  void onThought(std::string_view text) override {}
  void onContent(std::string_view text) override { content += text; }
  void onToolCall(std::string_view name, std::string_view arguments,
                  std::string_view written) override {
    content += written;
  }
};
} // namespace

void Dialogue::accept(const std::vector<int32_t> &answer) {
  AnswerText text;
  text::OutputParser parser(*tokenizer);
  for (int32_t id : answer)
    parser.feed(id, text);
  parser.finish(text);
  messages.push_back(text::makeMessage("assistant", text.content));
}

void Dialogue::withdraw() { messages.pop_back(); }
