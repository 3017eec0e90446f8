//===- VectorCode.h - Loops in a version per vector unit --------*- C++ -*-===//
//
// What the quantizers need to run fast on the compiling machine and to give the
// same bytes on every one.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_ARTIFACT_VECTORCODE_H
#define GEMCUT_COMPILER_ARTIFACT_VECTORCODE_H

/// Vector code for the compiling machine, chosen when the compiler starts. The
/// versions give the same bits: sums go by lane, and files that use this are
/// compiled without contraction to fused multiply-adds.
#if defined(__x86_64__) && defined(__clang__) &&                               \
    !__has_feature(address_sanitizer) && !defined(GEMCUT_ONE_VERSION)
#define GEMCUT_MULTIVERSION                                                    \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define GEMCUT_MULTIVERSION
#endif

/// What the versions call must become part of them.
#define GEMCUT_INLINE inline __attribute__((always_inline))

#endif // GEMCUT_COMPILER_ARTIFACT_VECTORCODE_H
