//===- AArch64Isa.h - Dot products of AArch64 levels ------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_AARCH64_AARCH64ISA_H
#define GEMCUT_TARGETS_AARCH64_AARCH64ISA_H

#include "targets/Common/VectorIsa.h"

#include <memory>

namespace gemcut::targets {

/// The instructions of `level`, one of aarch64Target's.
std::unique_ptr<VectorIsa> createAArch64Isa(const IsaLevel &level);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_AARCH64_AARCH64ISA_H
