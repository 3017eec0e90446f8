//===- elf_image.cpp - A position-independent program, as data ------------===//

#include "runtime/api/elf_image.h"

#include "runtime/core/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::api;

#if defined(__x86_64__)
static constexpr uint16_t kMachine = EM_X86_64;
static constexpr uint32_t kRelative = R_X86_64_RELATIVE;
static constexpr uint32_t kIndirect = R_X86_64_IRELATIVE;
#elif defined(__aarch64__)
static constexpr uint16_t kMachine = EM_AARCH64;
static constexpr uint32_t kRelative = R_AARCH64_RELATIVE;
static constexpr uint32_t kIndirect = R_AARCH64_IRELATIVE;
#endif

/// More than any program's code; weights are not in segments.
static constexpr uint64_t kLargestImage = uint64_t(1) << 30;

/// Whether [begin, begin + size) is in [0, all).
static bool isInside(uint64_t begin, uint64_t size, uint64_t all) {
  return begin <= all && size <= all - begin;
}

ElfImage::~ElfImage() {
  if (base)
    munmap(base, span);
}

gemcut_status ElfImage::damaged(const char *what) const {
  return fail(GEMCUT_CORRUPT_ARTIFACT,
              "%s: %s; expected an executable that this version of gemcut "
              "compiled for this architecture",
              path, what);
}

gemcut_status ElfImage::read(int fd, uint64_t offset, void *out,
                             size_t size) const {
  for (size_t done = 0; done < size;) {
    ssize_t n = pread(fd, static_cast<char *>(out) + done, size - done,
                      off_t(offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fail(GEMCUT_SYSTEM_ERROR, "cannot read %s: %s", path,
                  n < 0 ? strerror(errno) : "the file became shorter");
    done += size_t(n);
  }
  return GEMCUT_OK;
}

gemcut_status ElfImage::open(int fd, uint64_t length, const char *shownPath) {
  path = shownPath;
  if (gemcut_status status = readSegments(fd, length))
    return status;
  if (gemcut_status status = findNamedSection(fd, length))
    return status;
  return relocate();
}

gemcut_status ElfImage::readSegments(int fd, uint64_t length) {
  Elf64_Ehdr header = {};
  if (length < sizeof(header))
    return damaged("is too short for a program");
  if (gemcut_status status = read(fd, 0, &header, sizeof(header)))
    return status;
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != kMachine)
    return damaged("is no program for this machine");
  if (header.e_type != ET_DYN)
    return damaged("is not position-independent, because another version of "
                   "gemcut linked it");
  Elf64_Phdr entries[kMostSegments];
  size_t bytes = size_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      header.e_phnum > kMostSegments ||
      !isInside(header.e_phoff, bytes, length))
    return damaged("has a damaged list of segments");
  if (gemcut_status status = read(fd, header.e_phoff, entries, bytes))
    return status;
  const auto *end = entries + header.e_phnum;
  for (const Elf64_Phdr *entry = entries; entry < end; ++entry) {
    if (entry->p_type != PT_LOAD)
      continue;
    if (entry->p_filesz > entry->p_memsz ||
        !isInside(entry->p_offset, entry->p_filesz, length) ||
        !isInside(entry->p_vaddr, entry->p_memsz, kLargestImage))
      return damaged("has a damaged segment");
    span = std::max(span, entry->p_vaddr + entry->p_memsz);
  }
  uint64_t page = uint64_t(sysconf(_SC_PAGESIZE));
  span = (span + page - 1) / page * page;
  if (span == 0)
    return damaged("has no segments");
  void *memory = mmap(nullptr, span, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return fail(GEMCUT_OUT_OF_MEMORY, "cannot map %llu bytes for %s: %s",
                (unsigned long long)span, path, strerror(errno));
  base = static_cast<uint8_t *>(memory);
  for (const Elf64_Phdr *entry = entries; entry < end; ++entry) {
    if (entry->p_type == PT_DYNAMIC &&
        isInside(entry->p_vaddr, entry->p_memsz, span)) {
      dynamic = entry->p_vaddr;
      dynamicSize = entry->p_memsz;
    }
    if (entry->p_type != PT_LOAD)
      continue;
    if (gemcut_status status =
            read(fd, entry->p_offset, base + entry->p_vaddr, entry->p_filesz))
      return status;
    int protection = (entry->p_flags & PF_R ? PROT_READ : 0) |
                     (entry->p_flags & PF_W ? PROT_WRITE : 0) |
                     (entry->p_flags & PF_X ? PROT_EXEC : 0);
    segments[segmentCount++] = {entry->p_vaddr, entry->p_memsz, protection};
  }
  return GEMCUT_OK;
}

gemcut_status ElfImage::findNamedSection(int fd, uint64_t length) {
  Elf64_Ehdr header;
  if (gemcut_status status = read(fd, 0, &header, sizeof(header)))
    return status;
  Elf64_Shdr entries[kMostSections];
  size_t bytes = size_t(header.e_shnum) * sizeof(Elf64_Shdr);
  if (header.e_shnum == 0)
    return damaged("was stripped of its section headers");
  if (header.e_shentsize != sizeof(Elf64_Shdr) ||
      header.e_shnum > kMostSections || header.e_shstrndx >= header.e_shnum ||
      !isInside(header.e_shoff, bytes, length))
    return damaged("has a damaged list of sections");
  if (gemcut_status status = read(fd, header.e_shoff, entries, bytes))
    return status;
  const Elf64_Shdr &names = entries[header.e_shstrndx];
  if (!isInside(names.sh_offset, names.sh_size, length))
    return damaged("has damaged names of sections");
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr &entry = entries[i];
    if (!(entry.sh_flags & SHF_ALLOC) || entry.sh_type == SHT_NOBITS ||
        !isInside(entry.sh_addr, entry.sh_size, span) ||
        entry.sh_name >= names.sh_size)
      continue;
    Section &section = sections[sectionCount++];
    size_t size =
        std::min<size_t>(sizeof(section.name), names.sh_size - entry.sh_name);
    if (gemcut_status status =
            read(fd, names.sh_offset + entry.sh_name, section.name, size))
      return status;
    section.name[size - 1] = 0; // shorter than what is looked for, or whole
    section.begin = entry.sh_addr;
    section.size = entry.sh_size;
  }
  return GEMCUT_OK;
}

