//===- server.h - An HTTP server in front of a batch ------------*- C++ -*-===//
//
// Two threads: one steps the batch, the other serves all connections. Clients
// wait for tokens, not for each other's sockets.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SERVER_SERVER_H
#define GEMCUT_RUNTIME_SERVER_SERVER_H

#include "runtime/server/model_context.h"
#include "runtime/server/options.h"
#include "runtime/session/baked_prefix.h"
#include "runtime/session/session.h"
#include "runtime/session/session_file.h"

#include <memory>

namespace gemcut::server {

/// Whether --host may be this: an IP address, or localhost.
bool isAddress(const std::string &host);

class Server {
public:
  Server();
  ~Server();

  /// Listens; answers nothing yet. `session` and `context` must outlive the
  /// server, which alone uses the session. GEMCUT_SYSTEM_ERROR: the address is
  /// not one of this machine, or the port is taken.
  [[nodiscard]] gemcut_status open(Session &session,
                                   const ModelContext &context,
                                   const ServerOptions &options);
  int getPort() const;

  /// Starts the threads, after `open`, and takes SIGTERM and SIGINT from now
  /// on. GEMCUT_SYSTEM_ERROR: the limits of memory or threads leave no room.
  [[nodiscard]] gemcut_status start();

  /// Serves until SIGTERM or SIGINT; then answers what is running, for at most
  /// the time that the options give. A second signal ends at once. After
  /// `start`.
  void run();

  /// Keeps a baked prefix for as long as the server lives; before `start`. What
  /// is present needs a state to be of use.
  [[nodiscard]] gemcut_status pinPrefix(const BakedPrefix &prefix);

  /// Bytes of what pinPrefix keeps.
  uint64_t getPinnedBytes() const;

  /// The prefix cache from and to a file; not between `start` and the
  /// end of `run`.
  [[nodiscard]] gemcut_status loadCache(const SessionFile &file);
  [[nodiscard]] gemcut_status saveCache(SessionWriter &writer);

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_SERVER_H
