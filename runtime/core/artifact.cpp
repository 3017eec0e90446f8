//===- artifact.cpp - The sections of a produced file ---------------------===//

#include "runtime/core/artifact.h"

#include "runtime/core/error.h"
#include "runtime/core/xxhash64.h"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut;

static_assert(sizeof(gemcut_footer) == 8 * 32 + 56,
              "the footer has no padding");

const char *gemcut::getSectionName(uint32_t kind) {
  switch (kind) {
  case GEMCUT_SECTION_WEIGHTS:
    return "weights";
  case GEMCUT_SECTION_TOKENIZER:
    return "tokenizer";
  case GEMCUT_SECTION_REPORT:
    return "report";
  case GEMCUT_SECTION_CHAT:
    return "chat template";
  case GEMCUT_SECTION_PREFIX:
    return "prefix";
  }
  return "unknown";
}

static gemcut_status checkSection(const gemcut_footer &footer, uint32_t index,
                                  uint64_t limit, const char *path) {
  const gemcut_section &section = footer.sections[index];
  if (section.kind < GEMCUT_SECTION_WEIGHTS ||
      section.kind > GEMCUT_SECTION_PREFIX)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s: section %u has kind %u, but this format has kinds 1 to 5",
                path, index, section.kind);
  const char *name = getSectionName(section.kind);
  if (section.reserved != 0)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s: the reserved field of section '%s' is %u, but must be 0",
                path, name, section.reserved);
  uint64_t alignment = gemcut_section_alignment(section.kind);
  if (section.offset % alignment != 0)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s: section '%s' starts at byte %llu, which is no multiple of "
                "%llu",
                path, name, (unsigned long long)section.offset,
                (unsigned long long)alignment);
  if (section.offset > limit || section.length > limit - section.offset)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s: section '%s' of %llu bytes at byte %llu does not fit into "
                "the %llu bytes in front of the footer",
                path, name, (unsigned long long)section.length,
                (unsigned long long)section.offset, (unsigned long long)limit);
  for (uint32_t i = 0; i < index; ++i) {
    const gemcut_section &other = footer.sections[i];
    if (other.kind == section.kind)
      return fail(GEMCUT_CORRUPT_ARTIFACT, "%s: section '%s' occurs twice",
                  path, name);
    if (section.offset < other.offset + other.length &&
        other.offset < section.offset + section.length)
      return fail(GEMCUT_CORRUPT_ARTIFACT, "%s: sections '%s' and '%s' overlap",
                  path, getSectionName(other.kind), name);
  }
  return GEMCUT_OK;
}

gemcut_status gemcut::checkFooter(const gemcut_footer &footer,
                                  uint64_t fileLength, const char *path) {
  if (std::memcmp(footer.magic, GEMCUT_FOOTER_MAGIC, sizeof(footer.magic)) != 0)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s does not end in a gemcut footer: it is truncated, or not a "
                "file that gemcut made",
                path);
  if (footer.version != GEMCUT_FOOTER_VERSION)
    return fail(
        GEMCUT_CORRUPT_ARTIFACT,
        "%s has format version %u, but this executable reads version %d; "
        "compile the model again",
        path, footer.version, GEMCUT_FOOTER_VERSION);
  uint64_t checksum = xxh64(&footer, offsetof(gemcut_footer, checksum));
  if (checksum != footer.checksum)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s: the footer's checksum is %016llx, but its bytes give "
                "%016llx; the file is damaged",
                path, (unsigned long long)footer.checksum,
                (unsigned long long)checksum);
  if (footer.file_length != fileLength)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s has %llu bytes, but its footer says %llu; the file is "
                "damaged",
                path, (unsigned long long)fileLength,
                (unsigned long long)footer.file_length);
  if (footer.section_count > GEMCUT_MAX_SECTIONS)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s has %u sections, at most %d can be", path,
                footer.section_count, GEMCUT_MAX_SECTIONS);
  for (uint32_t i = 0; i < footer.section_count; ++i)
    if (gemcut_status status =
            checkSection(footer, i, fileLength - sizeof(footer), path))
      return status;
  static const gemcut_section kUnused = {};
  for (uint32_t i = footer.section_count; i < GEMCUT_MAX_SECTIONS; ++i)
    if (std::memcmp(&footer.sections[i], &kUnused, sizeof(kUnused)) != 0)
      return fail(GEMCUT_CORRUPT_ARTIFACT,
                  "%s: entry %u is behind the last section, but not zero", path,
                  i);
  if (footer.image_length > fileLength - sizeof(footer))
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s: its code of %llu bytes does not fit into the %llu bytes "
                "in front of the footer",
                path, (unsigned long long)footer.image_length,
                (unsigned long long)(fileLength - sizeof(footer)));
  return GEMCUT_OK;
}

