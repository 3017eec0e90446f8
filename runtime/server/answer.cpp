//===- answer.cpp - From tokens to parts of answers -----------------------===//

#include "runtime/server/answer.h"

using namespace gemcut;
using namespace gemcut::server;

void Job::push(AnswerEvent event) {
  bool wasEmpty;
  {
    std::lock_guard<std::mutex> lock(mutex);
    wasEmpty = events.empty();
    events.push_back(std::move(event));
  }
  if (wasEmpty)
    wake();
}

std::vector<AnswerEvent> Job::take() {
  std::lock_guard<std::mutex> lock(mutex);
  return std::move(events);
}

Answer::Answer(const text::Tokenizer &tokenizer,
               const GenerationRequest &request, std::shared_ptr<Job> holder,
               size_t number)
    : job(std::move(holder)), index(number),
      isRaw(request.api == Api::Completions),
      reportsLogprobs(request.common.logprobs >= 0),
      parallelCalls(request.parallelCalls),
      ignoresEnd(request.common.ignoreStop),
      parser(tokenizer, request.startsInThought),
      decoder(tokenizer, /*showSpecial=*/false), stops(request.stops) {}

bool Answer::onToken(const BatchToken &token) {
  if (isRaw) {
    if (reportsLogprobs)
      pending.push_back(token);
    std::string text;
    decoder.feed(token.id, text);
    onContent(text);
    return !wasStopFound;
  }
  bool wasThought = parser.inThought();
  size_t calls = parser.toolCallCount();
  // What starts or ends a thought or a call is no content either.
  if (reportsLogprobs && !wasThought && !parser.inToolCall())
    pending.push_back(token);
  parser.feed(token.id, *this);
  if (parser.inThought() || wasThought)
    ++thoughtTokens;
  if (parser.inThought() || parser.inToolCall())
    pending.clear();
  bool isEnough = !parallelCalls && parser.toolCallCount() > calls;
  wasStopFound |= isEnough;
  return !wasStopFound && (ignoresEnd || !parser.ended());
}

void Answer::onThought(std::string_view text) {
  AnswerEvent event = {};
  event.kind = AnswerEvent::Thought;
  event.index = index;
  event.text = text;
  job->push(std::move(event));
}

void Answer::onContent(std::string_view text) {
  std::string ready;
  if (stops.feed(text, ready))
    wasStopFound = true;
  emitContent(std::move(ready));
}

void Answer::emitContent(std::string text) {
  if (text.empty())
    return;
  AnswerEvent event = {};
  event.kind = AnswerEvent::Content;
  event.index = index;
  event.text = std::move(text);
  event.logprobs = std::move(pending);
  pending.clear();
  job->push(std::move(event));
}

void Answer::onToolCall(std::string_view name, std::string_view arguments,
                        std::string_view) {
  AnswerEvent event = {};
  event.kind = AnswerEvent::ToolCall;
  event.index = index;
  event.name = name;
  event.arguments = arguments;
  job->push(std::move(event));
}

void Answer::onEnd(const BatchResult &result) {
  std::string rest;
  if (!wasStopFound) {
    if (isRaw) {
      std::string last;
      decoder.flush(last);
      onContent(last);
    } else {
      parser.finish(*this);
    }
  }
  if (!wasStopFound)
    stops.finish(rest);
  emitContent(std::move(rest));
  AnswerEvent event = {};
  event.kind = AnswerEvent::End;
  event.index = index;
  event.result = result;
  event.wasStopped = result.reason == BatchStop::StopId ||
                     result.reason == BatchStop::Listener;
  event.thoughtTokens = thoughtTokens;
  job->push(std::move(event));
}
