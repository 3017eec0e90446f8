//===- cross_origin.h - Which web pages may use the server ------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_CROSS_ORIGIN_H
#define GEMCUT_RUNTIME_SERVER_CROSS_ORIGIN_H

#include <string>
#include <string_view>
#include <vector>

namespace gemcut::server {

/// The name in a Host field or an authority, without its port.
std::string_view getHostName(std::string_view host);

/// Whether the name is this machine for itself: localhost, 127.0.0.1 or [::1].
bool isLocalName(std::string_view name);

/// Whether pages of `origin` (the field that browsers send) may read answers:
/// it is one of `allowed`, which may hold "*" for all, or a page that this
/// machine serves to itself, if `allowsLocal`.
bool isOriginAllowed(std::string_view origin,
                     const std::vector<std::string> &allowed, bool allowsLocal);

/// The header lines that tell a browser so. `requestedHeaders`: what a
/// preflight request asks to send; "" for other requests.
std::string getOriginHeaders(std::string_view origin, bool isPreflight,
                             std::string_view requestedHeaders);

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_CROSS_ORIGIN_H
