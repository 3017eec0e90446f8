//===- JsonMembers.h - Members of JSON that may be wrong --------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_EXPLAIN_JSONMEMBERS_H
#define GEMCUT_COMPILER_EXPLAIN_JSONMEMBERS_H

#include "llvm/Support/Error.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace gemcut::explain {

/// Reads members and keeps the first thing that is wrong; what is wrong reads
/// as empty or 0. `takeError` must be called.
class JsonMembers {
public:
  using Json = nlohmann::ordered_json;

  const Json &array(const Json &object, const char *name) {
    return get(object, name, "a list", &Json::is_array, Json::array());
  }
  const Json &object(const Json &object, const char *name) {
    return get(object, name, "an object", &Json::is_object, Json::object());
  }
  std::string text(const Json &object, const char *name) {
    return get(object, name, "text", &Json::is_string, "").get<std::string>();
  }
  double number(const Json &object, const char *name) {
    return get(object, name, "a number", &Json::is_number, 0).get<double>();
  }
  /// A whole number from 0 on.
  int64_t count(const Json &object, const char *name) {
    int64_t value =
        get(object, name, "a whole number", &Json::is_number_integer, 0)
            .get<int64_t>();
    if (value < 0)
      fail(std::string("'") + name + "' is " + std::to_string(value) +
           ", expected at least 0");
    return value;
  }
  std::vector<double> numbers(const Json &object, const char *name) {
    std::vector<double> values;
    for (const Json &value : array(object, name)) {
      if (!value.is_number())
        fail(std::string("'") + name + "' holds something that is no number");
      values.push_back(value.is_number() ? value.get<double>() : 0);
    }
    return values;
  }

  void fail(std::string what) {
    if (problem.empty())
      problem = std::move(what);
  }
  llvm::Error takeError() {
    return problem.empty() ? llvm::Error::success()
                           : llvm::createStringError(problem);
  }

private:
  const Json &get(const Json &object, const char *name, const char *expected,
                  bool (Json::*check)() const noexcept, Json fallback) {
    if (object.is_object())
      if (auto found = object.find(name);
          found != object.end() && ((*found).*check)())
        return *found;
    fail(std::string("'") + name + "' is missing or not " + expected);
    fallbacks.push_back(std::make_unique<Json>(std::move(fallback)));
    return *fallbacks.back();
  }

  std::string problem;
  std::vector<std::unique_ptr<Json>> fallbacks;
};

} // namespace gemcut::explain

#endif // GEMCUT_COMPILER_EXPLAIN_JSONMEMBERS_H