static gemcut_status readFooter(int fd, uint64_t offset, gemcut_footer &footer,
                                const char *path) {
  size_t done = 0;
  while (done < sizeof(footer)) {
    ssize_t n = pread(fd, reinterpret_cast<char *>(&footer) + done,
                      sizeof(footer) - done, off_t(offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fail(GEMCUT_SYSTEM_ERROR, "cannot read the footer of %s: %s", path,
                  n < 0 ? strerror(errno) : "the file became shorter");
    done += size_t(n);
  }
  return GEMCUT_OK;
}

gemcut_status Artifact::checkNew(gemcut_section_kind kind,
                                 const char *shownPath) const {
  if (!find(kind))
    return GEMCUT_OK;
  return fail(GEMCUT_CORRUPT_ARTIFACT,
              "%s holds section '%s', which the executable holds as well",
              shownPath, getSectionName(kind));
}

/// Files are mapped from a page on; sections but weights begin anywhere in one.
static uint64_t offsetInPage(uint64_t offset) {
  return offset % uint64_t(sysconf(_SC_PAGESIZE));
}

gemcut_status Artifact::map(int fd, const char *shownPath, bool *hasFooter) {
  struct stat info;
  if (fstat(fd, &info) != 0)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot inspect %s: %s", shownPath,
                strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s is a directory, a device, a pipe or a socket, but a file "
                "that gemcut made is expected",
                shownPath);
  uint64_t length = uint64_t(info.st_size);
  gemcut_footer footer = {};
  if (length >= sizeof(footer))
    if (gemcut_status status =
            readFooter(fd, length - sizeof(footer), footer, shownPath))
      return status;
  if (hasFooter) {
    *hasFooter = std::memcmp(footer.magic, GEMCUT_FOOTER_MAGIC,
                             sizeof(footer.magic)) == 0;
    if (!*hasFooter)
      return GEMCUT_OK;
  }
  if (gemcut_status status = checkFooter(footer, length, shownPath))
    return status;

  for (uint32_t i = 0; i < footer.section_count; ++i) {
    const gemcut_section &section = footer.sections[i];
    auto kind = gemcut_section_kind(section.kind);
    if (gemcut_status status = checkNew(kind, shownPath))
      return status;
    const uint8_t *data = nullptr;
    if (section.length != 0) {
      uint64_t inPage = offsetInPage(section.offset);
      void *mapped = mmap(nullptr, inPage + section.length, PROT_READ,
                          MAP_SHARED, fd, off_t(section.offset - inPage));
      if (mapped == MAP_FAILED)
        return fail(GEMCUT_OUT_OF_MEMORY,
                    "cannot map the %llu bytes of section '%s' of %s: %s",
                    (unsigned long long)section.length, getSectionName(kind),
                    shownPath, strerror(errno));
      data = static_cast<const uint8_t *>(mapped) + inPage;
    }
    sections[count++] = {
        kind,      data, section.length, section.checksum, section.offset,
        fileCount, true};
  }
  files[fileCount].imageLength = footer.image_length;
  files[fileCount].imageChecksum = footer.image_checksum;
  ++fileCount;
  sidecarChecksum = footer.sidecar_checksum;
  return GEMCUT_OK;
}

gemcut_status Artifact::add(const char *path, const char *shownPath,
                            bool *hasFooter) {
  int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // wait for no pipe
  if (fd < 0)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot open %s: %s", shownPath,
                strerror(errno));
  files[fileCount].path = path;
  files[fileCount].shownPath = shownPath;
  gemcut_status status = map(fd, shownPath, hasFooter);
  ::close(fd); // the mappings keep the file
  return status;
}

gemcut_status Artifact::open(const char *path) {
  close();
  return add(path, path, /*hasFooter=*/nullptr);
}

gemcut_status Artifact::openMemory(const uint8_t *blob, uint64_t bytes,
                                   const char *name) {
  close();
  gemcut_footer footer = {};
  if (bytes < sizeof(footer))
    return fail(GEMCUT_CORRUPT_ARTIFACT, "%s has no footer", name);
  std::memcpy(&footer, blob + bytes - sizeof(footer), sizeof(footer));
  // The file's length is known to the footer alone: tools may have changed it.
  if (gemcut_status status = checkFooter(footer, footer.file_length, name))
    return status;
  for (uint32_t i = 0; i < footer.section_count; ++i) {
    const gemcut_section &section = footer.sections[i];
    uint64_t toEnd = footer.file_length - section.offset;
    if (toEnd > bytes)
      return fail(GEMCUT_CORRUPT_ARTIFACT,
                  "%s: section '%s' begins in front of the library's data",
                  name, getSectionName(section.kind));
    sections[count++] = {gemcut_section_kind(section.kind),
                         section.length ? blob + bytes - toEnd : nullptr,
                         section.length,
                         section.checksum,
                         section.offset,
                         fileCount,
                         false};
  }
  files[fileCount++] = {name, name, 0, 0};
  sidecarChecksum = footer.sidecar_checksum;
  return GEMCUT_OK;
}

gemcut_status Artifact::addSidecar(const char *path) {
  uint64_t wanted = sidecarChecksum;
  if (gemcut_status status = add(path, path, /*hasFooter=*/nullptr))
    return status;
  const Section *weights = find(GEMCUT_SECTION_WEIGHTS);
  if (wanted && weights && weights->checksum != wanted)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s holds the weights of another compilation (checksum "
                "%016llx, the executable needs %016llx); copy the sidecar "
                "file that was made with it",
                path, (unsigned long long)weights->checksum,
                (unsigned long long)wanted);
  return GEMCUT_OK;
}

