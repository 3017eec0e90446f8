//===- session_file.h - Sequences on disk -----------------------*- C++ -*-===//
//
// Little-endian: a header, then for each sequence its numbers of tokens, its
// tokens, and its keys and values as kv_image.h copies them. A file belongs to
// one model with its weights, compiled in one way, and to the ISA level whose
// code ran: others differ in the last bits.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_SESSION_FILE_H
#define GEMCUT_RUNTIME_SESSION_SESSION_FILE_H

#include "runtime/core/replace_file.h"
#include "runtime/core/xxhash64.h"
#include "runtime/session/session.h"

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

  /// `level`: the name of the ISA level that runs.
  [[nodiscard]] gemcut_status open(const char *path, uint64_t fingerprint,
                                   const char *level);
  /// Adds what a slot holds. The first `prompted` of its tokens were run as
  /// parts of prompts: a cold run gives the same bits.
  [[nodiscard]] gemcut_status add(const Session &session, int32_t slot,
                                  size_t prompted);
  /// Puts the file in the place of an older one.
  [[nodiscard]] gemcut_status commit();

private:
  gemcut_status write(const void *data, size_t bytes);
  gemcut_status failed(const char *what) const;

  std::string path;
  Replacement file;
  Xxh64 hash;
  uint64_t fingerprint = 0, payload = 0;
  const char *level = nullptr;
  uint32_t sequences = 0;
};

/// A file, mapped, or one that lies in memory.
class SessionFile {
public:
  SessionFile() = default;
  SessionFile(const SessionFile &) = delete;
  SessionFile &operator=(const SessionFile &) = delete;
  ~SessionFile();

  /// Reads all of it. GEMCUT_SYSTEM_ERROR: it cannot be read;
  /// GEMCUT_CORRUPT_ARTIFACT: it is none, damaged or cut off;
  /// GEMCUT_INVALID_ARGUMENT: it belongs to another model, version or level.
  [[nodiscard]] gemcut_status open(const char *path,
                                   const gemcut_model_info &model,
                                   uint64_t fingerprint, const char *level);
  /// The same for bytes that outlive this object; `name` is for messages. With
  /// `level` null the caller knows that it gives the wanted bits.
  [[nodiscard]] gemcut_status openMemory(const uint8_t *bytes, size_t length,
                                         const char *name,
                                         const gemcut_model_info &model,
                                         uint64_t fingerprint,
                                         const char *level);

  size_t getSequenceCount() const { return sequences.size(); }
  /// How many tokens of a sequence came from prompts.
  size_t getPrompted(size_t index) const { return sequences[index].prompted; }
  size_t getTokenCount(size_t index) const { return sequences[index].count; }
  std::vector<int32_t> getTokens(size_t index) const;
  /// Makes a slot hold a sequence. GEMCUT_CONTEXT_FULL: it is too long for the
  /// session.
  [[nodiscard]] gemcut_status restore(size_t index, Session &session,
                                      int32_t slot) const;
  /// The same for the only sequence of the file `path`.
  /// GEMCUT_INVALID_ARGUMENT: it has several.
  [[nodiscard]] gemcut_status restoreOnly(const char *path, Session &session,
                                          int32_t slot) const;

private:
  struct Sequence {
    size_t count, prompted;
    const uint8_t *tokens; // (count,) int32, perhaps not aligned
    const uint8_t *pages, *rings;
  };

  gemcut_status check(const char *path, uint64_t fingerprint,
                      const char *level);
  gemcut_status readSequences(const char *path);

  const gemcut_model_info *model = nullptr;
  const uint8_t *data = nullptr;
  size_t size = 0;
  bool isMapped = false;
  std::vector<Sequence> sequences;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_SESSION_FILE_H
