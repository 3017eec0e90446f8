//===- StatisticLayout.h - Statistics as the library has them ---*- C++ -*-===//
//
// Included in front of every file of the compiler. LLVM's release library has the
// empty form of llvm::Statistic, which its header chooses by NDEBUG alone; with our
// assertions on, passes would see another layout than the library that constructs
// them.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_DIALECTS_SUPPORT_STATISTICLAYOUT_H
#define GEMCUT_DIALECTS_SUPPORT_STATISTICLAYOUT_H

#ifndef NDEBUG
#define NDEBUG
#include "llvm/ADT/Statistic.h"
#undef NDEBUG
#include <cassert>
#endif

#endif // GEMCUT_DIALECTS_SUPPORT_STATISTICLAYOUT_H
