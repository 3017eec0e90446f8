//===- LinkExecutable.cpp - Objects and the runtime to one ELF ------------===//

#include "compiler/Artifact/LinkExecutable.h"

#include "compiler/Artifact/LinkTools.h"
#include "compiler/Artifact/ToolchainPaths.h"

#include "llvm/Support/FileSystem.h"

using namespace gemcut::artifact;

Toolchain gemcut::artifact::findToolchain(llvm::StringRef target,
                                          llvm::StringRef sysroot) {
  llvm::StringRef architecture = target.split('-').first;
  bool arm = architecture == "aarch64";
  std::string root = sysroot.str();
  if (std::string own = inInstallation("lib/sysroot");
      root.empty() && llvm::sys::fs::is_directory(own))
    root = own;
  Toolchain toolchain;
  toolchain.isAndroid = target.ends_with("-android");
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

llvm::Error gemcut::artifact::checkLinkInputs(llvm::StringRef runtimeArchive,
                                              const Toolchain &toolchain) {
  const LinkInput needed[] = {
      {toolchain.libcDir + "/rcrt1.o", toolchain.libcPackage},
      {toolchain.libcDir + "/crti.o", toolchain.libcPackage},
      {toolchain.libcDir + "/crtn.o", toolchain.libcPackage},
      {toolchain.libcDir + "/libc.a", toolchain.libcPackage},
      {toolchain.libcDir + "/libm.a", toolchain.libcPackage},
      {toolchain.gccDir + "/crtbeginS.o", toolchain.gccPackage},
      {toolchain.gccDir + "/crtendS.o", toolchain.gccPackage},
      {toolchain.gccDir + "/libgcc.a", toolchain.gccPackage},
      {toolchain.gccDir + "/libgcc_eh.a", toolchain.gccPackage},
      {toolchain.stdcxxDir + "/libstdc++.a", toolchain.stdcxxPackage}};
  return checkInputsExist(needed, runtimeArchive, "gemcut_rt");
}

llvm::Expected<std::vector<uint8_t>>
gemcut::artifact::linkExecutable(llvm::ArrayRef<llvm::ArrayRef<char>> objects,
                                 llvm::StringRef runtimeArchive,
                                 const Toolchain &toolchain) {
  if (llvm::Error error = checkLinkInputs(runtimeArchive, toolchain))
    return std::move(error);
  ScratchFiles scratch;
  auto inputs = scratch.writeAll("o", objects);
  if (!inputs)
    return inputs.takeError();
  std::vector<std::string> arguments{
      "-static",    "-pie", "--no-dynamic-linker",  "-z",
      "text",       "-z",   "pack-relative-relocs", "--gc-sections",
      "--icf=all",  "-s",   "--build-id=none",      "-z",
      "noexecstack"};
  if (!toolchain.sysroot.empty()) // for the paths inside linker scripts
    arguments.push_back("--sysroot=" + toolchain.sysroot);
  arguments.insert(arguments.end(), {toolchain.libcDir + "/rcrt1.o",
                                     toolchain.libcDir + "/crti.o",
                                     toolchain.gccDir + "/crtbeginS.o"});
  arguments.insert(arguments.end(), inputs->begin(), inputs->end());
  arguments.insert(arguments.end(),
                   {runtimeArchive.str(), "-L" + toolchain.stdcxxDir,
                    "-L" + toolchain.gccDir, "-L" + toolchain.libcDir,
                    "--start-group", "-lstdc++", "-lm", "-lgcc", "-lgcc_eh",
                    "-lc", "--end-group", toolchain.gccDir + "/crtendS.o",
                    toolchain.libcDir + "/crtn.o"});
  return runLinker(std::move(arguments), "the executable");
}
