//===- ArtifactReader.h - What a produced file holds ------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_ARTIFACTREADER_H
#define GEMCUT_COMPILER_ARTIFACT_ARTIFACTREADER_H

#include "runtime/abi/artifact.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>

namespace gemcut::artifact {

/// The footer of the executable or sidecar at `path`; nullopt if the file does
/// not end in a footer's magic. Errors: a file that cannot be read, another
/// format version, a footer whose checksum, file length or section ranges are
/// wrong.
llvm::Expected<std::optional<gemcut_footer>> readFooter(llvm::StringRef path);

/// The bytes of a section of `path`. Errors: as reading; a checksum that does
/// not match.
llvm::Expected<std::string> readSection(llvm::StringRef path,
                                        const gemcut_section &section);

/// Success if the file at `path`, which was named as a model, is no program; or
/// says which program it is and what to name instead.
llvm::Error refuseProgram(llvm::StringRef path);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_ARTIFACTREADER_H
