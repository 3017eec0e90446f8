//===- X86Isa.h - Dot products of x86 levels --------------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_X86_X86ISA_H
#define GEMCUT_TARGETS_X86_X86ISA_H

#include "targets/Common/VectorIsa.h"

#include <memory>

namespace gemcut::targets {

/// The instructions of `level`, one of x86Target's.
std::unique_ptr<VectorIsa> createX86Isa(const IsaLevel &level);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_X86_X86ISA_H
