//===- VnniForms.h - AVX-VNNI for CPUs without it ---------------*- C++ -*-===//

#ifndef GEMCUT_TEST_NUMERICS_VNNIFORMS_H
#define GEMCUT_TEST_NUMERICS_VNNIFORMS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace gemcut::test {

/// Assembly of the level avxvnni whose dot products have the EVEX encoding of
/// AVX-512 VNNI instead of the VEX encoding.
std::string withEvexVnni(llvm::StringRef assembly);

/// Assembly of the level avxvnni whose dot products are AVX2 instructions with
/// the same meaning (vnni_in_avx2.s). Stops on one that those do not know.
std::string withVnniInAvx2(llvm::StringRef assembly);

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_VNNIFORMS_H
