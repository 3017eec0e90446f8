//===- LinkExecutable.h - Objects and the runtime to one ELF ----*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_LINKEXECUTABLE_H
#define GEMCUT_COMPILER_ARTIFACT_LINKEXECUTABLE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace gemcut::artifact {

/// Where the C and C++ libraries of a target are.
struct Toolchain {
  /// Only shared libraries are linked for it, with stubs of the C library that
  /// lie beside the runtime's archive; nothing below is used.
  bool isAndroid = false;
  std::string sysroot;   ///< prefix of the folders below, or empty
  std::string libcDir;   ///< rcrt1.o, crti.o, crtn.o, libc.a, libm.a
  std::string gccDir;    ///< crtbeginS.o, crtendS.o, libgcc.a, libgcc_eh.a
  std::string stdcxxDir; ///< libstdc++.a
  /// Debian packages with the files of the three folders.
  std::string libcPackage, gccPackage, stdcxxPackage;
};

/// The folders for `target` ("aarch64-linux") that were found when gemcut was
/// configured, below `sysroot` (a folder laid out like /). Empty: below
/// lib/sysroot of the installation if that exists, else below / itself.
Toolchain findToolchain(llvm::StringRef target, llvm::StringRef sysroot);

/// Fails if the archive or a file of the toolchain is missing, and says which
/// package holds it.
llvm::Error checkLinkInputs(llvm::StringRef runtimeArchive,
                            const Toolchain &toolchain);

/// Links `objects` (object code in memory) and the archive `runtimeArchive`
/// into a static, stripped, position-independent executable by in-process lld
/// and returns its bytes. Errors: a missing file (see checkLinkInputs), no room
/// for temporary files, or what the linker reports.
llvm::Expected<std::vector<uint8_t>>
linkExecutable(llvm::ArrayRef<llvm::ArrayRef<char>> objects,
               llvm::StringRef runtimeArchive, const Toolchain &toolchain);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_LINKEXECUTABLE_H
