//===- ArtifactWriter.cpp - Image, sections, footer -----------------------===//

#include "compiler/Artifact/ArtifactWriter.h"

#include "compiler/Artifact/FileBytes.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

#include <cstddef>
#include <cstring>
#include <unistd.h>

using namespace gemcut::artifact;

SectionContent gemcut::artifact::bytesSection(gemcut_section_kind kind,
                                              llvm::ArrayRef<uint8_t> bytes) {
  return {kind, bytes.size(), [bytes](int descriptor, uint64_t offset) {
            return writeAt(descriptor, bytes.data(), bytes.size(), offset);
          }};
}

/// Offsets of the sections and of the footer behind `imageBytes` of image.
static llvm::SmallVector<uint64_t>
placeSections(llvm::ArrayRef<SectionContent> sections, uint64_t imageBytes) {
  llvm::SmallVector<uint64_t> offsets;
  uint64_t end = imageBytes;
  for (const SectionContent &section : sections) {
    offsets.push_back(llvm::alignTo(end, gemcut_section_alignment(section.kind)));
    end = offsets.back() + section.length;
  }
  offsets.push_back(llvm::alignTo(end, alignof(gemcut_footer)));
  return offsets;
}

uint64_t
gemcut::artifact::contentBytes(llvm::ArrayRef<SectionContent> sections) {
  return placeSections(sections, 0).back() + sizeof(gemcut_footer);
}

/// Makes the file `bytes` long; new ones are zero.
static llvm::Error resize(OutputFile &file, uint64_t bytes) {
  if (ftruncate(file.descriptor(), off_t(bytes)))
    return llvm::createStringError(
        file.path().str() + ": growing it failed: " + std::strerror(errno));
  return llvm::Error::success();
}

/// Writes a section where its entry says, and its checksum into the entry.
static llvm::Error writeSection(OutputFile &file, const SectionContent &content,
                                gemcut_section &section) {
  int descriptor = file.descriptor();
  if (llvm::Error error =
          nameOutput(file.path(), content.write(descriptor, section.offset)))
    return error;
  auto checksum = checksumOf(descriptor, section.offset, section.length);
  if (!checksum)
    return nameOutput(file.path(), checksum.takeError());
  section.checksum = *checksum;
  return llvm::Error::success();
}

/// Writes the footer as the file's last bytes.
static llvm::Error writeFooter(OutputFile &file, gemcut_footer &footer) {
  footer.checksum =
      llvm::xxHash64(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(&footer),
                                    offsetof(gemcut_footer, checksum)));
  return nameOutput(file.path(),
                    writeAt(file.descriptor(), &footer, sizeof(footer),
                            footer.file_length - sizeof(footer)));
}

llvm::Expected<gemcut_footer>
gemcut::artifact::writeArtifact(OutputFile &file, llvm::ArrayRef<uint8_t> image,
                                llvm::ArrayRef<SectionContent> sections,
                                uint64_t sidecarChecksum) {
  assert(sections.size() <= GEMCUT_MAX_SECTIONS && "the footer has no room");
  gemcut_footer footer = {};
  footer.version = GEMCUT_FOOTER_VERSION;
  footer.sidecar_checksum = sidecarChecksum;
  footer.section_count = uint32_t(sections.size());
  footer.image_length = image.size();
  footer.image_checksum = llvm::xxHash64(image);
  std::memcpy(footer.magic, GEMCUT_FOOTER_MAGIC, sizeof(footer.magic));
  llvm::SmallVector<uint64_t> offsets = placeSections(sections, image.size());
  for (size_t i = 0; i < sections.size(); ++i)
    footer.sections[i] = {uint32_t(sections[i].kind), 0, offsets[i],
                          sections[i].length, 0};
  uint64_t footerAt = offsets.back();
  footer.file_length = footerAt + sizeof(footer);
  if (llvm::Error error = file.requireSpace(footer.file_length))
    return std::move(error);
  // Padding and whatever a section leaves out read as zero.
  if (llvm::Error error = resize(file, footer.file_length))
    return std::move(error);
  if (llvm::Error error =
          nameOutput(file.path(),
                     writeAt(file.descriptor(), image.data(), image.size(), 0)))
    return std::move(error);
  for (size_t i = 0; i < sections.size(); ++i)
    if (llvm::Error error = writeSection(file, sections[i], footer.sections[i]))
      return std::move(error);
  if (llvm::Error error = writeFooter(file, footer))
    return std::move(error);
  return footer;
}

llvm::Expected<gemcut_footer>
gemcut::artifact::appendSection(OutputFile &file, gemcut_footer footer,
                                const SectionContent &content) {
  assert(footer.section_count < GEMCUT_MAX_SECTIONS &&
         "the footer has no room");
  uint64_t end = footer.file_length - sizeof(footer);
  llvm::SmallVector<uint64_t> offsets = placeSections(content, end);
  gemcut_section &section = footer.sections[footer.section_count++];
  section = {uint32_t(content.kind), 0, offsets[0], content.length, 0};
  footer.file_length = offsets.back() + sizeof(footer);
  if (llvm::Error error = file.requireSpace(content.length))
    return std::move(error);
  // The old footer goes; padding is zero.
  if (llvm::Error error = resize(file, end))
    return std::move(error);
  if (llvm::Error error = resize(file, footer.file_length))
    return std::move(error);
  if (llvm::Error error = writeSection(file, content, section))
    return std::move(error);
  if (llvm::Error error = writeFooter(file, footer))
    return std::move(error);
  return footer;
}
