//===- ArtifactReader.cpp - What a produced file holds --------------------===//

#include "compiler/Artifact/ArtifactReader.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"

#include <cstddef>
#include <cstring>

using namespace gemcut::artifact;
using llvm::createStringError;

/// `length` bytes from `offset` of the file.
static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readRange(llvm::StringRef path, uint64_t offset, uint64_t length) {
  auto buffer = llvm::MemoryBuffer::getFileSlice(path, length, int64_t(offset));
  if (!buffer)
    return createStringError(
        path.str() + ": cannot be read: " + buffer.getError().message());
  return std::move(*buffer);
}

static uint64_t hashOf(const void *data, size_t length) {
  return llvm::xxHash64(
      llvm::ArrayRef(static_cast<const uint8_t *>(data), length));
}

llvm::Expected<std::optional<gemcut_footer>>
gemcut::artifact::readFooter(llvm::StringRef path) {
  uint64_t size = 0;
  if (std::error_code code = llvm::sys::fs::file_size(path, size))
    return createStringError(path.str() +
                             ": cannot be read: " + code.message());
  gemcut_footer footer;
  if (size < sizeof(footer))
    return std::nullopt;
  auto bytes = readRange(path, size - sizeof(footer), sizeof(footer));
  if (!bytes)
    return bytes.takeError();
  std::memcpy(&footer, (*bytes)->getBufferStart(), sizeof(footer));
  if (std::memcmp(footer.magic, GEMCUT_FOOTER_MAGIC, sizeof(footer.magic)))
    return std::nullopt;
  if (footer.version != GEMCUT_FOOTER_VERSION)
    return createStringError(
        path.str() + ": has format version " + std::to_string(footer.version) +
        ", this gemcut reads version " + std::to_string(GEMCUT_FOOTER_VERSION));
  if (footer.checksum != hashOf(&footer, offsetof(gemcut_footer, checksum)))
    return createStringError(path.str() + ": its footer is damaged");
  if (footer.file_length != size)
    return createStringError(
        path.str() + ": has " + std::to_string(size) + " bytes, but was made " +
        std::to_string(footer.file_length) + " bytes long");
  if (footer.section_count > GEMCUT_MAX_SECTIONS)
    return createStringError(path.str() + ": its footer is damaged");
  for (uint32_t i = 0; i < footer.section_count; ++i)
    if (footer.sections[i].offset > size ||
        footer.sections[i].length > size - footer.sections[i].offset)
      return createStringError(path.str() + ": section " + std::to_string(i) +
                               " lies outside the file");
  return footer;
}

llvm::Expected<std::string>
gemcut::artifact::readSection(llvm::StringRef path,
                              const gemcut_section &section) {
  auto bytes = readRange(path, section.offset, section.length);
  if (!bytes)
    return bytes.takeError();
  llvm::StringRef text = (*bytes)->getBuffer();
  if (hashOf(text.data(), text.size()) != section.checksum)
    return createStringError(path.str() + ": a section at offset " +
                             std::to_string(section.offset) + " is damaged");
  return text.str();
}

llvm::Error gemcut::artifact::refuseProgram(llvm::StringRef path) {
  llvm::file_magic magic;
  if (llvm::identify_magic(path, magic) || magic < llvm::file_magic::elf ||
      magic > llvm::file_magic::elf_core)
    return llvm::Error::success();
  auto footer = readFooter(path);
  if (!footer)
    return footer.takeError();
  if (*footer)
    return createStringError(path.str() +
                             ": is an executable that gemcut made; name the "
                             "checkpoint that it was made from");
  return createStringError(path.str() +
                           ": is a program or a library that does not end in a "
                           "gemcut footer: it is truncated, its weights are in "
                           "a .gemw file, or gemcut did not make it");
}
