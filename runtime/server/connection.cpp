//===- connection.cpp - One client's requests, one after the other --------===//

#include "runtime/server/connection.h"

#include "runtime/server/request_header.h"

#include <boost/beast/http/read.hpp>

using namespace gemcut;
using namespace gemcut::server;
namespace http = boost::beast::http;

/// Bytes of further requests that are taken while an answer is generated.
static constexpr size_t kMostPipelined = 16 << 10;
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

void Connection::onHeader(error_code error) {
  if (isTimedOut || isClosed)
    return;
  if (error)
    return onBadRequest(error);
  const auto &message = parser->get();
  keepsAlive = message.keep_alive();
  isHead = message.method() == http::verb::head;
  isChunked = message.version() >= 11;
  if (ApiError refused = checkHeader(message, hub.options)) {
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
