//===- options.h - What a server is started with ----------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_OPTIONS_H
#define GEMCUT_RUNTIME_SERVER_OPTIONS_H

#include "runtime/session/batch.h"

#include <string>
#include <vector>

namespace gemcut::server {

struct ServerOptions {
  std::string host = "127.0.0.1"; // an address of this machine
  int port = 8080;                // 0: any free one
  std::vector<std::string> keys;  // one of which requests must show; none: all
  /// Of web pages that may use the server beside its own, as browsers write
  /// them ("https://chat.example.org"); "*": all. Those of this machine may
  /// where the server listens for this machine only.
  std::vector<std::string> origins;
  BatchOptions batch;

  // Bounds on what a client may cost.
  size_t headerBytes = 16 << 10; // of a request's line and header
  uint64_t bodyBytes = 16 << 20; // of a request's body
  size_t connections = 256;      // open at once; further ones get 503
  double receiveSeconds = 30;    // for a whole request
  double idleSeconds = 60;       // between two requests
  double sendSeconds = 30;       // for what is sent at a time
  double requestSeconds = 600;   // from a request to the end of its answer
  double graceSeconds = 30;      // for running answers at shutdown
};

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_OPTIONS_H
