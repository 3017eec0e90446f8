//===- connection.cpp - One client's requests, one after the other --------===//

#include "runtime/server/connection.h"

#include "runtime/constrain/matcher_filter.h"
#include "runtime/server/cross_origin.h"

#include <boost/beast/http/read.hpp>

#include <algorithm>
#include <cmath>

using namespace gemcut;
using namespace gemcut::server;
namespace http = boost::beast::http;

/// Bytes of further requests that are taken while an answer is generated.
static constexpr size_t kMostPipelined = 16 << 10;
/// What a client may leave unread of a stream before it counts as gone.
static constexpr size_t kMostUnsent = 4 << 20;
/// How long a closed connection is read, so that its last answer arrives.
static constexpr double kLingerSeconds = 2;

Connection::Connection(tcp::socket what, Hub &owner)
    : socket(std::move(what)), hub(owner), timer(owner.io),
      generationTimer(owner.io),
      buffer(owner.options.headerBytes + kMostPipelined) {
  hub.connections.insert(this);
  hub.counters.connections = hub.connections.size();
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
}

Connection::~Connection() {
  cancelGeneration();
  hub.connections.erase(this);
  hub.counters.connections = hub.connections.size();
}

void Connection::arm(net::steady_timer &which, double seconds,
                     void (Connection::*onTimeout)()) {
  if (seconds <= 0) {
    which.cancel();
    return;
  }
  which.expires_after(
      std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
  std::weak_ptr<Connection> weak = weak_from_this();
  which.async_wait([weak, onTimeout](error_code error) {
    if (auto self = weak.lock(); self && !error)
      (self.get()->*onTimeout)();
  });
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

void Connection::readHeader() {
  parser.emplace();
  parser->header_limit(std::uint32_t(hub.options.headerBytes));
  parser->body_limit(hub.options.bodyBytes);
  isReading = false;
  bool hasBegun = buffer.size() > 0;
  arm(timer, hasBegun ? hub.options.receiveSeconds : hub.options.idleSeconds,
      &Connection::onReceiveTimeout);
  auto self = shared_from_this();
  if (hasBegun) {
    isReading = true;
    http::async_read_header(
        socket, buffer, *parser,
        [self](error_code error, size_t) { self->onHeader(error); });
    return;
  }
  socket.async_wait(tcp::socket::wait_read, [self](error_code error) {
    if (error)
      return self->close();
    self->isReading = true;
    self->arm(self->timer, self->hub.options.receiveSeconds,
              &Connection::onReceiveTimeout);
    http::async_read_header(
        self->socket, self->buffer, *self->parser,
        [self](error_code e, size_t) { self->onHeader(e); });
  });
}

/// Whether both have the same bytes, in a time that does not tell which differ.
static bool isSame(std::string_view a, std::string_view b) {
  unsigned difference = a.size() != b.size();
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

static std::string_view toView(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

bool Connection::listensLocally() const {
  error_code error;
  net::ip::address bound = net::ip::make_address(hub.options.host, error);
  return error || bound.is_loopback(); // else it is "localhost"
}

std::string Connection::makeOriginHeaders() const {
  if (!parser || !parser->is_header_done())
    return "";
  const auto &message = parser->get();
  std::string_view origin = toView(message[http::field::origin]);
  if (!isOriginAllowed(origin, hub.options.origins, listensLocally()))
    return "";
  return getOriginHeaders(
      origin, message.method() == http::verb::options,
      toView(message[http::field::access_control_request_headers]));
}

ApiError Connection::checkHeader() const {
  const auto &message = parser->get();
  const ServerOptions &options = hub.options;
  if (message.version() >= 11 && message.count(http::field::host) != 1)
    return makeError(400, "The request must have one Host field.",
                     "invalid_request");
  // A web page may resolve its own name to this machine; without a key nothing
  // else would keep it out.
  std::string_view name = getHostName(toView(message[http::field::host]));
  if (listensLocally() && !name.empty() && name != options.host &&
      !isLocalName(name))
    return makeError(403,
                     "The Host is '" + std::string(name) +
                         "', but this server listens on " + options.host +
                         " only; start it with --host to be reached by others.",
                     "forbidden_host");
  std::string_view target = toView(message.target());
  target = target.substr(0, target.find('?'));
  // Browsers ask without the key whether a page may send it.
  bool isQuestion = message.method() == http::verb::options;
  if (options.keys.empty() || target == "/health" || target == "/" ||
      isQuestion)
    return ApiError();
  std::string_view given = toView(message[http::field::authorization]);
  static constexpr std::string_view kScheme = "Bearer ";
  bool isKnown = false;
  if (given.substr(0, kScheme.size()) == kScheme)
    for (const std::string &key : options.keys)
      isKnown |= isSame(given.substr(kScheme.size()), key);
  if (isKnown)
    return ApiError();
  return makeError(401,
                   given.empty() ? "This server needs an API key: send "
                                   "Authorization: Bearer KEY."
                                 : "The API key is not one of this server's.",
                   "invalid_api_key");
}

void Connection::onHeader(error_code error) {
  if (isTimedOut || isClosed)
    return;
  if (error)
    return onBadRequest(error);
  const auto &message = parser->get();
  keepsAlive = message.keep_alive();
  isHead = message.method() == http::verb::head;
  isChunked = message.version() >= 11;
  if (ApiError refused = checkHeader()) {
    keepsAlive = keepsAlive && parser->is_done();
    return reply(makeReply(refused));
  }
  bool waits =
      message.version() >= 11 &&
      boost::beast::iequals(message[http::field::expect], "100-continue");
  if (!waits)
    return readBody();
  inFlight = "HTTP/1.1 100 Continue\r\n\r\n";
  auto self = shared_from_this();
  net::async_write(socket, net::buffer(inFlight), [self](error_code e, size_t) {
    if (self->isClosed)
      return;
    self->inFlight.clear();
    e ? self->close() : self->readBody();
  });
}

void Connection::readBody() {
  auto self = shared_from_this();
  http::async_read(socket, buffer, *parser,
                   [self](error_code error, size_t) { self->onBody(error); });
}

void Connection::onBody(error_code error) {
  if (isTimedOut || isClosed)
    return;
  if (error)
    return onBadRequest(error);
  answer();
}

void Connection::onBadRequest(error_code error) {
  keepsAlive = false;
  const ServerOptions &options = hub.options;
  if (error == http::error::header_limit ||
      error == http::error::buffer_overflow)
    return reply(
        makeReply(makeError(431,
                            "The request's header has more than " +
                                std::to_string(options.headerBytes) + " bytes.",
                            "header_too_large")));
  if (error == http::error::body_limit)
    return reply(
        makeReply(makeError(413,
                            "The request's body has more than " +
                                std::to_string(options.bodyBytes) + " bytes.",
                            "body_too_large")));
  if (error.category() !=
          make_error_code(http::error::end_of_stream).category() ||
      error == http::error::end_of_stream ||
      error == http::error::partial_message)
    return close(); // the client went away
  reply(makeReply(
      makeError(400, "The request is not valid HTTP: " + error.message() + ".",
                "invalid_http")));
}

void Connection::onReceiveTimeout() {
  // No answer goes out behind bytes that the client does not take.
  if (!isReading || !inFlight.empty())
    return close();
  isTimedOut = true;
  keepsAlive = false;
  reply(makeReply(makeError(408, "The request did not arrive in time.",
                            "request_timeout")));
}

//===----------------------------------------------------------------------===//
// Answering
//===----------------------------------------------------------------------===//

void Connection::answer() {
  const auto &message = parser->get();
  HttpRequest request;
  request.method = std::string(toView(message.method_string()));
  std::string_view target = toView(message.target());
  request.path = std::string(target.substr(0, target.find('?')));
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
  header += makeOriginHeaders();
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

//===----------------------------------------------------------------------===//
// Between requests
//===----------------------------------------------------------------------===//

void Connection::watch() {
  if (isWatching || isClosed || buffer.size() >= kMostPipelined)
    return;
  isWatching = true;
  auto self = shared_from_this();
  socket.async_read_some(buffer.prepare(1024),
                         [self](error_code error, size_t bytes) {
                           self->onWatched(error, bytes);
                         });
}

void Connection::onWatched(error_code error, size_t bytes) {
  isWatching = false;
  if (isClosed)
    return;
  buffer.commit(bytes);
  if (isLingering)
    buffer.consume(buffer.size());
  if (isAnswered && inFlight.empty() && outgoing.empty())
    return next();
  if (error && error != net::error::operation_aborted)
    return close(); // the client is gone, whatever was to be said
  if (!isAnswered)
    watch();
}

void Connection::next() {
  if (isWatching) { // its handler comes back here
    error_code ignored;
    socket.cancel(ignored);
    return;
  }
  isAnswered = false;
  if (isTimedOut) // a read is still under way
    return close();
  if (!keepsAlive || hub.isStopping)
    return linger();
  readHeader();
}

void Connection::linger() {
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  isReading = false;
  isLingering = true;
  arm(timer, kLingerSeconds, &Connection::close);
  buffer.consume(buffer.size());
  watch();
}

void Connection::stopWhenIdle() {
  if (!isReading && !generation && !isAnswered)
    close();
}

void Connection::close() {
  if (isClosed)
    return;
  isClosed = true;
  cancelGeneration();
  timer.cancel();
  generationTimer.cancel();
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_both, ignored);
  socket.close(ignored);
}
