//===- connection_answer.cpp - What a connection writes -------------------===//

#include "runtime/server/connection.h"

#include "runtime/constrain/matcher_filter.h"
#include "runtime/server/request_header.h"

#include <algorithm>
#include <cmath>

using namespace gemcut;
using namespace gemcut::server;
namespace http = boost::beast::http;

/// What a client may leave unread of a stream before it counts as gone.
static constexpr size_t kMostUnsent = 4 << 20;

void Connection::answer() {
  const auto &message = parser->get();
  HttpRequest request;
  request.method = std::string(toView(message.method_string()));
  request.path = std::string(parseTarget(toView(message.target())).path);
  request.contentType = std::string(toView(message[http::field::content_type]));
  request.contentEncoding =
      std::string(toView(message[http::field::content_encoding]));
  request.body = std::move(parser->get().body());
  HttpReply result = route(request, hub.context, hub.batch, hub.counters);
  if (result.generation)
    startGeneration(std::move(result.generation));
  else
    reply(result);
}

/// Seconds until a place in the queue may be free.
static int estimateWait(const BatchCounters &counters) {
  uint64_t ended = counters.completed + counters.cancelled + counters.failed;
  double mean = ended ? counters.requestSeconds / double(ended) : 1;
  double wait = mean / double(std::max<size_t>(counters.slots, 1));
  return int(std::min(std::max(std::ceil(wait), 1.0), 60.0));
}

void Connection::startGeneration(std::unique_ptr<GenerationRequest> request) {
  std::weak_ptr<Connection> weak = weak_from_this();
  auto wake = [weak, &io = hub.io] {
    net::post(io, [weak] {
      if (auto self = weak.lock())
        self->onEvents();
    });
  };
  auto job = std::make_shared<Job>(wake);
  std::vector<BatchRequest> requests;
  for (const std::vector<int32_t> &prompt : request->prompts)
    for (int i = 0; i < request->choices; ++i) {
      requests.push_back(request->common);
      BatchRequest &last = requests.back();
      last.prompt = prompt;
      // Each choice of a seed has random numbers of its own.
      last.sampling.seed += uint64_t(i);
      if (request->grammar.grammar)
        last.filter = std::make_shared<constrain::MatcherFilter>(
            request->grammar.vocabulary, request->grammar.grammar);
      last.listener = std::make_shared<Answer>(*hub.context.tokenizer, *request,
                                               job, requests.size() - 1);
    }
  uint64_t firstTicket = 0;
  Batch::Admission admission =
      hub.batch.submit(std::move(requests), firstTicket);
  if (admission == Batch::Admission::Closed)
    return reply(makeReply(
        makeError(503, "The server is shutting down.", "shutting_down")));
  if (admission == Batch::Admission::QueueFull) {
    HttpReply refused = makeReply(makeError(
        429, "All slots and places in the queue are taken.", "queue_full"));
    refused.headers = "Retry-After: " +
                      std::to_string(estimateWait(hub.batch.getCounters())) +
                      "\r\n";
    return reply(refused);
  }
  generation.emplace();
  generation->request = std::move(request);
  generation->format = makeFormat(*generation->request, hub.context);
  generation->job = std::move(job);
  generation->firstTicket = firstTicket;
  arm(timer, 0, nullptr);
  arm(generationTimer, hub.options.requestSeconds,
      &Connection::onGenerationTimeout);
  isReading = false;
  if (generation->request->stream) {
    keepsAlive &= isChunked; // else the body ends with the connection
    ++hub.counters.replies[200];
    send(makeHeader(200, "text/event-stream; charset=utf-8",
                    std::string("Cache-Control: no-cache\r\n") +
                        (isChunked ? "Transfer-Encoding: chunked\r\n" : "")));
    std::string begin;
    generation->format->begin(begin);
    sendChunk(begin);
  }
  watch();
}

void Connection::onEvents() {
  if (!generation || isClosed)
    return;
  std::string out;
  for (const AnswerEvent &event : generation->job->take())
    generation->format->add(event, out);
  if (generation->format->isOver())
    return finishGeneration(std::move(out));
  if (generation->request->stream)
    sendChunk(out);
}

