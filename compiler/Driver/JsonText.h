//===- JsonText.h - Reports as text -----------------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_JSONTEXT_H
#define GEMCUT_COMPILER_DRIVER_JSONTEXT_H

#include <nlohmann/json.hpp>

#include <string>

namespace gemcut::driver {

/// `json` in one line, or indented. Paths may hold bytes that are not UTF-8,
/// which become U+FFFD.
inline std::string toText(const nlohmann::ordered_json &json, int indent = -1) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false,
                   nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_JSONTEXT_H
