//===- GgufBytes.h - Writes GGUF files for tests ----------------*- C++ -*-===//

#ifndef GEMCUT_TEST_UNIT_GGUF_GGUFBYTES_H
#define GEMCUT_TEST_UNIT_GGUF_GGUFBYTES_H

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace gemcut::test {

/// The bytes of a little-endian number.
template <typename T> std::string rawBytes(T value) {
  static_assert(std::is_arithmetic_v<T>);
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

/// Length and bytes.
inline std::string ggufString(const std::string &text) {
  return rawBytes(uint64_t(text.size())) + text;
}

/// A file under construction; every part can be damaged before it is written.
class GgufBytes {
public:
  uint32_t version = 3;
  uint64_t alignment = 32;
  uint64_t extraPairs = 0, extraTensors = 0; ///< claimed, but not there

  /// A pair of any type, by its number in the file.
  GgufBytes &pair(const std::string &key, uint32_t type,
                  const std::string &value) {
    pairs += ggufString(key) + rawBytes(type) + value;
    ++pairCount;
    return *this;
  }
  GgufBytes &u32(const std::string &key, uint32_t value) {
    return pair(key, 4, rawBytes(value));
  }
  GgufBytes &text(const std::string &key, const std::string &value) {
    return pair(key, 8, ggufString(value));
  }
  GgufBytes &array(const std::string &key, uint32_t type, uint64_t count,
                   const std::string &values) {
    return pair(key, 9, rawBytes(type) + rawBytes(count) + values);
  }

  /// A tensor of ggml type `type`; `dimensions` as in the file, the row first.
  GgufBytes &tensor(const std::string &name,
                    const std::vector<uint64_t> &dimensions, uint32_t type,
                    const std::string &bytes) {
    return tensorAt(name, dimensions, type, bytes, data.size());
  }
  /// The same, claiming another offset.
  GgufBytes &tensorAt(const std::string &name,
                      const std::vector<uint64_t> &dimensions, uint32_t type,
                      const std::string &bytes, uint64_t offset) {
    tensors += ggufString(name) + rawBytes(uint32_t(dimensions.size()));
    for (uint64_t size : dimensions)
      tensors += rawBytes(size);
    tensors += rawBytes(type) + rawBytes(offset);
    ++tensorCount;
    data += bytes;
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    return *this;
  }

  std::string header() const {
    return "GGUF" + rawBytes(version) + rawBytes(tensorCount + extraTensors) +
           rawBytes(pairCount + extraPairs) + pairs + tensors;
  }
  std::string file() const {
    std::string bytes = header();
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
    return bytes + data;
  }

private:
  std::string pairs, tensors, data;
  uint64_t pairCount = 0, tensorCount = 0;
};

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_GGUF_GGUFBYTES_H