gemcut_status ElfImage::relocate() {
  uint64_t table = 0, bytes = 0, words = 0, wordBytes = 0;
  for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= dynamicSize;
       at += sizeof(Elf64_Dyn)) {
    Elf64_Dyn entry;
    memcpy(&entry, base + dynamic + at, sizeof(entry));
    if (entry.d_tag == DT_NULL)
      break;
    if (entry.d_tag == DT_RELA)
      table = entry.d_un.d_ptr;
    else if (entry.d_tag == DT_RELASZ)
      bytes = entry.d_un.d_val;
    else if (entry.d_tag == DT_RELR)
      words = entry.d_un.d_ptr;
    else if (entry.d_tag == DT_RELRSZ)
      wordBytes = entry.d_un.d_val;
  }
  if (!isInside(table, bytes, span) || !isInside(words, wordBytes, span))
    return damaged("has damaged relocations");
  for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= bytes;
       at += sizeof(Elf64_Rela)) {
    Elf64_Rela entry;
    memcpy(&entry, base + table + at, sizeof(entry));
    uint32_t type = uint32_t(ELF64_R_TYPE(entry.r_info));
    // Functions that the C library chooses at start are never called.
    if (type == kIndirect)
      continue;
    if (type != kRelative || !isInside(entry.r_offset, sizeof(uint64_t), span))
      return damaged("has relocations that are not relative");
    uint64_t address = uint64_t(base) + uint64_t(entry.r_addend);
    memcpy(base + entry.r_offset, &address, sizeof(address));
  }
  return relocateWords(words, wordBytes);
}

/// DT_RELR: an even word is the address of a pointer, an odd one a bit map of
/// the 63 words behind the last one.
gemcut_status ElfImage::relocateWords(uint64_t table, uint64_t bytes) {
  uint64_t next = 0;
  auto relocate = [&](uint64_t offset) {
    if (!isInside(offset, sizeof(uint64_t), span))
      return false;
    uint64_t address;
    memcpy(&address, base + offset, sizeof(address));
    address += uint64_t(base);
    memcpy(base + offset, &address, sizeof(address));
    return true;
  };
  for (uint64_t at = 0; at + 8 <= bytes; at += 8) {
    uint64_t word;
    memcpy(&word, base + table + at, sizeof(word));
    if (word % 2 == 0) {
      if (!relocate(word))
        return damaged("has damaged relocations");
      next = word + 8;
      continue;
    }
    for (uint64_t bit = 1; bit < 64; ++bit)
      if (word >> bit & 1 && !relocate(next + (bit - 1) * 8))
        return damaged("has damaged relocations");
    next += 63 * 8;
  }
  return GEMCUT_OK;
}

const void *ElfImage::findSection(const char *name, size_t size) const {
  for (size_t i = 0; i < sectionCount; ++i)
    if (strcmp(sections[i].name, name) == 0 && sections[i].size >= size)
      return base + sections[i].begin;
  return nullptr;
}

bool ElfImage::holds(const void *address, size_t size, bool isCode) const {
  uint64_t offset = uint64_t(address) - uint64_t(base);
  return std::any_of(
      segments, segments + segmentCount, [&](const Segment &segment) {
        return offset >= segment.begin &&
               isInside(offset - segment.begin, size, segment.size) &&
               (!isCode || segment.protection & PROT_EXEC);
      });
}

bool ElfImage::holdsText(const char *text) const {
  if (!holds(text, 1))
    return false;
  auto *end = reinterpret_cast<const char *>(base) + span;
  return memchr(text, 0, size_t(end - text)) != nullptr;
}

gemcut_status ElfImage::redirect(void *function, void *target) {
#if defined(__x86_64__)
  uint8_t jump[] = {0x49, 0xbb, 0, 0,    0,    0,   0,
                    0,    0,    0, 0x41, 0xff, 0xe3}; // mov r11, X; jmp r11
  constexpr size_t kAddress = 2;
#elif defined(__aarch64__)
  uint8_t jump[] = {0x50, 0, 0, 0x58, 0, 2, 0x1f, 0xd6, // ldr x16, 8; br x16
                    0,    0, 0, 0,    0, 0, 0,    0};
  constexpr size_t kAddress = 8;
#endif
  if (!holds(function, sizeof(jump), /*isCode=*/true))
    return damaged("has a function outside of its code");
  memcpy(jump + kAddress, &target, sizeof(target));
  memcpy(function, jump, sizeof(jump));
  return GEMCUT_OK;
}

gemcut_status ElfImage::protect() {
  uint64_t page = uint64_t(sysconf(_SC_PAGESIZE));
  __builtin___clear_cache(reinterpret_cast<char *>(base),
                          reinterpret_cast<char *>(base + span));
  for (size_t i = 0; i < segmentCount; ++i) {
    const Segment &segment = segments[i];
    uint64_t begin = segment.begin / page * page;
    uint64_t end = (segment.begin + segment.size + page - 1) / page * page;
    if (mprotect(base + begin, end - begin, segment.protection) != 0)
      return fail(GEMCUT_SYSTEM_ERROR, "cannot protect the code of %s: %s",
                  path, strerror(errno));
  }
  return GEMCUT_OK;
}
