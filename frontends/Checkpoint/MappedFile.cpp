//===- MappedFile.cpp - A file, mapped for reading ------------------------===//

#include "frontends/Checkpoint/MappedFile.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Errno.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut::checkpoint;
using llvm::createStringError;

llvm::Expected<MappedFile> MappedFile::open(llvm::StringRef path) {
  MappedFile file;
  file.name = path.str();
  // O_NONBLOCK: opening a FIFO would otherwise wait for a writer.
  int descriptor = ::open(file.name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return createStringError(path +
                             ": cannot be opened: " + llvm::sys::StrError());
  llvm::scope_exit closing([&] { close(descriptor); });
  struct stat status;
  if (fstat(descriptor, &status) || !S_ISREG(status.st_mode))
    return createStringError(path + ": is not a regular file");
  auto length = size_t(status.st_size);
  if (!length)
    return file;
  void *data = mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED)
    return createStringError(
        path + ": " + llvm::Twine(length) +
        " bytes cannot be mapped: " + llvm::sys::StrError());
  file.content = {static_cast<const uint8_t *>(data), length};
  return file;
}

MappedFile::~MappedFile() {
  if (!content.empty())
    munmap(const_cast<uint8_t *>(content.data()), content.size());
}

llvm::Error gemcut::checkpoint::refuseSpecialFile(llvm::StringRef path) {
  struct stat status;
  if (stat(path.str().c_str(), &status) || S_ISREG(status.st_mode) ||
      S_ISDIR(status.st_mode))
    return llvm::Error::success();
  return createStringError(path + ": is a device or a pipe, expected a "
                                  "regular file");
}

void gemcut::checkpoint::releasePages(llvm::ArrayRef<uint8_t> range) {
  auto begin = reinterpret_cast<uintptr_t>(range.begin());
  auto end = reinterpret_cast<uintptr_t>(range.end());
  auto page = uintptr_t(sysconf(_SC_PAGESIZE));
  begin = (begin + page - 1) & ~(page - 1);
  end &= ~(page - 1);
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}
