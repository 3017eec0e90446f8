//===- Metadata.h - The key-value pairs of a GGUF file ----------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_GGUF_METADATA_H
#define GEMCUT_FRONTENDS_GGUF_METADATA_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gemcut::gguf {

/// Types of values, with their numbers in the file. Arrays of arrays are not
/// supported: no known key has one.
enum class ValueType : uint32_t {
  UInt8 = 0,
  Int8 = 1,
  UInt16 = 2,
  Int16 = 3,
  UInt32 = 4,
  Int32 = 5,
  Float32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  UInt64 = 10,
  Int64 = 11,
  Float64 = 12,
};

/// "uint32", "string", ...
llvm::StringRef stringify(ValueType type);

/// A scalar, or a list of scalars of one type, whose bytes stay in the file.
/// The parser has checked that all of them are there.
struct Value {
  ValueType type = ValueType::UInt8; ///< of the elements
  bool isArray = false;
  uint64_t count = 1;
  llvm::StringRef bytes; ///< as in the file, strings with their lengths

  /// Element `index` as a whole number; nullopt for another type, and for one
  /// above 2^63 - 1.
  std::optional<int64_t> integer(uint64_t index = 0) const;
  /// Element `index` as a number, whole or not.
  std::optional<double> number(uint64_t index = 0) const;
  std::optional<bool> boolean(uint64_t index = 0) const;
  /// All elements, if they are strings.
  std::optional<std::vector<llvm::StringRef>> strings() const;

  /// "an array of 12 uint32" or "a string", for errors.
  std::string describe() const;
};

/// Access by key, with errors that name file and key.
class Metadata {
public:
  explicit Metadata(llvm::StringRef fileName = "") : file(fileName.str()) {}

  /// False if the key is there already.
  bool add(llvm::StringRef key, const Value &value) {
    return values.try_emplace(key, value).second;
  }
  const Value *find(llvm::StringRef key) const {
    auto found = values.find(key);
    return found == values.end() ? nullptr : &found->second;
  }
  const std::string &fileName() const { return file; }

  /// "FILE: key 'KEY': found FOUND, expected EXPECTED".
  llvm::Error fail(llvm::StringRef key, const llvm::Twine &expected) const;

  // The value of a scalar, the fallback if the key is absent, an error if it is
  // absent without a fallback, of another type, or outside [least, most].
  llvm::Expected<int64_t> integer(llvm::StringRef key, int64_t least,
                                  int64_t most,
                                  std::optional<int64_t> fallback = {}) const;
  llvm::Expected<double> number(llvm::StringRef key,
                                std::optional<double> fallback = {}) const;
  llvm::Expected<bool> boolean(llvm::StringRef key, bool fallback) const;
  llvm::Expected<std::string>
  string(llvm::StringRef key, std::optional<std::string> fallback = {}) const;

  /// `count` integers: an array of that many, or a scalar that stands for all.
  llvm::Expected<std::vector<int64_t>>
  integers(llvm::StringRef key, size_t count, int64_t least, int64_t most,
           std::optional<int64_t> fallback = {}) const;

  /// The strings of an array, which must be there.
  llvm::Expected<std::vector<llvm::StringRef>>
  strings(llvm::StringRef key) const;

private:
  std::string file;
  llvm::StringMap<Value> values;
};

/// 'text' for errors, at most 160 bytes of it; what is not printable is '?'.
std::string quote(llvm::StringRef text);

} // namespace gemcut::gguf

#endif // GEMCUT_FRONTENDS_GGUF_METADATA_H
