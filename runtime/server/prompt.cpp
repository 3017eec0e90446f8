//===- prompt.cpp - Messages and tools to the ids of a prompt -------------===//

#include "runtime/server/generation_request.h"
#include "runtime/text/chat_tools.h"
#include "runtime/text/json_value.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

static nlohmann::ordered_json toJson(const Value &value) {
  if (value.isUndefined())
    return nullptr;
  return nlohmann::ordered_json::parse(text::toCompactJson(value), nullptr,
                                       /*allow_exceptions=*/false);
}

void server::renderMessages(const Value &messages, const Value &tools,
                            const Thinking &thinking,
                            const ModelContext &context,
                            GenerationRequest &request, ApiError &error) {
  const gemcut_special_ids &special = context.model->special;
  if (error)
    return;
  if (special.bos < 0 || special.turn_open < 0 || special.turn_close < 0) {
    error = makeError(400,
                      "The vocabulary lacks the tokens of turns, so this model "
                      "cannot chat; use /v1/completions.",
                      "unsupported_model");
    return;
  }
  text::Conversation conversation;
  std::string reason;
  if (text::readConversation(toJson(messages), toJson(tools), &conversation,
                             &reason)) {
    error = makeError(400, "The messages cannot be rendered: " + reason + ".",
                      "invalid_value");
    error.param = "messages";
    return;
  }
  text::RenderOptions options;
  options.syntax =
      text::findTurnSyntax(context.tokenizer->piece(special.turn_open));
  options.enableThinking = thinking.isEnabled;
  options.preserveThinking = thinking.isPreserved;
  options.largeTemplate = context.model->chat_large_template != 0;
  request.prompts.emplace_back();
  context.tokenizer->encode(text::renderChat(conversation, options),
                            /*parseSpecial=*/true, request.prompts.back());
  int32_t callOpen = context.tokenizer->role(GEMCUT_TOKEN_TOOL_CALL_OPEN);
  if (!request.mayCallTools && callOpen >= 0)
    request.common.biases.push_back({callOpen, -INFINITY});
}
