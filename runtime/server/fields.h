//===- fields.h - Members of a request's body -------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_FIELDS_H
#define GEMCUT_RUNTIME_SERVER_FIELDS_H

#include "runtime/server/api_error.h"
#include "runtime/text/value.h"

#include <initializer_list>
#include <vector>

namespace gemcut::server {

/// Reads an object's members by name and type. Members that are absent or null
/// give the default. The first mistake is kept in `error` (status 400, the
/// member as `param`); all later reads still give something harmless.
class Fields {
public:
  /// `object` is a Map and must outlive this. `prefix` stands before names in
  /// messages, as in "stream_options.".
  Fields(const text::Value &object, ApiError &error, std::string prefix = "")
      : object(object), error(error), prefix(std::move(prefix)) {}

  /// The member, or null.
  const text::Value *find(std::string_view name);
  bool getBool(std::string_view name, bool fallback);
  int64_t getInteger(std::string_view name, int64_t fallback, int64_t least,
                     int64_t most);
  double getNumber(std::string_view name, double fallback, double least,
                   double most);
  std::string getString(std::string_view name, std::string_view fallback = "");
  /// The member if it is an object, or null.
  const text::Value *getObject(std::string_view name);
  /// The member if it is a list, or null.
  const text::Value *getList(std::string_view name);

  /// Members that are taken and change nothing.
  void ignore(std::initializer_list<std::string_view> names);
  /// A member that this server does not support, unless it is false, null, 0,
  /// an empty string or array, or absent.
  void refuse(std::string_view name, std::string_view why);
  /// Refuses members that nobody asked for.
  void refuseUnknown();

  /// Keeps this mistake, if it is the first.
  void fail(std::string_view name, std::string message,
            const char *code = "invalid_value", int status = 400);
  std::string getPath(std::string_view name) const {
    return prefix + std::string(name);
  }

private:
  void failType(std::string_view name, const char *expected,
                const text::Value &found);

  const text::Value &object;
  ApiError &error;
  std::string prefix;
  std::vector<std::string> known;
};

/// "a string", "an object", ...: for messages.
const char *describeKind(const text::Value &value);

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_FIELDS_H
