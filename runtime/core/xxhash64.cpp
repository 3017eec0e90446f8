//===- xxhash64.cpp - XXH64, as used for checksums ------------------------===//

#include "runtime/core/xxhash64.h"

#include <cstring>

using namespace gemcut;

static constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87;
static constexpr uint64_t kPrime2 = 0xC2B2AE3D27D4EB4F;
static constexpr uint64_t kPrime3 = 0x165667B19E3779F9;
static constexpr uint64_t kPrime4 = 0x85EBCA77C2B2AE63;
static constexpr uint64_t kPrime5 = 0x27D4EB2F165667C5;

static uint64_t rotate(uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

static uint64_t round(uint64_t lane, uint64_t input) {
  return rotate(lane + input * kPrime2, 31) * kPrime1;
}

/// Little-endian loads; every supported target is little-endian.
static uint64_t load64(const uint8_t *p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

static uint32_t load32(const uint8_t *p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

void Xxh64::consume(const uint8_t *stripe) {
  for (int i = 0; i < 4; ++i)
    lanes[i] = round(lanes[i], load64(stripe + 8 * i));
}

void Xxh64::update(const void *data, size_t bytes) {
  if (bytes == 0)
    return;
  const uint8_t *p = static_cast<const uint8_t *>(data);
  size_t held = total % 32;
  total += bytes;
  if (held + bytes < 32) {
    std::memcpy(pending + held, p, bytes);
    return;
  }
  if (held != 0) {
    std::memcpy(pending + held, p, 32 - held);
    consume(pending);
    p += 32 - held;
    bytes -= 32 - held;
  }
  for (; bytes >= 32; p += 32, bytes -= 32)
    consume(p);
  std::memcpy(pending, p, bytes);
}

uint64_t Xxh64::digest() const {
  uint64_t hash;
  if (total >= 32) {
    hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) +
           rotate(lanes[3], 18);
    for (uint64_t lane : lanes)
      hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
  } else {
    hash = kPrime5;
  }
  hash += total;

  const uint8_t *p = pending;
  size_t bytes = total % 32;
  for (; bytes >= 8; p += 8, bytes -= 8)
    hash = rotate(hash ^ round(0, load64(p)), 27) * kPrime1 + kPrime4;
  if (bytes >= 4) {
    hash = rotate(hash ^ (load32(p) * kPrime1), 23) * kPrime2 + kPrime3;
    p += 4;
    bytes -= 4;
  }
  for (; bytes > 0; ++p, --bytes)
    hash = rotate(hash ^ (*p * kPrime5), 11) * kPrime1;

  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}
