//===- ModelInfo.h - gemcut_model_info of a compiled model ------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_MODELINFO_H
#define GEMCUT_COMPILER_DRIVER_MODELINFO_H

#include "compiler/Artifact/PackWeights.h"
#include "compiler/Driver/LoadedModel.h"
#include "compiler/Driver/MemoryPlan.h"
#include "compiler/Driver/TextQuality.h"
#include "runtime/abi/model.h"
#include "targets/Common/Target.h"

namespace gemcut::driver {

/// Fills the constants that the executable holds about its model. Errors: more
/// stop or suppressed ids than the format has room for.
llvm::Expected<gemcut_model_info> makeModelInfo(const LoadedModel &model,
                                                const CompileOptions &options,
                                                const MemoryPlan &plan,
                                                mlir::ModuleOp kernelModule);

/// Key of the report: relative error by tensor that was quantized in the
/// checkpoint ("1.234e-03").
inline constexpr llvm::StringLiteral kConversionsKey = "conversion_errors";

/// What was measured while compiling.
struct ReportFacts {
  std::optional<TextQuality> quality;      ///< by --certify
  std::optional<TextName> calibrationText; ///< of --calibrate
  int64_t calibrationTokens = 0;
};

/// The report section: facts of the compilation as JSON, the same for the same
/// inputs (no times, no paths). Its length does not depend on the errors of
/// `conversions`, which are known when all weights are packed.
std::string makeReport(const LoadedModel &model, const CompileOptions &options,
                       const targets::TargetSpec &spec, const MemoryPlan &plan,
                       mlir::ModuleOp kernelModule,
                       llvm::ArrayRef<artifact::Conversion> conversions = {},
                       const ReportFacts &facts = {});

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_MODELINFO_H
