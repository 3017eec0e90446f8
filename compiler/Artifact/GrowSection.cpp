//===- GrowSection.cpp - A section whose bytes follow the file ------------===//

#include "compiler/Artifact/GrowSection.h"

#include "compiler/Artifact/BlockWriter.h"
#include "runtime/abi/artifact.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFTypes.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using llvm::ELF::PT_LOAD;
/// Members of archives lie at multiples of 2 only; these structs may.
using Elf = llvm::object::ELF64LE;

/// From here on a section is worth a gap of up to a huge page in front of it.
static constexpr uint64_t kLongSection = uint64_t(64) << 20;

llvm::Error gemcut::artifact::growSection(std::vector<uint8_t> &file,
                                          size_t begin, llvm::StringRef name,
                                          uint64_t length) {
  uint8_t *base = file.data() + begin;
  auto *header = reinterpret_cast<Elf::Ehdr *>(base);
  auto *sections = reinterpret_cast<Elf::Shdr *>(base + header->e_shoff);
  const char *names = reinterpret_cast<const char *>(
      base + sections[header->e_shstrndx].sh_offset);
  Elf::Shdr *section = nullptr;
  for (unsigned i = 0; i < header->e_shnum; ++i)
    if (name == names + sections[i].sh_name)
      section = &sections[i];
  if (!section)
    return llvm::createStringError("the linked file has no section " + name);

  auto *segments = reinterpret_cast<Elf::Phdr *>(base + header->e_phoff);
  Elf::Phdr *segment = nullptr;
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type != PT_LOAD)
      continue;
    if (segment && segment->p_vaddr == section->sh_addr)
      return llvm::createStringError("the linker placed a segment behind " +
                                     name);
    segment = &segments[i];
  }
  if (segment && segment->p_vaddr != section->sh_addr)
    return llvm::createStringError("the linker placed " + name +
                                   " into a segment with others");

  uint64_t alignment =
      length >= kLongSection ? kBlockBytes : uint64_t(GEMCUT_BLOB_ALIGNMENT);
  uint64_t skew = segment ? section->sh_addr % alignment : 0;
  uint64_t start = llvm::alignTo(file.size(), alignment, skew);
  section->sh_offset = start - begin;
  section->sh_size = length;
  if (segment) {
    segment->p_offset = start;
    segment->p_filesz = length;
    segment->p_memsz = length;
    segment->p_align = alignment;
  } else {
    section->sh_addralign = alignment;
  }
  file.resize(start);
  return llvm::Error::success();
}
