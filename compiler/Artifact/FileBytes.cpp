//===- FileBytes.cpp - Reading and writing whole ranges of files ----------===//

#include "compiler/Artifact/FileBytes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <vector>

using namespace gemcut::artifact;

char OutputError::ID = 0;

void OutputError::log(llvm::raw_ostream &stream) const { stream << message; }

std::error_code OutputError::convertToErrorCode() const {
  return std::make_error_code(std::errc::io_error);
}

llvm::Error gemcut::artifact::nameOutput(llvm::StringRef path,
                                         llvm::Error error) {
  if (!error.isA<OutputError>())
    return error;
  return llvm::make_error<OutputError>(
      (path + ": " + llvm::toString(std::move(error))).str());
}

llvm::Error gemcut::artifact::writeAt(int descriptor, const void *data,
                                      size_t length, uint64_t offset) {
  auto *bytes = static_cast<const char *>(data);
  while (length) {
    ssize_t count = pwrite(descriptor, bytes, length, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return llvm::make_error<OutputError>(
          std::string("writing the output failed: ") +
          std::strerror(count ? errno : ENOSPC));
    bytes += count;
    length -= size_t(count);
    offset += uint64_t(count);
  }
  return llvm::Error::success();
}

/// As pread of all `length` bytes.
static llvm::Error readPiece(int descriptor, void *data, size_t length,
                             uint64_t offset) {
  auto *bytes = static_cast<char *>(data);
  while (length) {
    ssize_t count = pread(descriptor, bytes, length, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return llvm::make_error<OutputError>(
          std::string("reading the output back failed: ") +
          (count ? std::strerror(errno) : "it ended early"));
    bytes += count;
    length -= size_t(count);
    offset += uint64_t(count);
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<uint8_t>> gemcut::artifact::readAt(int descriptor,
                                                              uint64_t length) {
  std::vector<uint8_t> bytes(length);
  if (llvm::Error error =
          readPiece(descriptor, bytes.data(), bytes.size(), /*offset=*/0))
    return std::move(error);
  return bytes;
}

llvm::Expected<uint64_t>
gemcut::artifact::checksumOf(int descriptor, uint64_t offset, uint64_t length) {
  // Read in pieces: a mapping would count the whole section as resident.
  std::vector<char> piece(size_t(4) << 20);
  XXH64_state_t state;
  XXH64_reset(&state, /*seed=*/0);
  while (length) {
    size_t wanted = size_t(std::min<uint64_t>(length, piece.size()));
    if (llvm::Error error = readPiece(descriptor, piece.data(), wanted, offset))
      return std::move(error);
    XXH64_update(&state, piece.data(), wanted);
    offset += wanted;
    length -= wanted;
  }
  return XXH64_digest(&state);
}
