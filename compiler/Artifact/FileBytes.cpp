//===- FileBytes.cpp - Reading and writing whole ranges of files ----------===//

#include "compiler/Artifact/FileBytes.h"

#include "llvm/Support/xxhash.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut::artifact;

llvm::Error gemcut::artifact::writeAt(int descriptor, const void *data,
                                      size_t length, uint64_t offset) {
  auto *bytes = static_cast<const char *>(data);
  while (length) {
    ssize_t count = pwrite(descriptor, bytes, length, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return llvm::createStringError(
          std::string("writing the output failed: ") +
          std::strerror(count ? errno : ENOSPC));
    bytes += count;
    length -= size_t(count);
    offset += uint64_t(count);
  }
  return llvm::Error::success();
}

llvm::Expected<uint64_t>
gemcut::artifact::checksumOf(int descriptor, uint64_t offset, uint64_t length) {
  if (!length)
    return llvm::xxHash64(llvm::ArrayRef<uint8_t>());
  // Offsets of sections are multiples of every page size.
  void *data =
      mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor, off_t(offset));
  if (data == MAP_FAILED)
    return llvm::createStringError(
        std::string("mapping the output to check it failed: ") +
        std::strerror(errno));
  madvise(data, length, MADV_SEQUENTIAL);
  uint64_t hash = llvm::xxHash64(
      llvm::ArrayRef(static_cast<const uint8_t *>(data), size_t(length)));
  munmap(data, length);
  return hash;
}
