//===- CheckedJson.h - JSON from a file that is not trusted -----*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_JSON_CHECKEDJSON_H
#define GEMCUT_FRONTENDS_JSON_CHECKEDJSON_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <nlohmann/json.hpp>

#include <string>

namespace gemcut::checked_json {

/// Most values, names included, that one document may hold: more than a
/// million tensors take, and a bound on the memory of the parsed tree.
inline constexpr size_t kMaxJsonValues = size_t(1) << 23;

/// Parses `text`, which must be one JSON object. `what` starts each error:
/// "config.json: ". Errors: invalid JSON (with the byte where it ends to make
/// sense), another value than an object, the same name twice in one object,
/// nesting deeper than `maxDepth`, more than kMaxJsonValues values.
llvm::Expected<nlohmann::json> parseCheckedObject(llvm::StringRef text,
                                                  const std::string &what,
                                                  size_t maxDepth);

/// The value as one short line of JSON, for errors.
std::string briefJson(const nlohmann::json &value);

/// 'name' for errors, at most 160 bytes of it, control characters replaced.
std::string quoteName(llvm::StringRef name);

/// True if `name` is UTF-8 without control characters, as a line of text and a
/// string of JSON can hold it.
bool isPlainName(llvm::StringRef name);

} // namespace gemcut::checked_json

#endif // GEMCUT_FRONTENDS_JSON_CHECKEDJSON_H
