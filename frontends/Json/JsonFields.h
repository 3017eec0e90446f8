//===- JsonFields.h - Checked access to the fields of an object -*- C++ -*-===//
//
// Reads typed, range-checked fields of a JSON object, remembers the first error
// and which keys were looked at, so that unknown ones can be reported.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_JSON_JSONFIELDS_H
#define GEMCUT_FRONTENDS_JSON_JSONFIELDS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gemcut::checked_json {

/// Parses the text of a file that must be one object (see parseCheckedObject).
llvm::Expected<nlohmann::json> parseJsonObject(llvm::StringRef text,
                                               llvm::StringRef fileName);

class JsonFields {
public:
  /// `where` names the object in errors: "" or "text_config".
  JsonFields(const nlohmann::json &source, llvm::StringRef file,
             llvm::StringRef where)
      : source(source), file(file.str()), where(where.str()) {}

  // An error makes a getter return a value of its range, so that a parser can
  // go on and look at failed() once.

  /// A required integer in [low, high].
  int64_t integer(const char *key, int64_t low, int64_t high);
  /// An integer in [low, high], or `fallback` if absent or null.
  int64_t integer(const char *key, int64_t low, int64_t high, int64_t fallback);
  double number(const char *key, double low, double high);
  double number(const char *key, double low, double high, double fallback);
  bool boolean(const char *key, bool fallback);
  std::string string(const char *key, const char *fallback);
  /// One integer or a list of them, each in [low, high].
  std::vector<int64_t> integers(const char *key, int64_t low, int64_t high);
  /// The fields of a required object. Hand it to merge() when done.
  JsonFields object(const char *key);
  /// Takes the first error of fields that object() returned.
  void merge(JsonFields &inner);
  /// The value, or null if absent or null.
  const nlohmann::json *find(const char *key);
  /// Declares keys that say nothing about the text model.
  void ignore(std::initializer_list<const char *> keys);

  /// Remembers an error about `key`: "found X, expected `expected`".
  void fail(const char *key, const std::string &expected);
  void failText(const std::string &message);
  /// The same for a value that is valid and not supported: takeError() then is
  /// an UnsupportedError.
  void refuse(const char *key, const std::string &supported);
  void refuseText(const std::string &message);
  /// An error about a key that was not looked at; `supported` lists the others.
  void failUnknown(const std::string &supported);
  bool failed() const { return error.has_value(); }
  llvm::Error takeError();

  /// A sentence for each key that was neither read nor ignored.
  void reportUnknown(std::vector<std::string> *warnings) const;

  /// Adds "FILE: KEY: message".
  void warn(const char *key, const std::string &message,
            std::vector<std::string> *warnings) const;

  /// The key with the objects around it: "text_config.head_dim".
  std::string path(const char *key) const;

private:
  const nlohmann::json &source;
  std::string file, where;
  llvm::StringSet<> known;
  std::optional<std::string> error;
  bool isUnsupported = false; ///< the error says that
};

} // namespace gemcut::checked_json

#endif // GEMCUT_FRONTENDS_JSON_JSONFIELDS_H
