//===- request_header.h - Who may ask for what ------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_REQUEST_HEADER_H
#define GEMCUT_RUNTIME_SERVER_REQUEST_HEADER_H

#include "runtime/server/api_error.h"
#include "runtime/server/options.h"

#include <boost/beast/http/message.hpp>

#include <string_view>

namespace gemcut::server {

using RequestHeader = boost::beast::http::request_header<>;

inline std::string_view toView(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

/// What a request asks for, without its query: "/health". The "absolute form"
/// (RFC 9112, section 3.2.2), as in "http://localhost:8080/health", also says
/// of which host.
struct RequestTarget {
  std::string_view authority, path;
};
RequestTarget parseTarget(std::string_view target);

/// Refuses requests without a Host or, where the server listens for this
/// machine alone, with that of another one; and those without a key.
ApiError checkHeader(const RequestHeader &header, const ServerOptions &options);

/// The lines that tell the page that sent the request what it may do; ""
/// without a page, or for one that may do nothing.
std::string makeOriginHeaders(const RequestHeader &header,
                              const ServerOptions &options);

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_REQUEST_HEADER_H
