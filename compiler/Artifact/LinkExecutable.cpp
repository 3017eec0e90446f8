//===- LinkExecutable.cpp - Objects and the runtime to one ELF ------------===//

#include "compiler/Artifact/LinkExecutable.h"

#include "compiler/Artifact/ToolchainPaths.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace gemcut::artifact;
using llvm::createStringError;

Toolchain gemcut::artifact::defaultToolchain() {
  return {GEMCUT_LIBC_DIR, GEMCUT_GCC_DIR, GEMCUT_STDCXX_DIR};
}

namespace {

/// A folder for the linker's inputs and output, removed in the end.
class ScratchFolder {
public:
  ~ScratchFolder() {
    if (!path.empty())
      llvm::sys::fs::remove_directories(path);
  }
  llvm::Error create() {
    if (std::error_code code =
            llvm::sys::fs::createUniqueDirectory("gemcut-link", path))
      return createStringError("making a temporary folder failed: " +
                               code.message());
    return llvm::Error::success();
  }
  std::string file(const llvm::Twine &name) const {
    llvm::SmallString<256> result(path);
    llvm::sys::path::append(result, name);
    return result.str().str();
  }

private:
  llvm::SmallString<128> path;
};

llvm::Error writeFile(const std::string &path, llvm::ArrayRef<char> bytes) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  if (!code)
    stream.write(bytes.data(), bytes.size());
  stream.close();
  if (!code)
    code = stream.error();
  stream.clear_error();
  if (code)
    return createStringError(path + ": cannot be written: " + code.message());
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::vector<uint8_t>>
gemcut::artifact::linkExecutable(llvm::ArrayRef<llvm::ArrayRef<char>> objects,
                                 llvm::StringRef runtimeArchive,
                                 const Toolchain &toolchain) {
  struct Needed {
    std::string path;
    const char *package;
  } needed[] = {
      {toolchain.libcDir + "/crt1.o", "libc6-dev"},
      {toolchain.libcDir + "/crti.o", "libc6-dev"},
      {toolchain.libcDir + "/crtn.o", "libc6-dev"},
      {toolchain.libcDir + "/libc.a", "libc6-dev"},
      {toolchain.gccDir + "/crtbeginT.o", "gcc"},
      {toolchain.gccDir + "/crtend.o", "gcc"},
      {toolchain.gccDir + "/libgcc.a", "gcc"},
      {toolchain.stdcxxDir + "/libstdc++.a", "g++"},
      {runtimeArchive.str(), "gemcut itself (build target gemcut_rt)"},
  };
  for (const Needed &file : needed)
    if (!llvm::sys::fs::exists(file.path))
      return createStringError("linking needs '" + file.path +
                               "', which does not exist; it comes with " +
                               file.package);
  ScratchFolder scratch;
  if (llvm::Error error = scratch.create())
    return std::move(error);
  std::vector<std::string> inputs;
  for (size_t i = 0; i < objects.size(); ++i) {
    inputs.push_back(scratch.file("part" + llvm::Twine(i) + ".o"));
    if (llvm::Error error = writeFile(inputs.back(), objects[i]))
      return std::move(error);
  }
  std::string output = scratch.file("out");
  std::vector<std::string> arguments{"ld.lld",
                                     "-static",
                                     "--gc-sections",
                                     "-s",
                                     "--build-id=none",
                                     "-z",
                                     "noexecstack",
                                     "-o",
                                     output,
                                     needed[0].path,
                                     needed[1].path,
                                     needed[4].path};
  arguments.insert(arguments.end(), inputs.begin(), inputs.end());
  for (const std::string &argument :
       {runtimeArchive.str(), "-L" + toolchain.stdcxxDir,
        "-L" + toolchain.gccDir, "-L" + toolchain.libcDir,
        std::string("--start-group"), std::string("-lstdc++"),
        std::string("-lm"), std::string("-lgcc"), std::string("-lgcc_eh"),
        std::string("-lc"), std::string("--end-group"), needed[5].path,
        needed[2].path})
    arguments.push_back(argument);
  std::vector<const char *> raw;
  for (const std::string &argument : arguments)
    raw.push_back(argument.c_str());

  std::string messages;
  llvm::raw_string_ostream stream(messages);
  static std::mutex linker; // lld has global state
  std::lock_guard<std::mutex> lock(linker);
  lld::Result result =
      lld::lldMain(raw, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode)
    return createStringError("linking the executable failed: " + stream.str());
  auto linked = llvm::MemoryBuffer::getFile(output, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!linked)
    return createStringError(
        output + ": cannot be read: " + linked.getError().message());
  llvm::StringRef bytes = (*linked)->getBuffer();
  return std::vector<uint8_t>(bytes.bytes_begin(), bytes.bytes_end());
}
