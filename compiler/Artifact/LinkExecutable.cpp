//===- LinkExecutable.cpp - Objects and the runtime to one ELF ------------===//

#include "compiler/Artifact/LinkExecutable.h"

#include "compiler/Artifact/ToolchainPaths.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace gemcut::artifact;
using llvm::createStringError;

Toolchain gemcut::artifact::findToolchain(llvm::StringRef target,
                                          llvm::StringRef sysroot) {
  llvm::StringRef architecture = target.split('-').first;
  bool arm = architecture == "aarch64";
  std::string root = sysroot.str();
  Toolchain toolchain;
  toolchain.sysroot = root;
  toolchain.libcDir =
      root + (arm ? GEMCUT_AARCH64_LIBC_DIR : GEMCUT_X86_64_LIBC_DIR);
  toolchain.gccDir =
      root + (arm ? GEMCUT_AARCH64_GCC_DIR : GEMCUT_X86_64_GCC_DIR);
  toolchain.stdcxxDir =
      root + (arm ? GEMCUT_AARCH64_STDCXX_DIR : GEMCUT_X86_64_STDCXX_DIR);
  toolchain.libcPackage = "libc6-dev";
  toolchain.gccPackage = "gcc";
  toolchain.stdcxxPackage = "g++";
  if (architecture != GEMCUT_HOST_ARCHITECTURE) {
    std::string name = arm ? "arm64" : "amd64";
    toolchain.libcPackage = "libc6-dev-" + name + "-cross";
    toolchain.gccPackage = "libgcc-12-dev-" + name + "-cross";
    toolchain.stdcxxPackage = "libstdc++-12-dev-" + name + "-cross";
  }
  return toolchain;
}

namespace {

/// Temporary files for the linker, removed in the end and on signals.
class ScratchFiles {
public:
  ~ScratchFiles() {
    for (const std::string &path : paths) {
      llvm::sys::fs::remove(path);
      llvm::sys::DontRemoveFileOnSignal(path);
    }
  }
  /// A new, empty file.
  llvm::Expected<std::string> create(llvm::StringRef suffix) {
    llvm::SmallString<128> path;
    if (std::error_code code =
            llvm::sys::fs::createTemporaryFile("gemcut-link", suffix, path))
      return createStringError("making a temporary file for the linker "
                               "failed: " +
                               code.message());
    llvm::sys::RemoveFileOnSignal(path);
    paths.push_back(path.str().str());
    return paths.back();
  }

private:
  std::vector<std::string> paths;
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

llvm::Error gemcut::artifact::checkLinkInputs(llvm::StringRef runtimeArchive,
                                              const Toolchain &toolchain) {
  const std::pair<std::string, std::string> needed[] = {
      {toolchain.libcDir + "/crt1.o", toolchain.libcPackage},
      {toolchain.libcDir + "/crti.o", toolchain.libcPackage},
      {toolchain.libcDir + "/crtn.o", toolchain.libcPackage},
      {toolchain.libcDir + "/libc.a", toolchain.libcPackage},
      {toolchain.libcDir + "/libm.a", toolchain.libcPackage},
      {toolchain.gccDir + "/crtbeginT.o", toolchain.gccPackage},
      {toolchain.gccDir + "/crtend.o", toolchain.gccPackage},
      {toolchain.gccDir + "/libgcc.a", toolchain.gccPackage},
      {toolchain.gccDir + "/libgcc_eh.a", toolchain.gccPackage},
      {toolchain.stdcxxDir + "/libstdc++.a", toolchain.stdcxxPackage}};
  for (const auto &[path, package] : needed)
    if (!llvm::sys::fs::exists(path))
      return createStringError("linking needs '" + path +
                               "', which does not exist; install the package " +
                               package +
                               " or name another place with --sysroot");
  if (!llvm::sys::fs::exists(runtimeArchive))
    return createStringError(
        "linking needs '" + runtimeArchive.str() +
        "', which does not exist; build the target gemcut_rt or name the "
        "folder of runtimes with --runtime-dir");
  return llvm::Error::success();
}

llvm::Expected<std::vector<uint8_t>>
gemcut::artifact::linkExecutable(llvm::ArrayRef<llvm::ArrayRef<char>> objects,
                                 llvm::StringRef runtimeArchive,
                                 const Toolchain &toolchain) {
  if (llvm::Error error = checkLinkInputs(runtimeArchive, toolchain))
    return std::move(error);
  ScratchFiles scratch;
  std::vector<std::string> inputs;
  for (llvm::ArrayRef<char> object : objects) {
    auto path = scratch.create("o");
    if (!path)
      return path.takeError();
    if (llvm::Error error = writeFile(*path, object))
      return std::move(error);
    inputs.push_back(std::move(*path));
  }
  auto output = scratch.create("elf");
  if (!output)
    return output.takeError();
  std::vector<std::string> arguments{
      "ld.lld",      "-static", "--gc-sections", "-s", "--build-id=none", "-z",
      "noexecstack", "-o",      *output};
  if (!toolchain.sysroot.empty()) // for the paths inside linker scripts
    arguments.push_back("--sysroot=" + toolchain.sysroot);
  arguments.insert(arguments.end(), {toolchain.libcDir + "/crt1.o",
                                     toolchain.libcDir + "/crti.o",
                                     toolchain.gccDir + "/crtbeginT.o"});
  arguments.insert(arguments.end(), inputs.begin(), inputs.end());
  arguments.insert(arguments.end(),
                   {runtimeArchive.str(), "-L" + toolchain.stdcxxDir,
                    "-L" + toolchain.gccDir, "-L" + toolchain.libcDir,
                    "--start-group", "-lstdc++", "-lm", "-lgcc", "-lgcc_eh",
                    "-lc", "--end-group", toolchain.gccDir + "/crtend.o",
                    toolchain.libcDir + "/crtn.o"});
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
  auto linked = llvm::MemoryBuffer::getFile(*output, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!linked)
    return createStringError(
        *output + ": cannot be read: " + linked.getError().message());
  llvm::StringRef bytes = (*linked)->getBuffer();
  return std::vector<uint8_t>(bytes.bytes_begin(), bytes.bytes_end());
}