/// An error of the generation itself: the request asked for too much, or the
/// model is broken.
static ApiError describeFailure(const std::string &message) {
  return makeError(500, "The answer could not be generated: " + message + ".",
                   "generation_failed");
}

void Connection::finishGeneration(std::string streamed) {
  Generation done = std::move(*generation);
  generation.reset();
  arm(generationTimer, 0, nullptr);
  const std::string &failure = done.format->getFailure();
  if (!done.request->stream) {
    HttpReply whole;
    if (failure.empty())
      whole.body = done.format->getWhole();
    else
      whole = makeReply(describeFailure(failure));
    return reply(whole);
  }
  if (failure.empty())
    done.format->end(streamed);
  else
    appendEvent(streamed, describeFailure(failure).toJson());
  isAnswered = true;
  sendChunk(streamed);
  send(isChunked ? "0\r\n\r\n" : "");
}

void Connection::cancelGeneration() {
  if (!generation)
    return;
  size_t count = generation->request->prompts.size() *
                 size_t(generation->request->choices);
  for (size_t i = 0; i < count; ++i)
    hub.batch.cancel(generation->firstTicket + i);
  generation.reset();
}

void Connection::onGenerationTimeout() {
  if (!generation)
    return;
  bool isStream = generation->request->stream;
  cancelGeneration();
  char limit[32];
  snprintf(limit, sizeof(limit), "%g", hub.options.requestSeconds);
  ApiError error = makeError(
      504, "The answer took more than " + std::string(limit) + " seconds.",
      "generation_timeout");
  keepsAlive = false;
  if (!isStream)
    return reply(makeReply(error));
  isAnswered = true;
  std::string last;
  appendEvent(last, error.toJson());
  sendChunk(last);
  send(isChunked ? "0\r\n\r\n" : "");
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

std::string Connection::makeHeader(int status, const std::string &contentType,
                                   const std::string &more) const {
  std::string header = "HTTP/1.1 " + std::to_string(status) + " ";
  auto reason = http::obsolete_reason(http::int_to_status(unsigned(status)));
  header.append(reason.data(), reason.size());
  header += "\r\nServer: gemcut\r\n";
  if (!contentType.empty())
    header += "Content-Type: " + contentType + "\r\n";
  header += "X-Content-Type-Options: nosniff\r\n";
  if (parser && parser->is_header_done())
    header += makeOriginHeaders(parser->get(), hub.options);
  header += more;
  bool closes = !keepsAlive || hub.isStopping;
  header += closes      ? "Connection: close\r\n\r\n"
            : isChunked ? "\r\n" // 1.1: alive unless said otherwise
                        : "Connection: keep-alive\r\n\r\n";
  return header;
}

void Connection::reply(const HttpReply &result) {
  ++hub.counters.replies[result.status];
  isAnswered = true;
  isReading = false;
  std::string headers = result.headers;
  if (result.status != 204) // which has no body
    headers += "Content-Length: " + std::to_string(result.body.size()) + "\r\n";
  std::string bytes = makeHeader(result.status, result.contentType, headers);
  if (!isHead)
    bytes += result.body;
  send(std::move(bytes));
}

void Connection::sendChunk(const std::string &data) {
  if (data.empty())
    return;
  if (!isChunked)
    return send(data);
  char size[24];
  snprintf(size, sizeof(size), "%zx\r\n", data.size());
  send(size + data + "\r\n");
}

void Connection::send(std::string bytes) {
  if (isClosed)
    return;
  outgoing += bytes;
  if (outgoing.size() > kMostUnsent && generation)
    return close();
  if (!inFlight.empty())
    return;
  onSent(error_code());
}

void Connection::onSent(error_code error) {
  inFlight.clear();
  if (isClosed)
    return;
  if (error)
    return close();
  if (outgoing.empty()) {
    arm(timer, 0, nullptr);
    if (isAnswered)
      next();
    return;
  }
  inFlight.swap(outgoing);
  arm(timer, hub.options.sendSeconds, &Connection::close);
  auto self = shared_from_this();
  net::async_write(socket, net::buffer(inFlight),
                   [self](error_code e, size_t) { self->onSent(e); });
}
