//===- answer_format.h - Answers as the endpoints write them ----*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_ANSWER_FORMAT_H
#define GEMCUT_RUNTIME_SERVER_ANSWER_FORMAT_H

#include "runtime/server/answer.h"
#include "runtime/server/json_text.h"

namespace gemcut::server {

/// What is known of one answer so far.
struct AnswerState {
  struct Call {
    std::string id, name, arguments;
  };
  std::string thought, content;
  std::vector<Call> calls;
  std::vector<BatchToken> logprobs;
  bool isOver = false, wasStopped = false;
  BatchResult result;
  size_t thoughtTokens = 0;

  /// "stop", "length" or "tool_calls".
  const char *getFinishReason() const;
};

/// Writes the answers of one request, whole or as server-sent events.
class AnswerFormat {
public:
  AnswerFormat(const GenerationRequest &request, const ModelContext &context);
  virtual ~AnswerFormat() = default;

  /// Takes an event into account; with a stream, appends what is to be sent.
  void add(const AnswerEvent &event, std::string &out);
  bool isOver() const { return open == 0; }
  /// Why an answer failed, or "".
  const std::string &getFailure() const { return failure; }

  /// What a stream begins with, and how it ends.
  virtual void begin(std::string &out) = 0;
  virtual void end(std::string &out) = 0;
  /// The body of a whole answer.
  virtual std::string getWhole() = 0;

protected:
  /// The event was added to `state` already.
  virtual void stream(const AnswerEvent &event, AnswerState &state,
                      std::string &out) = 0;
  /// Usage of all answers; a prompt counts once.
  void addUsage(JsonText &json) const;
  std::string getTokenText(int32_t id) const;
  /// An array of {"token", "logprob", "bytes", "top_logprobs"}.
  void addTokenLogprobs(JsonText &json,
                        const std::vector<BatchToken> &tokens) const;

  const GenerationRequest &request;
  const ModelContext &context;
  std::vector<AnswerState> answers;
  std::string id;
  int64_t created;

private:
  void addTokenLogprob(JsonText &json, const TokenLogprob &token) const;

  size_t open; // answers that are not over
  std::string failure;
};

std::unique_ptr<AnswerFormat> makeFormat(const GenerationRequest &request,
                                         const ModelContext &context);
std::unique_ptr<AnswerFormat> makeChatFormat(const GenerationRequest &request,
                                             const ModelContext &context);
std::unique_ptr<AnswerFormat>
makeCompletionFormat(const GenerationRequest &request,
                     const ModelContext &context);
std::unique_ptr<AnswerFormat>
makeResponsesFormat(const GenerationRequest &request,
                    const ModelContext &context);

/// "chatcmpl-" and 24 random digits.
std::string makeId(const char *prefix);

/// Appends `data: JSON` and an empty line.
void appendEvent(std::string &out, std::string_view json);

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_ANSWER_FORMAT_H
