//===- request_header.cpp - Who may ask for what --------------------------===//

#include "runtime/server/request_header.h"

#include "runtime/server/asio.h"
#include "runtime/server/cross_origin.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::server;
namespace http = boost::beast::http;

static boost::beast::string_view toBoost(std::string_view text) {
  return {text.data(), text.size()};
}

RequestTarget server::parseTarget(std::string_view target) {
  RequestTarget result;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!boost::beast::iequals(toBoost(target.substr(0, scheme.size())),
                               toBoost(scheme)))
      continue;
    target.remove_prefix(scheme.size());
    size_t end = std::min(target.find_first_of("/?"), target.size());
    result.authority = target.substr(0, end);
    target.remove_prefix(end);
    break;
  }
  result.path = target.substr(0, target.find('?'));
  if (result.path.empty())
    result.path = "/";
  return result;
}

/// Whether both have the same bytes, in a time that does not tell which differ.
static bool isSame(std::string_view a, std::string_view b) {
  unsigned difference = a.size() != b.size();
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

static bool listensLocally(const ServerOptions &options) {
  error_code error;
  net::ip::address bound = net::ip::make_address(options.host, error);
  return error || bound.is_loopback(); // else it is "localhost"
}

std::string server::makeOriginHeaders(const RequestHeader &header,
                                      const ServerOptions &options) {
  std::string_view origin = toView(header[http::field::origin]);
  if (!isOriginAllowed(origin, options.origins, listensLocally(options)))
    return "";
  return getOriginHeaders(
      origin, header.method() == http::verb::options,
      toView(header[http::field::access_control_request_headers]));
}

ApiError server::checkHeader(const RequestHeader &message,
                             const ServerOptions &options) {
  if (message.version() >= 11 && message.count(http::field::host) != 1)
    return makeError(400, "The request must have one Host field.",
                     "invalid_request");
  // A web page may resolve its own name to this machine; without a key nothing
  // else would keep it out.
  RequestTarget target = parseTarget(toView(message.target()));
  if (listensLocally(options))
    for (std::string_view host :
         {target.authority, toView(message[http::field::host])}) {
      std::string_view name = getHostName(host);
      if (!name.empty() && name != options.host && !isLocalName(name))
        return makeError(
            403,
            "The Host is '" + std::string(name) +
                "', but this server listens on " + options.host +
                " only; start it with --host to be reached by others.",
            "forbidden_host");
    }
  // Browsers ask without the key whether a page may send it.
  bool isQuestion = message.method() == http::verb::options;
  if (options.keys.empty() || target.path == "/health" || target.path == "/" ||
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