gemcut_status Artifact::openSelf(uint64_t wantedWeights) {
  close();
  // Without /proc, as after chroot, the name that this program was started by
  // may still lead to it.
  const char *self = "/proc/self/exe";
  char path[PATH_MAX];
  ssize_t length = readlink(self, path, sizeof(path) - 1);
  if (length < 0) {
    auto *name = reinterpret_cast<const char *>(getauxval(AT_EXECFN));
    if (!name || strlen(name) >= sizeof(path) || access(name, R_OK) != 0)
      return fail(GEMCUT_SYSTEM_ERROR, "cannot read %s: %s", self,
                  strerror(errno));
    length = ssize_t(strlen(name));
    memcpy(path, name, size_t(length));
    self = path;
  }
  path[length] = 0;
  bool hasFooter = false;
  if (gemcut_status status = add(self, path, &hasFooter))
    return status;
  if (find(GEMCUT_SECTION_WEIGHTS))
    return GEMCUT_OK;
  if (!sidecarChecksum)
    sidecarChecksum = wantedWeights;

  char sidecar[PATH_MAX + 32];
  snprintf(sidecar, sizeof(sidecar), "%s.gemw", path);
  if (access(sidecar, F_OK) == 0)
    return addSidecar(sidecar);
  const char *slash = strrchr(path, '/');
  int folder = slash ? int(slash + 1 - path) : 0;
  char shared[32] = "";
  if (sidecarChecksum) {
    snprintf(shared, sizeof(shared), "%016llx.gemw",
             (unsigned long long)sidecarChecksum);
    snprintf(sidecar, sizeof(sidecar), "%.*s%s", folder, path, shared);
    if (access(sidecar, F_OK) == 0)
      return addSidecar(sidecar);
  }
  return fail(GEMCUT_CORRUPT_ARTIFACT,
              hasFooter || sidecarChecksum
                  ? "%s holds no weights, and there is neither %s.gemw nor %s "
                    "beside it; copy the .gemw file that was compiled with it "
                    "there, under either name"
                  : "%s does not end in a gemcut footer, and there is no "
                    "%s.gemw beside it: the executable is truncated, or "
                    "its sidecar file is missing",
              path, path + folder, shared);
}

void Artifact::close() {
  for (size_t i = 0; i < count; ++i)
    if (sections[i].data && sections[i].isMapped) {
      uint64_t inPage = offsetInPage(sections[i].offset);
      munmap(const_cast<uint8_t *>(sections[i].data) - inPage,
             inPage + sections[i].length);
    }
  count = 0;
  fileCount = 0;
  sidecarChecksum = 0;
}

const Section *Artifact::find(gemcut_section_kind kind) const {
  for (const Section &section : *this)
    if (section.kind == kind)
      return &section;
  return nullptr;
}

std::string Artifact::describe(const Section &section) const {
  return files[section.file].shownPath + ": section '" +
         getSectionName(section.kind) + "' at byte " +
         std::to_string(section.offset);
}

gemcut_status Artifact::checkLength(const Section &section,
                                    uint64_t wanted) const {
  if (section.length == wanted)
    return GEMCUT_OK;
  return fail(GEMCUT_CORRUPT_ARTIFACT,
              "%s has %llu bytes, but the code was compiled for %llu; program "
              "and weights do not belong together",
              describe(section).c_str(), (unsigned long long)section.length,
              (unsigned long long)wanted);
}

gemcut_status Artifact::verifyImage(const File &file) const {
  if (file.imageLength == 0)
    return GEMCUT_OK;
  const char *path = file.shownPath.c_str();
  int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  void *image =
      fd < 0 ? MAP_FAILED
             : mmap(nullptr, file.imageLength, PROT_READ, MAP_SHARED, fd, 0);
  int reason = errno;
  if (fd >= 0)
    ::close(fd);
  if (image == MAP_FAILED)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot read the code of %s: %s", path,
                strerror(reason));
  uint64_t checksum = xxh64(image, file.imageLength);
  munmap(image, file.imageLength);
  if (checksum != file.imageChecksum)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s: the code, its first %llu bytes, has checksum %016llx, but "
                "the footer says %016llx; the file is damaged",
                path, (unsigned long long)file.imageLength,
                (unsigned long long)checksum,
                (unsigned long long)file.imageChecksum);
  return GEMCUT_OK;
}

gemcut_status Artifact::verify() const {
  for (uint32_t i = 0; i < fileCount; ++i)
    if (gemcut_status status = verifyImage(files[i]))
      return status;
  for (const Section &section : *this) {
    uint64_t checksum = xxh64(section.data, section.length);
    if (checksum != section.checksum)
      return fail(GEMCUT_CORRUPT_ARTIFACT,
                  "%s of %llu bytes has checksum %016llx, but the footer says "
                  "%016llx; the file is damaged",
                  describe(section).c_str(), (unsigned long long)section.length,
                  (unsigned long long)checksum,
                  (unsigned long long)section.checksum);
  }
  return GEMCUT_OK;
}
