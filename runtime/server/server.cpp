//===- server.cpp - An HTTP server in front of a batch --------------------===//

#include "runtime/server/server.h"

#include "runtime/core/error.h"
#include "runtime/server/connection.h"

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstring>
#include <pthread.h>

using namespace gemcut;
using namespace gemcut::server;

/// Connections beyond those that are allowed that are told so. They are read
/// until they close, for a short time: what is left unread when a socket closes
/// becomes a reset, which may overtake the answer.
static constexpr size_t kMostRefused = 64;

struct Server::State {
  State(const ModelContext &context, const ServerOptions &options)
      : options(options), hub(context, this->options), acceptor(hub.io),
        signals(hub.io), grace(hub.io) {}
  ~State() { joinThreads(); }

  gemcut_status listen();
  void accept();
  void onAccepted(tcp::socket socket);
  void awaitSignal();
  void stop();
  void abort();
  gemcut_status startThreads();
  void joinThreads();

  ServerOptions options;
  Hub hub;
  tcp::acceptor acceptor;
  net::signal_set signals;
  net::steady_timer grace;
  pthread_t threads[2]; ///< of which `started` run
  int started = 0;
};

Server::Server() = default;
Server::~Server() = default;

static net::ip::address readAddress(const std::string &host,
                                    error_code &error) {
  if (host == "localhost")
    return net::ip::address_v4::loopback();
  return net::ip::make_address(host, error);
}

bool server::isAddress(const std::string &host) {
  error_code error;
  readAddress(host, error);
  return !error;
}

gemcut_status Server::State::listen() {
  error_code error;
  net::ip::address address = readAddress(options.host, error);
  if (error)
    return fail(GEMCUT_INVALID_ARGUMENT, "'%s' is no IP address",
                options.host.c_str());
  tcp::endpoint endpoint(address, static_cast<unsigned short>(options.port));
  acceptor.open(endpoint.protocol(), error);
  if (!error)
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error)
    acceptor.bind(endpoint, error);
  if (!error)
    acceptor.listen(net::socket_base::max_listen_connections, error);
  if (error)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot listen on %s port %d: %s",
                options.host.c_str(), options.port, error.message().c_str());
  return GEMCUT_OK;
}

void Server::State::accept() {
  acceptor.async_accept([this](error_code error, tcp::socket socket) {
    if (!acceptor.is_open())
      return;
    if (!error)
      onAccepted(std::move(socket));
    accept();
  });
}

void Server::State::onAccepted(tcp::socket socket) {
  size_t open = hub.connections.size();
  if (open >= options.connections + kMostRefused)
    return;
  auto connection = std::make_shared<Connection>(std::move(socket), hub);
  if (open < options.connections)
    return connection->start();
  HttpReply refused =
      makeReply(makeError(503, "The server has no room for another connection.",
                          "too_many_connections"));
  refused.headers = "Retry-After: 1\r\n";
  connection->refuse(refused);
}

void Server::State::awaitSignal() {
  signals.async_wait([this](error_code error, int) {
    if (error)
      return;
    if (hub.isStopping)
      return abort();
    stop();
    awaitSignal();
  });
}

/// Calls `method` of all connections, some of which end by it.
static void forConnections(Hub &hub, void (Connection::*method)()) {
  std::vector<std::shared_ptr<Connection>> all;
  for (Connection *connection : hub.connections)
    all.push_back(connection->shared_from_this());
  for (const std::shared_ptr<Connection> &connection : all)
    (connection.get()->*method)();
}

void Server::State::stop() {
  hub.isStopping = true;
  error_code ignored;
  acceptor.close(ignored);
  hub.batch.close(/*cancelAll=*/false);
  forConnections(hub, &Connection::stopWhenIdle);
  grace.expires_after(std::chrono::milliseconds(
      static_cast<int64_t>(options.graceSeconds * 1000)));
  grace.async_wait([this](error_code error) {
    if (!error)
      abort();
  });
}

void Server::State::abort() {
  hub.batch.close(/*cancelAll=*/true);
  forConnections(hub, &Connection::abort);
}

gemcut_status Server::open(Session &session, const ModelContext &context,
                           const ServerOptions &options) {
  state = std::make_unique<State>(context, options);
  if (gemcut_status status = state->hub.batch.open(session, options.batch))
    return status;
  return state->listen();
}

int Server::getPort() const {
  error_code error;
  return state->acceptor.local_endpoint(error).port();
}

static void *stepBatch(void *hub) {
  static_cast<Hub *>(hub)->batch.run();
  return nullptr;
}

/// So that the first request with a schema holds nobody up.
static void *prepareGrammars(void *hub) {
  const ModelContext &context = static_cast<Hub *>(hub)->context;
  context.grammars->prepare(*context.tokenizer, *context.model);
  return nullptr;
}

gemcut_status Server::State::startThreads() {
  for (auto work : {stepBatch, prepareGrammars}) {
    if (int error = pthread_create(&threads[started], nullptr, work, &hub))
      return fail(GEMCUT_SYSTEM_ERROR,
                  "cannot start thread %d of the server's 2: %s; give it more "
                  "memory or threads (ulimit -v, ulimit -u, or those of its "
                  "container)",
                  started + 1, strerror(error));
    ++started;
  }
  return GEMCUT_OK;
}

void Server::State::joinThreads() {
  hub.batch.close(/*cancelAll=*/true);
  while (started > 0)
    pthread_join(threads[--started], nullptr);
}

gemcut_status Server::start() {
  error_code ignored;
  state->signals.add(SIGINT, ignored);
  state->signals.add(SIGTERM, ignored);
  return state->startThreads();
}

void Server::run() {
  state->accept();
  state->awaitSignal();
  // Ends when the acceptor and all connections are closed; timers and signals
  // must not keep it.
  net::io_context &io = state->hub.io;
  while (!(state->hub.isStopping && state->hub.connections.empty()) &&
         io.run_one())
    ;
  state->joinThreads();
}

gemcut_status Server::pinPrefix(const BakedPrefix &prefix) {
  return state->hub.batch.pinPrefix(prefix);
}

uint64_t Server::getPinnedBytes() const {
  return state->hub.batch.getPinnedBytes();
}

gemcut_status Server::loadCache(const SessionFile &file) {
  return state->hub.batch.loadCache(file);
}

gemcut_status Server::saveCache(SessionWriter &writer) {
  return state->hub.batch.saveCache(writer);
}
