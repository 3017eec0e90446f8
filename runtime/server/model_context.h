//===- model_context.h - What requests are read against ---------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_MODEL_CONTEXT_H
#define GEMCUT_RUNTIME_SERVER_MODEL_CONTEXT_H

#include "runtime/abi/model.h"
#include "runtime/constrain/answer_form.h"
#include "runtime/session/sampler.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/tokenizer.h"

#include <memory>
#include <string>

namespace gemcut::server {

/// The model that a server serves. Constant while it runs, but for the cache.
struct ModelContext {
  const gemcut_model_info *model = nullptr;
  const text::Tokenizer *tokenizer = nullptr;
  const text::ChatTemplate *chat = nullptr;
  bool allowControlTokens = false; // recognised in texts of messages, too
  std::string name;                // that requests must give
  SamplerOptions sampling;         // where a request says nothing
  int32_t context = 0;             // positions per slot
  int64_t created = 0;             // seconds since 1970
  std::shared_ptr<constrain::GrammarCache> grammars =
      std::make_shared<constrain::GrammarCache>();
};

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_MODEL_CONTEXT_H
