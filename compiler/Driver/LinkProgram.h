//===- LinkProgram.h - An executable or a library ---------------*- C++ -*-===//
//
// What of --emit goes through a linker, and the names that follow from OUT.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_LINKPROGRAM_H
#define GEMCUT_COMPILER_DRIVER_LINKPROGRAM_H

#include "compiler/Artifact/LibraryFiles.h"
#include "compiler/Driver/Options.h"
#include "runtime/abi/model.h"
#include "targets/Common/Target.h"

#include "llvm/Support/Error.h"

namespace gemcut::driver {

/// Of the file with the weights beside OUT.
inline constexpr const char *kSidecarSuffix = ".gemw";

/// Of that file, whose weights have this checksum.
std::string sidecarPath(const CompileOptions &options, uint64_t checksum);

/// Whether it holds the runtime, weights and tokenizer, and not code alone.
bool isProgram(Emit emit);

/// Fails, before anything is computed, if something to link with is missing
/// (see checkLinkInputs), or, as a usage error, if OUT is no library's name.
llvm::Error checkProgramLink(const CompileOptions &options);

/// Objects of several levels as one.
llvm::Expected<std::vector<uint8_t>>
linkLevels(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects);

/// The file up to its sections, which take `contentBytes` with their footer.
/// `objects`: code of the levels of `spec`.
llvm::Expected<std::vector<uint8_t>>
linkProgram(const CompileOptions &options, const gemcut_model_info &info,
            const targets::TargetSpec &spec,
            llvm::ArrayRef<llvm::SmallVector<char, 0>> objects,
            uint64_t contentBytes);

/// Header, pkg-config and CMake files beside a library, to be committed.
llvm::Expected<artifact::LibraryFiles>
prepareLibraryPackage(const CompileOptions &options,
                      const gemcut_model_info &info);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_LINKPROGRAM_H
