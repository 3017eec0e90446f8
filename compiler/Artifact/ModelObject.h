//===- ModelObject.h - The tables that the runtime links to -----*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_MODELOBJECT_H
#define GEMCUT_COMPILER_ARTIFACT_MODELOBJECT_H

#include "runtime/abi/model.h"
#include "targets/Common/Target.h"

#include "llvm/Support/Error.h"

namespace gemcut::artifact {

/// Object code that defines `gemcut_model` (the bytes of `info`),
/// `gemcut_levels` (the levels of `spec` in order, with their
/// gemcut_<entry>_<level> functions) and `gemcut_level_count`.
llvm::Expected<llvm::SmallVector<char, 0>>
emitModelObject(const gemcut_model_info &info, const targets::TargetSpec &spec);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_MODELOBJECT_H
