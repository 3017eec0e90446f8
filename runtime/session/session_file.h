//===- session_file.h - Sequences on disk -----------------------*- C++ -*-===//
//
// Little-endian: a header, then for each sequence its numbers of tokens, its
// tokens, and its keys and values as kv_image.h copies them. A file belongs to
// one model with its weights, compiled in one way.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_SESSION_FILE_H
#define GEMCUT_RUNTIME_SESSION_SESSION_FILE_H

#include "runtime/core/xxhash64.h"
#include "runtime/session/session.h"

#include <cstdio>
#include <string>
#include <vector>

namespace gemcut {

/// What a file is bound to: the description of the model, its weights,
/// and the adapter (null: none) that ran.
uint64_t getSessionFingerprint(const gemcut_model_info &model,
                               uint64_t weightsChecksum, const char *adapter);

/// Writes a file that appears whole, or not at all. Errors:
/// GEMCUT_SYSTEM_ERROR, with the path and the reason.
class SessionWriter {
public:
  SessionWriter() = default;
  SessionWriter(const SessionWriter &) = delete;
  SessionWriter &operator=(const SessionWriter &) = delete;
  /// Removes what was not committed.
  ~SessionWriter();

  [[nodiscard]] gemcut_status open(const char *path, uint64_t fingerprint);
  /// Adds what a slot holds. The first `prompted` of its tokens were run as
  /// parts of prompts: a cold run gives the same bits.
  [[nodiscard]] gemcut_status add(const Session &session, int32_t slot,
                                  size_t prompted);
  /// Puts the file in the place of an older one.
  [[nodiscard]] gemcut_status commit();

private:
  gemcut_status write(const void *data, size_t bytes);
  gemcut_status failed(const char *what) const;

  std::string path, temporary;
  FILE *file = nullptr;
  Xxh64 hash;
  uint64_t fingerprint = 0, payload = 0;
  uint32_t sequences = 0;
};

/// A file, mapped.
class SessionFile {
public:
  SessionFile() = default;
  SessionFile(const SessionFile &) = delete;
  SessionFile &operator=(const SessionFile &) = delete;
  ~SessionFile();

  /// Reads all of it. GEMCUT_SYSTEM_ERROR: it cannot be read;
  /// GEMCUT_CORRUPT_ARTIFACT: it is none, damaged or cut off;
  /// GEMCUT_INVALID_ARGUMENT: it belongs to another model or version.
  [[nodiscard]] gemcut_status
  open(const char *path, const gemcut_model_info &model, uint64_t fingerprint);

  size_t getSequenceCount() const { return sequences.size(); }
  /// How many tokens of a sequence came from prompts.
  size_t getPrompted(size_t index) const { return sequences[index].prompted; }
  /// Makes a slot hold a sequence. GEMCUT_CONTEXT_FULL: it is too long for the
  /// session.
  [[nodiscard]] gemcut_status restore(size_t index, Session &session,
                                      int32_t slot) const;

private:
  struct Sequence {
    size_t count, prompted;
    const uint8_t *tokens; // (count,) int32, perhaps not aligned
    const uint8_t *pages, *rings;
  };

  gemcut_status check(const char *path, uint64_t fingerprint);
  gemcut_status readSequences(const char *path);

  const gemcut_model_info *model = nullptr;
  uint8_t *data = nullptr;
  size_t size = 0;
  std::vector<Sequence> sequences;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_SESSION_FILE_H
