//===- generation_request.h - What a body asks to generate ------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_GENERATION_REQUEST_H
#define GEMCUT_RUNTIME_SERVER_GENERATION_REQUEST_H

#include "runtime/server/answer_form.h"
#include "runtime/server/api_error.h"
#include "runtime/server/fields.h"
#include "runtime/server/model_context.h"
#include "runtime/session/batch_request.h"

namespace gemcut::server {

/// Most answers to one prompt, and likeliest tokens at each of their places.
constexpr int kMostChoices = 16, kMostLogprobs = 20;

enum class Api { Chat, Completions, Responses };

/// A request of one of the three generating endpoints, checked and tokenized.
struct GenerationRequest {
  Api api = Api::Chat;
  std::vector<std::vector<int32_t>> prompts; // one, or more of completions
  BatchRequest common; // of every choice, without prompt and listener
  int choices = 1;     // per prompt ("n")
  bool stream = false;
  bool includeUsage = false; // in a stream
  bool echo = false;         // of completions: the prompt is part of the text
  std::vector<std::string> stops;
  bool startsInThought = false; // the prompt ends inside a thought
  bool mayCallTools = false;
  AnswerForm form;
  constrain::GrammarCache::Entry grammar; // that all answers follow
  bool parallelCalls = true;
  std::string echoedMembers; // of responses: members to repeat, JSON
};

/// Reads the body of an endpoint. With an error, the request is unusable.
ApiError readChatRequest(const text::Value &body, const ModelContext &context,
                         GenerationRequest &request);
ApiError readCompletionRequest(const text::Value &body,
                               const ModelContext &context,
                               GenerationRequest &request);
ApiError readResponsesRequest(const text::Value &body,
                              const ModelContext &context,
                              GenerationRequest &request);

// Parts that the readers share.

/// "model", "stream", temperature and its like, "seed", "stop" where there is
/// one, "logit_bias", penalties.
void readSampling(Fields &fields, const ModelContext &context,
                  GenerationRequest &request);
void readStops(Fields &fields, GenerationRequest &request);

/// How thinking was asked for: "reasoning_effort", "reasoning",
/// "chat_template_kwargs".
struct Thinking {
  bool isEnabled = false;
  bool isPreserved = false;
};

/// What the chat format makes of messages and tools (Undefined: none). Where no
/// tool may be called, the token that begins a call is forbidden.
void renderMessages(const text::Value &messages, const text::Value &tools,
                    const Thinking &thinking, const ModelContext &context,
                    GenerationRequest &request, ApiError &error);

/// Refuses prompts that leave no position for an answer.
void checkPromptLength(const ModelContext &context, const char *param,
                       GenerationRequest &request, ApiError &error);

/// Compiles `form`, for answers to the one prompt, or to all of completions.
void compileForm(const Thinking &thinking, const ModelContext &context,
                 GenerationRequest &request, ApiError &error);

/// "tool_choice": "auto", "none" (no tools are shown to the model), "required"
/// or a function. Gives the tools to show.
text::Value readToolChoice(Fields &fields, GenerationRequest &request);

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_GENERATION_REQUEST_H
