//===- api_error.h - Errors in OpenAI's form --------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_API_ERROR_H
#define GEMCUT_RUNTIME_SERVER_API_ERROR_H

#include <string>

namespace gemcut::server {

/// What a request is refused with; status 0: it is not.
struct ApiError {
  int status = 0; // of HTTP
  std::string message;
  std::string type = "invalid_request_error";
  std::string param, code; // "": null

  explicit operator bool() const { return status != 0; }
  /// {"error": {"message", "type", "param", "code"}}
  std::string toJson() const;
};

/// Errors that are not about a parameter.
ApiError makeError(int status, std::string message, const char *code);

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_API_ERROR_H
