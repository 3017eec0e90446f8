//===- TemporaryFolder.cpp - A folder for as long as it is needed ---------===//

#include "compiler/Driver/TemporaryFolder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

using namespace gemcut::driver;

llvm::Error TemporaryFolder::create(const std::string &prefix) {
  // LLVM takes a relative name as one in the folder for temporary files.
  llvm::SmallString<256> absolute(prefix), made;
  std::error_code code = llvm::sys::fs::make_absolute(absolute);
  if (!code) {
    artifact::removeLeftovers(absolute);
    code = llvm::sys::fs::createUniqueDirectory(absolute, made);
  }
  if (code)
    return llvm::createStringError(
        prefix + "-*: a temporary folder cannot be made: " + code.message());
  path = made.str().str();
  claim.emplace(path);
  return llvm::Error::success();
}

TemporaryFolder::~TemporaryFolder() {
  for (const std::string &file : files)
    llvm::sys::DontRemoveFileOnSignal(file);
  if (!path.empty())
    llvm::sys::fs::remove_directories(path);
}

std::string TemporaryFolder::file(llvm::StringRef name) const {
  llvm::SmallString<256> joined(path);
  llvm::sys::path::append(joined, name);
  std::string file = joined.str().str();
  if (!llvm::is_contained(files, file)) {
    llvm::sys::RemoveFileOnSignal(file);
    files.push_back(file);
  }
  return file;
}
