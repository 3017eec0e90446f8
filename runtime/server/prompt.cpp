//===- prompt.cpp - Messages and tools to the ids of a prompt -------------===//

#include "runtime/server/generation_request.h"
#include "runtime/text/chat_template.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

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
  text::ChatOptions options = text::makeChatOptions(*context.tokenizer);
  options.enableThinking = thinking.isEnabled;
  options.preserveThinking = thinking.isPreserved;
  text::MarkedText prompt;
  std::string reason;
  if (context.chat->render(messages, tools, options, &prompt, &reason)) {
    error = makeError(400, "The messages cannot be rendered: " + reason + ".",
                      "invalid_value");
    error.param = "messages";
    return;
  }
  if (context.allowControlTokens)
    prompt.untrusted.clear();
  request.prompts.emplace_back();
  context.tokenizer->encode(prompt, request.prompts.back());
  int32_t callOpen = context.tokenizer->role(GEMCUT_TOKEN_TOOL_CALL_OPEN);
  if (!request.mayCallTools && callOpen >= 0)
    request.common.biases.push_back({callOpen, -INFINITY});
}

/// Whether the prompt ends inside a thought that it began.
static bool endsInThought(const std::vector<int32_t> &prompt,
                          const text::Tokenizer &tokenizer) {
  int32_t open = tokenizer.role(GEMCUT_TOKEN_CHANNEL_OPEN);
  int32_t close = tokenizer.role(GEMCUT_TOKEN_CHANNEL_CLOSE);
  int32_t turn = tokenizer.role(GEMCUT_TOKEN_TURN_OPEN);
  for (size_t i = prompt.size(); i-- > 0;)
    if (prompt[i] == open || prompt[i] == close || prompt[i] == turn)
      return prompt[i] == open && open >= 0;
  return false;
}

void server::compileForm(const Thinking &thinking, const ModelContext &context,
                         GenerationRequest &request, ApiError &error) {
  if (error)
    return;
  const text::Tokenizer &tokenizer = *context.tokenizer;
  request.startsInThought = endsInThought(request.prompts[0], tokenizer);
  request.form.parallelCalls = request.parallelCalls;
  constrain::Thought thought =
      request.startsInThought ? constrain::Thought::Open
      : thinking.isEnabled    ? constrain::Thought::Allowed
                              : constrain::Thought::None;
  request.grammar = context.grammars->find(request.form, thought, tokenizer,
                                           *context.model, error);
}
