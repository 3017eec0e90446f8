//===- DescribeResult.h - What compile says at its end ----------*- C++ -*-===//
#ifndef GEMCUT_COMPILER_DRIVER_DESCRIBERESULT_H
#define GEMCUT_COMPILER_DRIVER_DESCRIBERESULT_H

#include "compiler/Artifact/PackWeights.h"
#include "compiler/Driver/BakePrefix.h"
#include "compiler/Driver/MemoryPlan.h"
#include "compiler/Driver/Options.h"
#include "compiler/Driver/TextQuality.h"
#include "targets/Common/Target.h"

#include <optional>

namespace gemcut::driver {

/// Lines for the user about a program that was written: its memory plan, what
/// --max-ram chose, levels and bytes of code, how many tensors that the
/// checkpoint stores quantized were kept exactly and how far the others are
/// from it, and what --bake-prefix and --certify gave.
std::string describeResult(const CompileOptions &options,
                           const targets::TargetSpec &spec,
                           const MemoryPlan &plan, uint64_t codeBytes,
                           llvm::ArrayRef<artifact::Conversion> conversions,
                           const std::optional<BakedPrefix> &prefix,
                           const std::optional<TextQuality> &quality);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_DESCRIBERESULT_H
