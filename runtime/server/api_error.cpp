//===- api_error.cpp - Errors in OpenAI's form ----------------------------===//

#include "runtime/server/api_error.h"

#include "runtime/server/json_text.h"

using namespace gemcut::server;

std::string ApiError::toJson() const {
  JsonText json;
  json.beginObject().key("error").beginObject();
  json.member("message", message).member("type", type);
  auto addOptional = [&](const char *name, const std::string &value) {
    value.empty() ? json.memberNull(name) : json.member(name, value);
  };
  addOptional("param", param);
  addOptional("code", code);
  json.endObject().endObject();
  return json.take();
}

ApiError gemcut::server::makeError(int status, std::string message,
                                   const char *code) {
  ApiError error;
  error.status = status;
  error.message = std::move(message);
  error.code = code;
  if (status == 401)
    error.type = "authentication_error";
  else if (status == 429)
    error.type = "rate_limit_error";
  else if (status >= 500)
    error.type = "server_error";
  return error;
}
