//===- TemporaryFolder.cpp - A folder for as long as it is needed ---------===//

#include "compiler/Driver/TemporaryFolder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <unistd.h>

using namespace gemcut::driver;

namespace {

/// LLVM removes files on signals, but no folders.
constexpr int kSignals[] = {SIGHUP, SIGINT, SIGTERM};
struct sigaction handlersBefore[std::size(kSignals)];
std::atomic<char *> folders[4];

/// Empties and removes the folders, then lets the handler from before act:
/// LLVM's, or the one that ends the program.
void removeFolders(int signal) {
  llvm::sys::RunInterruptHandlers();
  for (std::atomic<char *> &folder : folders)
    if (char *path = folder.exchange(nullptr))
      rmdir(path);
  for (size_t i = 0; i < std::size(kSignals); ++i)
    if (kSignals[i] == signal)
      sigaction(signal, &handlersBefore[i], nullptr);
  raise(signal);
}

void installHandlers() {
  struct sigaction action = {};
  action.sa_handler = removeFolders;
  sigfillset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    struct sigaction now;
    sigaction(kSignals[i], nullptr, &now);
    if (now.sa_handler == removeFolders || now.sa_handler == SIG_IGN)
      continue;
    handlersBefore[i] = now;
    sigaction(kSignals[i], &action, nullptr);
  }
}

void restoreHandlers() {
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    struct sigaction now;
    sigaction(kSignals[i], nullptr, &now);
    if (now.sa_handler == removeFolders)
      sigaction(kSignals[i], &handlersBefore[i], nullptr);
  }
}

void removeOnSignal(const std::string &path) {
  // LLVM's handlers come first, so that ours lie on top and can be taken away.
  llvm::sys::RemoveFileOnSignal(path);
  llvm::sys::DontRemoveFileOnSignal(path);
  installHandlers();
  char *copy = strdup(path.c_str());
  for (std::atomic<char *> &folder : folders)
    if (char *none = nullptr; folder.compare_exchange_strong(none, copy))
      return;
  free(copy); // the next program of this name removes it
}

void dontRemoveOnSignal(const std::string &path) {
  for (std::atomic<char *> &folder : folders)
    if (char *kept = folder; kept && path == kept)
      if (folder.compare_exchange_strong(kept, nullptr))
        free(kept);
  if (llvm::all_of(folders, [](auto &folder) { return !folder.load(); }))
    restoreHandlers();
}

} // namespace

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
  removeOnSignal(path);
  return llvm::Error::success();
}

TemporaryFolder::~TemporaryFolder() {
  for (const std::string &file : files)
    llvm::sys::DontRemoveFileOnSignal(file);
  if (path.empty())
    return;
  dontRemoveOnSignal(path);
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
