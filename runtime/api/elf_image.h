//===- elf_image.h - A position-independent program, as data ----*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_API_ELF_IMAGE_H
#define GEMCUT_RUNTIME_API_ELF_IMAGE_H

#include "runtime/abi/status.h"

#include <cstddef>
#include <cstdint>

namespace gemcut::api {

/// The loaded segments of a static PIE in private memory. Every number of the
/// file is checked before it is used.
class ElfImage {
public:
  ElfImage() = default;
  ElfImage(const ElfImage &) = delete;
  ElfImage &operator=(const ElfImage &) = delete;
  ~ElfImage();

  /// Reads the segments of a file, of which the first `length` bytes are the
  /// program, and applies relative relocations. Memory is writable and not
  /// executable until `protect`. GEMCUT_CORRUPT_ARTIFACT: no static PIE for
  /// this architecture, or damaged. `path` is for messages.
  [[nodiscard]] gemcut_status open(int fd, uint64_t length, const char *path);

  /// The section called `name` of at least `size` bytes, or null.
  const void *findSection(const char *name, size_t size) const;

  /// Whether [address, address + size) is in the segments; `isCode`: in one
  /// that is executable.
  bool holds(const void *address, size_t size, bool isCode = false) const;
  /// Whether `text` is in the segments and terminated there.
  bool holdsText(const char *text) const;

  /// Replaces the begin of a function of the image by a jump.
  [[nodiscard]] gemcut_status redirect(void *function, void *target);

  /// Gives the segments the protection that the file asks for.
  [[nodiscard]] gemcut_status protect();

private:
  struct Segment {
    uint64_t begin, size; ///< in the image
    int protection;
  };
  static constexpr size_t kMostSegments = 16;

  gemcut_status read(int fd, uint64_t offset, void *out, size_t size) const;
  gemcut_status readSegments(int fd, uint64_t length);
  gemcut_status relocate();
  gemcut_status relocateWords(uint64_t table, uint64_t bytes);
  gemcut_status findNamedSection(int fd, uint64_t length);
  gemcut_status damaged(const char *what) const;

  const char *path = "";
  uint8_t *base = nullptr;
  uint64_t span = 0;
  Segment segments[kMostSegments];
  size_t segmentCount = 0;
  uint64_t dynamic = 0, dynamicSize = 0;
  static constexpr size_t kMostSections = 64;
  struct Section {
    char name[32];
    uint64_t begin, size;
  } sections[kMostSections];
  size_t sectionCount = 0;
};

} // namespace gemcut::api

#endif // GEMCUT_RUNTIME_API_ELF_IMAGE_H
