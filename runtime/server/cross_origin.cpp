//===- cross_origin.cpp - Which web pages may use the server --------------===//

#include "runtime/server/cross_origin.h"

using namespace gemcut;

std::string_view server::getHostName(std::string_view host) {
  size_t bracket = host.rfind(']');
  size_t colon = host.rfind(':');
  if (colon != host.npos && (bracket == host.npos || colon > bracket))
    host = host.substr(0, colon);
  return host;
}

bool server::isLocalName(std::string_view name) {
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

bool server::isOriginAllowed(std::string_view origin,
                             const std::vector<std::string> &allowed,
                             bool allowsLocal) {
  if (origin.empty())
    return false;
  for (const std::string &entry : allowed)
    if (entry == "*" || entry == origin)
      return true;
  if (!allowsLocal)
    return false;
  for (std::string_view scheme : {"http://", "https://"})
    if (origin.substr(0, scheme.size()) == scheme)
      return isLocalName(getHostName(origin.substr(scheme.size())));
  return false;
}

std::string server::getOriginHeaders(std::string_view origin, bool isPreflight,
                                     std::string_view requestedHeaders) {
  std::string lines =
      "Access-Control-Allow-Origin: " + std::string(origin) + "\r\n";
  lines += "Vary: Origin\r\n";
  if (!isPreflight)
    return lines + "Access-Control-Expose-Headers: Retry-After\r\n";
  lines += "Access-Control-Allow-Methods: GET, POST\r\n";
  if (!requestedHeaders.empty())
    lines += "Access-Control-Allow-Headers: " + std::string(requestedHeaders) +
             "\r\n";
  // A public page that was allowed may reach into the private network.
  lines += "Access-Control-Allow-Private-Network: true\r\n";
  return lines + "Access-Control-Max-Age: 600\r\n";
}
