//===- ArtifactWriter.h - Image, sections, footer ---------------*- C++ -*-===//
//
// Writes the file layout of runtime/abi/artifact.h.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_ARTIFACT_ARTIFACTWRITER_H
#define GEMCUT_COMPILER_ARTIFACT_ARTIFACTWRITER_H

#include "compiler/Artifact/OutputFile.h"
#include "runtime/abi/artifact.h"

#include "llvm/ADT/ArrayRef.h"

#include <functional>

namespace gemcut::artifact {

/// One section: its length and who writes it at a given offset of the file.
struct SectionContent {
  gemcut_section_kind kind;
  uint64_t length;
  std::function<llvm::Error(int descriptor, uint64_t offset)> write;
};

/// A section of bytes at hand; they must outlive the writer's call.
SectionContent bytesSection(gemcut_section_kind kind,
                            llvm::ArrayRef<uint8_t> bytes);

/// Bytes from the first section to the end of the footer, in every file that
/// holds these sections.
uint64_t contentBytes(llvm::ArrayRef<SectionContent> sections);

/// Writes `image` (an ELF file or archive; empty for a sidecar), then the
/// sections, each on its alignment, then the footer,
/// which it returns. `sidecarChecksum` is that of the weight section in the
/// sidecar, 0 without one. Does not commit.
llvm::Expected<gemcut_footer>
writeArtifact(OutputFile &file, llvm::ArrayRef<uint8_t> image,
              llvm::ArrayRef<SectionContent> sections,
              uint64_t sidecarChecksum = 0);

/// Adds a section to what writeArtifact wrote with `footer`, behind all others;
/// returns the new footer.
llvm::Expected<gemcut_footer> appendSection(OutputFile &file,
                                            gemcut_footer footer,
                                            const SectionContent &section);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_ARTIFACTWRITER_H
