//===- chat_template.cpp - Messages to a prompt ---------------------------===//

#include "runtime/text/chat_template.h"
#include "runtime/text/chat_machine.h"

using namespace gemcut::text;

ChatOptions gemcut::text::makeChatOptions(const Tokenizer &tokenizer) {
  ChatOptions options;
  options.bosToken = tokenizer.piece(tokenizer.role(GEMCUT_TOKEN_BOS));
  options.eosToken = tokenizer.piece(tokenizer.role(GEMCUT_TOKEN_EOS));
  return options;
}

Value gemcut::text::makeMessage(std::string_view role,
                                std::string_view content) {
  std::vector<Value::Entry> entries;
  entries.push_back({MarkedText::trusted("role"), Value::trusted(role)});
  entries.push_back(
      {MarkedText::trusted("content"), Value::untrusted(content)});
  return Value::map(std::move(entries));
}

gemcut_status ChatTemplate::open(const uint8_t *program, size_t length,
                                 ChatTemplate *out, std::string *error) {
  ProgramView view;
  if (!view.open(program, length)) {
    *error = "the chat template is damaged or of another version of gemcut";
    return GEMCUT_CORRUPT_ARTIFACT;
  }
  out->program = program;
  out->length = length;
  return GEMCUT_OK;
}

gemcut_status ChatTemplate::render(const Value &messages, const Value &tools,
                                   const ChatOptions &options, MarkedText *out,
                                   std::string *error) const {
  ProgramView view;
  if (!view.open(program, length))
    return GEMCUT_CORRUPT_ARTIFACT;
  ChatMachine machine(view, options.maxSteps);
  machine.now = options.now;
  machine.define("messages", messages);
  if (!tools.isUndefined())
    machine.define("tools", tools);
  machine.define("add_generation_prompt",
                 Value::boolean(options.addGenerationPrompt));
  machine.define("enable_thinking", Value::boolean(options.enableThinking));
  machine.define("preserve_thinking", Value::boolean(options.preserveThinking));
  machine.define("bos_token", Value::trusted(options.bosToken));
  machine.define("eos_token", Value::trusted(options.eosToken));
  if (options.variables.isMap())
    for (const Value::Entry &entry : options.variables.entries())
      machine.define(entry.key.bytes, entry.value);
  if (!machine.run()) {
    *error = machine.error;
    return GEMCUT_INVALID_ARGUMENT;
  }
  *out = machine.takeOutput();
  return GEMCUT_OK;
}
