//===- xxhash64.h - XXH64, as used for checksums ----------------*- C++ -*-===//
//
// XXH64 as specified in xxHash's doc/xxhash_spec.md (Yann Collet), seed 0 only.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CORE_XXHASH64_H
#define GEMCUT_RUNTIME_CORE_XXHASH64_H

#include <cstddef>
#include <cstdint>

namespace gemcut {

/// XXH64 with seed 0 of bytes that arrive in pieces of any size.
class Xxh64 {
public:
  void update(const void *data, size_t bytes);
  /// The hash of everything so far; more may follow.
  uint64_t digest() const;

private:
  static constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87;
  static constexpr uint64_t kPrime2 = 0xC2B2AE3D27D4EB4F;

  void consume(const uint8_t *stripe);

  uint64_t lanes[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  uint64_t total = 0;
  uint8_t pending[32];
};

/// XXH64 with seed 0 of `bytes` bytes.
inline uint64_t xxh64(const void *data, size_t bytes) {
  Xxh64 hash;
  hash.update(data, bytes);
  return hash.digest();
}

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_XXHASH64_H
