//===- artifact.h - The sections of a produced file -------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_ARTIFACT_H
#define GEMCUT_RUNTIME_CORE_ARTIFACT_H

#include "runtime/abi/artifact.h"
#include "runtime/abi/status.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace gemcut {

/// One mapped section: read-only and shared with every process that runs the
/// same file. `data` is page aligned.
struct Section {
  gemcut_section_kind kind;
  const uint8_t *data;
  uint64_t length;   // bytes
  uint64_t checksum; // XXH64 that the footer promises
  uint64_t offset;   // of its file
  uint32_t file;     // of the artifact's files
  bool isMapped;     // by the artifact, which unmaps it
};

/// The sections of an executable or library and of its sidecar file. Owns the
/// mappings that it makes.
class Artifact {
public:
  Artifact() = default;
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;
  ~Artifact() { close(); }

  /// Opens the running executable; sections that it does not hold come from
  /// PATH.gemw beside it, or from the file in its folder that is called by the
  /// weights' checksum, as in 0123456789abcdef.gemw. Without a footer or
  /// without weights in the executable one of them must exist; a footer also
  /// says which weights it must hold. Nothing but the footers is read.
  /// `wantedWeights` is the checksum of the weights that a sidecar must hold,
  /// for executables whose footer was stripped; 0: none is known.
  [[nodiscard]] gemcut_status openSelf(uint64_t wantedWeights);

  /// Opens the one file `path`, with the footer as its last bytes.
  /// GEMCUT_SYSTEM_ERROR if it cannot be opened or mapped,
  /// GEMCUT_CORRUPT_ARTIFACT if the footer is missing, damaged, of another
  /// version or describes sections that are unaligned, overlap, occur twice or
  /// leave the file.
  [[nodiscard]] gemcut_status open(const char *path);

  /// Uses the sections and the footer of a library (gemcut_bundle.blob) in
  /// place. GEMCUT_CORRUPT_ARTIFACT as for a file; `name` is for messages.
  [[nodiscard]] gemcut_status openMemory(const uint8_t *blob, uint64_t bytes,
                                         const char *name);

  /// Adds the sections of the sidecar file `path`, whose weights must be those
  /// that the footer opened before asks for.
  [[nodiscard]] gemcut_status addSidecar(const char *path);

  void close();

  /// The section of a kind, or null.
  const Section *find(gemcut_section_kind kind) const;
  const Section *begin() const { return sections; }
  const Section *end() const { return sections + count; }

  /// "FILE: section 'weights' at byte 65536".
  std::string describe(const Section &section) const;

  /// Fails unless `section` has the `wanted` bytes that the code counts on.
  [[nodiscard]] gemcut_status checkLength(const Section &section,
                                          uint64_t wanted) const;

  /// Reads every byte of every section and of the code of files (a library's
  /// code may have been linked into something else) and compares checksums;
  /// GEMCUT_CORRUPT_ARTIFACT names the first file and section that differs.
  [[nodiscard]] gemcut_status verify() const;

private:
  /// `hasFooter` reports whether the file ends in a footer; with null a missing
  /// footer is an error.
  gemcut_status add(const char *path, const char *shownPath, bool *hasFooter);
  gemcut_status map(int fd, const char *shownPath, bool *hasFooter);
  gemcut_status checkNew(gemcut_section_kind kind, const char *shownPath) const;

  /// Where sections come from.
  struct File {
    std::string path, shownPath;
    uint64_t imageLength, imageChecksum; ///< 0: no code to verify
  };
  gemcut_status verifyImage(const File &file) const;

  File files[2]; ///< a program and its sidecar
  uint32_t fileCount = 0;
  Section sections[GEMCUT_MAX_SECTIONS];
  size_t count = 0;
  uint64_t sidecarChecksum = 0; ///< of the last footer read; 0: none is named
};

/// Checks everything that a footer says against itself and the file's length.
/// `path` is for messages.
[[nodiscard]] gemcut_status checkFooter(const gemcut_footer &footer,
                                        uint64_t fileLength, const char *path);

/// "weights", "tokenizer", "report".
const char *getSectionName(uint32_t kind);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_ARTIFACT_H
