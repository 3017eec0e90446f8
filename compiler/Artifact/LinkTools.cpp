//===- LinkTools.cpp - The in-process linker and its files ----------------===//

#include "compiler/Artifact/LinkTools.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>
#include <thread>

LLD_HAS_DRIVER(elf)

using namespace gemcut::artifact;
using llvm::createStringError;

static std::string &installation() {
  static std::string folder;
  return folder;
}

void gemcut::artifact::setInstallation(llvm::StringRef folder) {
  installation() = folder.str();
}

/// build/bin/gemcut -> build. Asked once: later the program may have been
/// replaced, and has no name any more.
static const std::string &aroundProgram() {
  static const std::string folder = [] {
    std::string self = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
    return llvm::sys::path::parent_path(llvm::sys::path::parent_path(self))
        .str();
  }();
  return folder;
}

std::string gemcut::artifact::inInstallation(llvm::StringRef path) {
  llvm::SmallString<256> joined(installation().empty() ? aroundProgram()
                                                       : installation());
  llvm::sys::path::append(joined, path);
  return joined.str().str();
}

static constexpr const char *kScratchName = "gemcut-link";

ScratchFiles::ScratchFiles() {
  llvm::SmallString<128> prefix;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, prefix);
  llvm::sys::path::append(prefix, kScratchName);
  removeLeftovers(prefix);
}

ScratchFiles::~ScratchFiles() {
  for (const std::string &path : paths) {
    llvm::sys::fs::remove(path);
    llvm::sys::DontRemoveFileOnSignal(path);
  }
}

llvm::Expected<std::string> ScratchFiles::create(llvm::StringRef suffix) {
  llvm::SmallString<128> path;
  if (std::error_code code =
          llvm::sys::fs::createTemporaryFile(kScratchName, suffix, path)) {
    llvm::SmallString<128> folder;
    llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, folder);
    return createStringError("linking needs a temporary file in '" +
                             folder.str().str() + "': " + code.message() +
                             "; name another folder with TMPDIR");
  }
  llvm::sys::RemoveFileOnSignal(path);
  claims.emplace_back(path);
  paths.push_back(path.str().str());
  return paths.back();
}

llvm::Expected<std::string> ScratchFiles::write(llvm::StringRef suffix,
                                                llvm::ArrayRef<char> bytes) {
  auto path = create(suffix);
  if (!path)
    return path.takeError();
  std::error_code code;
  llvm::raw_fd_ostream stream(*path, code);
  if (!code)
    stream.write(bytes.data(), bytes.size());
  stream.close();
  if (!code)
    code = stream.error();
  stream.clear_error();
  if (code)
    return createStringError(*path + ": cannot be written: " + code.message());
  return std::move(*path);
}

llvm::Expected<std::vector<std::string>>
ScratchFiles::writeAll(llvm::StringRef suffix,
                       llvm::ArrayRef<llvm::ArrayRef<char>> objects) {
  std::vector<std::string> written;
  for (llvm::ArrayRef<char> object : objects) {
    auto path = write(suffix, object);
    if (!path)
      return path.takeError();
    written.push_back(std::move(*path));
  }
  return written;
}

llvm::Error gemcut::artifact::checkInputsExist(llvm::ArrayRef<LinkInput> inputs,
                                               llvm::StringRef archive,
                                               llvm::StringRef archiveTarget) {
  for (const auto &[path, package] : inputs)
    if (!llvm::sys::fs::exists(path))
      return createStringError("linking needs '" + path +
                               "', which does not exist; install the package " +
                               package +
                               " or name another place with --sysroot");
  if (!llvm::sys::fs::exists(archive))
    return createStringError("linking needs '" + archive +
                             "', which does not exist; build the target " +
                             archiveTarget +
                             " or name the folder of runtimes with "
                             "--runtime-dir");
  return llvm::Error::success();
}

/// lld maps its output, and a page that the filesystem has no room for is a
/// signal: fails where `output` may not have the room for all `arguments` that
/// are files.
static llvm::Error requireRoom(llvm::StringRef output,
                               llvm::ArrayRef<std::string> arguments) {
  constexpr uint64_t kSystemLibraries = 2 << 20; // what is taken of them
  uint64_t bytes = kSystemLibraries;
  for (const std::string &argument : arguments)
    if (uint64_t size; !llvm::sys::fs::file_size(argument, size))
      bytes += size;
  auto space = llvm::sys::fs::disk_space(output);
  if (!space || space->available >= bytes)
    return llvm::Error::success();
  return createStringError(
      "linking needs " + std::to_string((bytes >> 20) + 1) + " MiB in '" +
      llvm::sys::path::parent_path(output).str() + "', whose filesystem has " +
      std::to_string(space->available >> 20) +
      " MiB left; free space or name another folder with TMPDIR");
}

llvm::Expected<std::vector<uint8_t>>
gemcut::artifact::runLinker(std::vector<std::string> arguments,
                            llvm::StringRef what) {
  ScratchFiles scratch;
  auto output = scratch.create("elf");
  if (!output)
    return output.takeError();
  if (llvm::Error error = requireRoom(*output, arguments))
    return std::move(error);
  // lld frees what its threads allocate when they end, and theirs are LLVM's,
  // which never do: one of our own does all of it.
  std::vector<const char *> raw{"ld.lld", "--threads=1", "-o", output->c_str()};
  for (const std::string &argument : arguments)
    raw.push_back(argument.c_str());

  std::string messages;
  llvm::raw_string_ostream stream(messages);
  static std::mutex linker; // lld has global state
  std::lock_guard<std::mutex> lock(linker);
  lld::Result result;
  std::thread([&] {
    result = lld::lldMain(raw, stream, stream, {{lld::Gnu, &lld::elf::link}});
  }).join();
  if (result.retCode)
    return createStringError("linking " + what.str() +
                             " failed: " + stream.str());
  auto linked = llvm::MemoryBuffer::getFile(*output, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!linked)
    return createStringError(
        *output + ": cannot be read: " + linked.getError().message());
  llvm::StringRef bytes = (*linked)->getBuffer();
  return std::vector<uint8_t>(bytes.bytes_begin(), bytes.bytes_end());
}
