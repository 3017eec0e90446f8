//===- cpu.h - What this CPU can execute ------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_CPU_H
#define GEMCUT_RUNTIME_CORE_CPU_H

#include "runtime/abi/model.h"
#include "runtime/abi/status.h"

#include <cstddef>
#include <cstdint>

namespace gemcut {

/// A set of CPU features, one bit per name.
///
/// x86-64: avx2 fma f16c bmi2 avx512f avx512bw avx512dq avx512vl avx512vnni
/// avx512bf16 avxvnni amxtile amxint8 amxbf16. AArch64: neon dotprod i8mm bf16
/// sve.
/// A feature counts only if the operating system saves its registers too.
using CpuFeatures = uint32_t;

/// Features of the CPU this runs on. Where it has AMX, asks the operating system
/// for the right of all threads to use it; AMX does not count if that is
/// refused. Source: Intel SDM volume 2A, CPUID leaves 1 and 7; volume 1 section
/// 13.3 for XCR0.
CpuFeatures detectCpuFeatures();

/// Parses "avx2,fma,f16c"; an empty list is the empty set.
/// GEMCUT_CORRUPT_ARTIFACT names what is unknown.
[[nodiscard]] gemcut_status parseCpuFeatures(const char *list,
                                             CpuFeatures &features);

/// Writes "avx2,fma" (cut to `size`, terminated).
void formatCpuFeatures(CpuFeatures features, char *text, size_t size);

/// Chooses the code to run: the first of `levels` whose features are all in
/// `cpu`, or the one called `forced` (null: any). GEMCUT_UNSUPPORTED_CPU says
/// which features are missing, GEMCUT_INVALID_ARGUMENT which levels exist.
[[nodiscard]] gemcut_status chooseLevel(const gemcut_level *levels,
                                        int32_t count, CpuFeatures cpu,
                                        const char *forced,
                                        const gemcut_level *&chosen);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_CPU_H
