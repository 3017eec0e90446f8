//===- ArtifactBuilder.h - Writes files with sections and footer -*- C++
//-*-===//
#ifndef GEMCUT_TEST_UNIT_RUNTIME_ARTIFACTBUILDER_H
#define GEMCUT_TEST_UNIT_RUNTIME_ARTIFACTBUILDER_H

#include "runtime/abi/artifact.h"
#include "runtime/core/xxhash64.h"

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace gemcut::test {

/// Sets the footer's own checksum again after a change.
inline void sealFooter(gemcut_footer &footer) {
  footer.checksum = xxh64(&footer, offsetof(gemcut_footer, checksum));
}

/// `image`, then the sections, then the footer.
inline std::string
makeArtifact(std::string image,
             const std::vector<std::pair<uint32_t, std::string>> &sections,
             uint64_t sidecarChecksum = 0) {
  gemcut_footer footer = {};
  footer.sidecar_checksum = sidecarChecksum;
  footer.image_length = image.size();
  footer.image_checksum = xxh64(image.data(), image.size());
  for (const auto &[kind, bytes] : sections) {
    uint64_t alignment = gemcut_section_alignment(kind);
    image.resize((image.size() + alignment - 1) / alignment * alignment);
    footer.sections[footer.section_count++] = {
        kind, 0, image.size(), bytes.size(), xxh64(bytes.data(), bytes.size())};
    image += bytes;
  }
  footer.version = GEMCUT_FOOTER_VERSION;
  footer.file_length = image.size() + sizeof(footer);
  std::memcpy(footer.magic, GEMCUT_FOOTER_MAGIC, sizeof(footer.magic));
  sealFooter(footer);
  image.append(reinterpret_cast<const char *>(&footer), sizeof(footer));
  return image;
}

inline void writeFile(const std::string &path, const std::string &bytes) {
  std::remove(path.c_str()); // a running executable cannot be overwritten
  FILE *file = std::fopen(path.c_str(), "wb");
  std::fwrite(bytes.data(), 1, bytes.size(), file);
  std::fclose(file);
}

inline std::string readFile(const std::string &path) {
  std::string bytes;
  if (FILE *file = std::fopen(path.c_str(), "rb")) {
    char buffer[1 << 16];
    while (size_t n = std::fread(buffer, 1, sizeof(buffer), file))
      bytes.append(buffer, n);
    std::fclose(file);
  }
  return bytes;
}

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_RUNTIME_ARTIFACTBUILDER_H
