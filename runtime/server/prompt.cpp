//===- prompt.cpp - Messages and tools to the ids of a prompt -------------===//

#include "runtime/core/error.h"
#include "runtime/server/generation_request.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/output_parser.h"

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
    const char *end = !reason.empty() && reason.back() == '.' ? "" : ".";
    error = makeError(400, "The messages cannot be rendered: " + reason + end,
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

void server::compileForm(const Thinking &thinking, const ModelContext &context,
                         GenerationRequest &request, ApiError &error) {
  if (error)
    return;
  const text::Tokenizer &tokenizer = *context.tokenizer;
  request.startsInThought = text::endsInThought(request.prompts[0], tokenizer);
  request.form.parallelCalls = request.parallelCalls;
  constrain::Thought thought =
      request.startsInThought ? constrain::Thought::Open
      : thinking.isEnabled    ? constrain::Thought::Allowed
                              : constrain::Thought::None;
  constrain::FormPart atFault;
  if (context.grammars->find(request.form, thought, tokenizer, *context.model,
                             request.grammar, atFault)) {
    std::string sentence = gemcut_last_error();
    if (sentence[0] >= 'a' && sentence[0] <= 'z')
      sentence[0] = char(sentence[0] - 32);
    error = makeError(400, sentence + ".", "invalid_json_schema");
    error.param =
        atFault == constrain::FormPart::Tools ? "tools" : request.form.param;
  }
}
