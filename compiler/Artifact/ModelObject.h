//===- ModelObject.h - The tables that the runtime links to -----*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_MODELOBJECT_H
#define GEMCUT_COMPILER_ARTIFACT_MODELOBJECT_H

#include "runtime/abi/model.h"
#include "targets/Common/Target.h"

#include "llvm/Support/Error.h"

#include <string>

namespace gemcut::artifact {

/// Object code that defines `gemcut_model` (the bytes of `info`),
/// `gemcut_levels` (the levels of `spec` in order, with their
/// gemcut_<entry>_<level> functions) and `gemcut_level_count`.
llvm::Expected<llvm::SmallVector<char, 0>>
emitModelObject(const gemcut_model_info &info, const targets::TargetSpec &spec);

/// What a library's bundle says besides model and levels.
struct BundleSpec {
  std::string function; ///< the symbol that gives the bundle's address
  uint64_t blobBytes;   ///< of the sections and their footer
  std::string sidecar;  ///< name of the file with the weights, or empty
  bool isShared;        ///< kind of the library
};

/// Object code for a library: the same tables, but local, behind a
/// gemcut_bundle that the one global symbol `bundle.function` returns. Its blob
/// is one byte in the section blobSection, which whoever writes the file
/// makes grow (GrowSection.h).
llvm::Expected<llvm::SmallVector<char, 0>>
emitBundleObject(const gemcut_model_info &info, const targets::TargetSpec &spec,
                 const BundleSpec &bundle);

/// The section of a library's blob.
struct BlobSection {
  llvm::StringLiteral name;
  bool isWritable; ///< as its name demands; nothing writes to it
};

/// For x86-64 a large one, which linkers put apart from code. Else, in a shared
/// library one of its own, whose place linkSharedLibrary chooses; in a static
/// one .data1, which linkers put between .data and .bss.
BlobSection blobSection(llvm::StringRef triple, bool isShared);

/// What a static library's blob may have, so that code reaches .bss behind it:
/// 4 GiB less what a program has itself. 0: no limit.
uint64_t longestStaticBlob(llvm::StringRef triple);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_MODELOBJECT_H
