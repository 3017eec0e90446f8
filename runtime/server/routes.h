//===- routes.h - From paths to answers -------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_ROUTES_H
#define GEMCUT_RUNTIME_SERVER_ROUTES_H

#include "runtime/server/generation_request.h"
#include "runtime/session/batch.h"

#include <map>
#include <memory>

namespace gemcut::server {

/// A request as the routes see it.
struct HttpRequest {
  std::string method, path;                 // the path without its query
  std::string contentType, contentEncoding; // "" if there is none
  std::string body;
};

/// A whole answer, or what to generate one from.
struct HttpReply {
  int status = 200;
  std::string contentType = "application/json"; // "": no body
  std::string body;
  std::string headers; // further lines, each ending in \r\n
  std::unique_ptr<GenerationRequest> generation; // null: the answer is whole
};

/// What the routes report about the server itself.
struct ServerCounters {
  size_t connections = 0;
  std::map<int, uint64_t> replies; // by status
};

HttpReply makeReply(const ApiError &error);

/// Answers everything but the generating endpoints, whose bodies it reads.
HttpReply route(const HttpRequest &request, const ModelContext &context,
                const Batch &batch, const ServerCounters &counters);

/// The text format of Prometheus, version 0.0.4.
std::string writeMetrics(const BatchCounters &batch,
                         const ServerCounters &counters);

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_ROUTES_H
