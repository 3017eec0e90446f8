//===- executable.cpp - A model inside an executable ----------------------===//

#include "runtime/abi/executable.h"

#include "runtime/abi/bundle.h"
#include "runtime/abi/image.h"
#include "runtime/api/elf_image.h"
#include "runtime/core/artifact.h"
#include "runtime/core/error.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::api;

struct gemcut_executable {
  ElfImage image;
  gemcut_bundle bundle = {};
  std::string weights;
  void *blob = MAP_FAILED;

  ~gemcut_executable() {
    if (blob != MAP_FAILED)
      munmap(blob, bundle.blob_bytes);
  }

  gemcut_status open(int fd, const char *path);
  gemcut_status openImage(int fd, uint64_t length, const char *path);
  gemcut_status findWeights(const gemcut_footer &footer, const char *path);
};

/// Checks everything that the runtime will follow.
static gemcut_status check(const ElfImage &image, const gemcut_image &table,
                           const char *path) {
  auto damaged = [&](const char *what) {
    return fail(GEMCUT_CORRUPT_ARTIFACT, "%s: %s; compile the model again",
                path, what);
  };
  if (table.version != GEMCUT_IMAGE_VERSION ||
      table.size != sizeof(gemcut_image))
    return damaged("was made by another version of gemcut");
  if (!image.holds(table.model, sizeof(*table.model)) ||
      table.level_count == 0 || table.level_count > 64 ||
      !image.holds(table.levels, table.level_count * sizeof(*table.levels)))
    return damaged("has a damaged description of its model");
  for (uint64_t i = 0; i < table.level_count; ++i) {
    const gemcut_level &level = table.levels[i];
    bool isSound =
        image.holdsText(level.name) && image.holdsText(level.features);
    for (gemcut_entry_fn entry :
         {level.decode, level.prefill, level.extend, level.score})
      isSound &= image.holds(reinterpret_cast<void *>(entry), 1, true);
    for (gemcut_entry_fn entry : {level.bounds, level.rescore})
      isSound &=
          !entry || image.holds(reinterpret_cast<void *>(entry), 1, true);
    if (!isSound)
      return damaged("has a damaged list of levels");
  }
  return GEMCUT_OK;
}

gemcut_status gemcut_executable::openImage(int fd, uint64_t length,
                                           const char *path) {
  if (gemcut_status status = image.open(fd, length, path))
    return status;
  auto *table = static_cast<const gemcut_image *>(
      image.findSection(GEMCUT_IMAGE_SECTION, sizeof(gemcut_image)));
  if (!table)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s: has no section " GEMCUT_IMAGE_SECTION
                "; compile it with this version of gemcut",
                path);
  if (gemcut_status status = check(image, *table, path))
    return status;
  if (gemcut_status status = image.redirect(
          table->team_claim, reinterpret_cast<void *>(gemcut_team_claim)))
    return status;
  if (gemcut_status status = image.redirect(
          table->team_barrier, reinterpret_cast<void *>(gemcut_team_barrier)))
    return status;
  bundle.version = GEMCUT_BUNDLE_VERSION;
  bundle.size = sizeof(bundle);
  bundle.model = table->model;
  bundle.levels = table->levels;
  bundle.level_count = table->level_count;
  return image.protect();
}

/// The file that Artifact::openSelf would take.
gemcut_status gemcut_executable::findWeights(const gemcut_footer &footer,
                                             const char *path) {
  weights = std::string(path) + ".gemw";
  if (access(weights.c_str(), F_OK) != 0) {
    char shared[32];
    snprintf(shared, sizeof(shared), "%016llx.gemw",
             (unsigned long long)footer.sidecar_checksum);
    std::string folder(path);
    folder.resize(folder.rfind('/') + 1); // npos + 1: none
    weights = folder + shared;
  }
  bundle.sidecar = weights.c_str();
  return GEMCUT_OK;
}

gemcut_status gemcut_executable::open(int fd, const char *path) {
  struct stat info;
  if (fstat(fd, &info) != 0)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot inspect %s: %s", path,
                strerror(errno));
  uint64_t length = uint64_t(info.st_size);
  gemcut_footer footer = {};
  if (length < sizeof(footer) ||
      pread(fd, &footer, sizeof(footer), off_t(length - sizeof(footer))) !=
          ssize_t(sizeof(footer)))
    return fail(GEMCUT_CORRUPT_ARTIFACT, "%s is too short for an executable",
                path);
  if (gemcut_status status = checkFooter(footer, length, path))
    return status;
  uint64_t begin = length - sizeof(footer);
  bool hasWeights = false;
  for (uint32_t i = 0; i < footer.section_count; ++i) {
    begin = std::min(begin, footer.sections[i].offset);
    hasWeights |= footer.sections[i].kind == GEMCUT_SECTION_WEIGHTS;
  }
  if (gemcut_status status = openImage(fd, begin, path))
    return status;
  begin = begin / GEMCUT_BLOB_ALIGNMENT * GEMCUT_BLOB_ALIGNMENT; // of pages
  bundle.blob_bytes = length - begin;
  blob =
      mmap(nullptr, bundle.blob_bytes, PROT_READ, MAP_SHARED, fd, off_t(begin));
  if (blob == MAP_FAILED)
    return fail(GEMCUT_OUT_OF_MEMORY, "cannot map the sections of %s: %s", path,
                strerror(errno));
  bundle.blob = static_cast<const uint8_t *>(blob);
  return hasWeights ? GEMCUT_OK : findWeights(footer, path);
}

gemcut_status gemcut_executable_open(const char *path,
                                     gemcut_executable **result) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot open %s: %s", path,
                strerror(errno));
  auto executable = std::make_unique<gemcut_executable>();
  gemcut_status status = executable->open(fd, path);
  close(fd); // the mapping keeps the file
  if (status == GEMCUT_OK)
    *result = executable.release();
  return status;
}

const gemcut_bundle *
gemcut_executable_bundle(const gemcut_executable *executable) {
  return &executable->bundle;
}

const char *gemcut_executable_weights(const gemcut_executable *executable) {
  return executable->bundle.sidecar;
}

void gemcut_executable_close(gemcut_executable *executable) {
  delete executable;
}
