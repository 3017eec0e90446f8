//===- X86Target.h - x86-64 levels and code generation ----------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_X86_X86TARGET_H
#define GEMCUT_TARGETS_X86_X86TARGET_H

#include "targets/Common/Target.h"

namespace gemcut::targets {

/// x86-64 Linux. Levels, best first: amx, avx512bf16 and avx512vnni (x86-64-v4
/// and these), avxvnni (x86-64-v3 and 256-bit dot products), avx2 (x86-64-v3,
/// the baseline).
const Target &x86Target();

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_X86_X86TARGET_H
