//===- connection.h - One client's requests, one after the other -*- C++-*-===//
#ifndef GEMCUT_RUNTIME_SERVER_CONNECTION_H
#define GEMCUT_RUNTIME_SERVER_CONNECTION_H

#include "runtime/server/answer_format.h"
#include "runtime/server/asio.h"
#include "runtime/server/options.h"
#include "runtime/server/routes.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <set>

namespace gemcut::server {

class Connection;

/// What connections share. Used by the thread that serves them alone.
struct Hub {
  Hub(const ModelContext &context, const ServerOptions &options)
      : context(context), options(options) {}

  const ModelContext &context;
  const ServerOptions &options;
  net::io_context io{1};
  Batch batch;
  ServerCounters counters;
  std::set<Connection *> connections;
  bool isStopping = false;
};

/// Reads requests and writes answers. A client that sends or takes too slowly,
/// or goes away, loses its connection, and its generation ends. Lives as long
/// as an operation on its socket does.
class Connection : public std::enable_shared_from_this<Connection> {
public:
  Connection(tcp::socket socket, Hub &hub);
  ~Connection();

  void start() { readHeader(); }
  /// Answers whatever the client sends with this, and closes.
  void refuse(const HttpReply &reason) { reply(reason); }
  /// Closes now if no request has arrived, otherwise behind its answer.
  void stopWhenIdle();
  /// Ends whatever runs.
  void abort() { close(); }

private:
  using Parser =
      boost::beast::http::request_parser<boost::beast::http::string_body>;

  /// An answer that is being generated.
  struct Generation {
    std::unique_ptr<GenerationRequest> request;
    std::unique_ptr<AnswerFormat> format;
    std::shared_ptr<Job> job;
    uint64_t firstTicket = 0;
  };

  void readHeader();
  void onHeader(error_code error);
  void readBody();
  void onBody(error_code error);
  /// Answers what no parser could read.
  void onBadRequest(error_code error);

  // connection_answer.cpp
  void answer();
  void startGeneration(std::unique_ptr<GenerationRequest> request);
  void onEvents();
  void finishGeneration(std::string streamed);
  void cancelGeneration();
  void onGenerationTimeout();

  void reply(const HttpReply &reply);
  std::string makeHeader(int status, const std::string &contentType,
                         const std::string &more) const;
  /// Appends a part of a streamed body.
  void sendChunk(const std::string &data);
  void send(std::string bytes);
  void onSent(error_code error);

  /// Notices that the client closes while its answer is generated.
  void watch();
  void onWatched(error_code error, size_t bytes);
  /// What follows when the answer is out.
  void next();
  void linger();
  void close();

  /// Closes, or calls `onTimeout`, unless armed again in time; 0: never.
  void arm(net::steady_timer &timer, double seconds,
           void (Connection::*onTimeout)());
  void onReceiveTimeout();

  tcp::socket socket;
  Hub &hub;
  net::steady_timer timer;           // for receiving, or for sending
  net::steady_timer generationTimer; // for the whole answer
  boost::beast::flat_buffer buffer;
  std::optional<Parser> parser;
  std::optional<Generation> generation;
  std::string outgoing, inFlight;
  bool keepsAlive = false, isChunked = false, isHead = false;
  bool isReading = false;  // a request's header or body
  bool isTimedOut = false; // while it was read
  bool isWatching = false, isAnswered = false;
  bool isLingering = false; // what arrives is dropped until the client closes
  bool isClosed = false;
};

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_CONNECTION_H
