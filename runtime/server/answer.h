//===- answer.h - From tokens to parts of answers ---------------*- C++ -*-===//
//
// An Answer turns the tokens of one request of the batch into events, on the
// batch's thread; a Job hands the events of all answers of an HTTP request to
// the thread that writes them.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SERVER_ANSWER_H
#define GEMCUT_RUNTIME_SERVER_ANSWER_H

#include "runtime/server/generation_request.h"
#include "runtime/text/output_parser.h"
#include "runtime/text/stop_strings.h"

#include <functional>
#include <mutex>

namespace gemcut::server {

/// A part of answer `index`.
struct AnswerEvent {
  enum Kind { Thought, Content, ToolCall, End };
  Kind kind;
  size_t index;
  std::string text;                 // of Thought and Content: whole characters
  std::string name, arguments;      // of ToolCall; arguments are a JSON object
  std::vector<BatchToken> logprobs; // of Content, if they were asked for
  // Of End:
  BatchResult result;
  bool wasStopped = false; // by the model or a stop string
  size_t thoughtTokens = 0;
};

/// What waits between the batch's thread and the one that writes.
class Job {
public:
  /// `wake` is called by the batch's thread when there is something to take
  /// after there was nothing.
  explicit Job(std::function<void()> wake) : wake(std::move(wake)) {}

  void push(AnswerEvent event);
  std::vector<AnswerEvent> take();

private:
  std::function<void()> wake;
  std::mutex mutex;
  std::vector<AnswerEvent> events;
};

/// The listener of one request of the batch.
class Answer final : public BatchListener, text::OutputSink {
public:
  Answer(const text::Tokenizer &tokenizer, const GenerationRequest &request,
         std::shared_ptr<Job> job, size_t index);

  bool onToken(const BatchToken &token) override;
  void onEnd(const BatchResult &result) override;

private:
  void onThought(std::string_view text) override;
  void onContent(std::string_view text) override;
  void onToolCall(std::string_view name, std::string_view arguments,
                  std::string_view written) override;
  void emitContent(std::string text);

  std::shared_ptr<Job> job;
  size_t index;
  bool isRaw, reportsLogprobs, parallelCalls, ignoresEnd;
  text::OutputParser parser;
  text::StreamDecoder decoder; // of raw text
  text::StopStrings stops;
  bool wasStopFound = false;
  size_t thoughtTokens = 0;
  std::vector<BatchToken> pending; // whose text was not emitted yet
};

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_ANSWER_H
