//===- CheckpointFiles.h - Writes checkpoints for tests ---------*- C++ -*-===//

#ifndef GEMCUT_TEST_UNIT_SAFETENSORS_CHECKPOINTFILES_H
#define GEMCUT_TEST_UNIT_SAFETENSORS_CHECKPOINTFILES_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace gemcut::test {

/// A folder that lives as long as this object.
class TemporaryFolder {
public:
  TemporaryFolder() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("gemcut-test", name));
  }
  ~TemporaryFolder() {
    // Unlike LLVM's function, this one removes special files as well.
    std::error_code error;
    std::filesystem::remove_all(path(), error);
    EXPECT_FALSE(error) << path();
  }

  std::string path() const { return std::string(name); }
  std::string path(const std::string &file) const {
    return path() + "/" + file;
  }

  void write(const std::string &file, const std::string &bytes) const {
    std::ofstream stream(path(file), std::ios::binary);
    stream.write(bytes.data(), std::streamsize(bytes.size()));
    EXPECT_TRUE(stream.good()) << file;
  }

private:
  llvm::SmallString<128> name;
};

/// Eight bytes of length, little-endian, then the header.
inline std::string withLength(const std::string &header) {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes.push_back(char(uint64_t(header.size()) >> 8 * i));
  return bytes + header;
}

/// A whole file whose data are zeros.
inline std::string zeroFile(const std::string &header, size_t dataBytes) {
  return withLength(header) + std::string(dataBytes, '\0');
}

/// The text of the error of `result`, or "" if there is none.
template <typename T> std::string errorOf(llvm::Expected<T> result) {
  return result ? "" : llvm::toString(result.takeError());
}

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_SAFETENSORS_CHECKPOINTFILES_H
