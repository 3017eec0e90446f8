//===- AArch64Target.h - 64-bit ARM levels and code generation --*- C++ -*-===//

#ifndef GEMCUT_TARGETS_AARCH64_AARCH64TARGET_H
#define GEMCUT_TARGETS_AARCH64_AARCH64TARGET_H

#include "targets/Common/Target.h"

namespace gemcut::targets {

/// AArch64 Linux. Levels, best first: i8mm (Armv8.6: products of signed and
/// unsigned bytes, bf16 dot products), dotprod (Armv8.2: products of signed
/// bytes), neon (Armv8.0, the baseline).
const Target &aarch64Target();

/// The same levels for Android 10 (API level 29) and later.
const Target &androidTarget();

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_AARCH64_AARCH64TARGET_H
