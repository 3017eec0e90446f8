//===- session_file_fuzz.cpp - Sequences on disk --------------------------===//
//
// The input is a whole file, and again what stands behind a right header: then
// only the numbers in it can be wrong. What opens is restored into a session.
//
//===----------------------------------------------------------------------===//

#include "runtime/session/session_file.h"
#include "test/unit/runtime/FakeModel.h"

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace gemcut;
using namespace gemcut::test;

namespace {

const uint8_t kWeights[kFakeWeightBytes] = {9};
constexpr uint64_t kFingerprint = 7;

Session &getSession() {
  static Session session;
  static bool isOpen = [] {
    SessionOptions options;
    options.level = "baseline";
    options.threads = 1;
    return session.open({&gemcut_model, gemcut_levels, gemcut_level_count,
                         kWeights, kFakeWeightBytes},
                        options) == GEMCUT_OK;
  }();
  if (!isOpen)
    abort();
  return session;
}

void openAndRestore(const std::string &bytes) {
  SessionFile file;
  if (file.openMemory(reinterpret_cast<const uint8_t *>(bytes.data()),
                      bytes.size(), "input", gemcut_model, kFingerprint,
                      "baseline"))
    return;
  Session &session = getSession();
  for (size_t i = 0; i < file.getSequenceCount(); ++i) {
    if (file.getPrompted(i) > file.getTokenCount(i))
      abort();
    if (file.restore(i, session, /*slot=*/0) == GEMCUT_OK &&
        session.getTokenCount(0) != file.getTokenCount(i))
      abort();
  }
}

/// A file of version 2 around `payload`; its layout is written down again here,
/// so that a change of it is noticed.
std::string wrap(uint32_t sequences, std::string_view payload) {
  std::string bytes(64, '\0');
  std::memcpy(&bytes[0], "GEMCUTKV", 8);
  uint32_t version = 2;
  uint64_t length = payload.size();
  std::memcpy(&bytes[8], &version, 4);
  std::memcpy(&bytes[12], &sequences, 4);
  std::memcpy(&bytes[16], &kFingerprint, 8);
  std::memcpy(&bytes[24], "baseline", 8);
  std::memcpy(&bytes[48], &length, 8);
  Xxh64 hash;
  hash.update(payload.data(), payload.size());
  hash.update(bytes.data(), 56);
  uint64_t checksum = hash.digest();
  std::memcpy(&bytes[56], &checksum, 8);
  return bytes.append(payload);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string input(reinterpret_cast<const char *>(data), size);
  openAndRestore(input);
  if (size > 0)
    openAndRestore(wrap(data[0], std::string_view(input).substr(1)));
  return 0;
}
