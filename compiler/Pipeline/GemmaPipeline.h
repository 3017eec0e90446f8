//===- GemmaPipeline.h - From the imported model to fused gemma -*- C++ -*-===//

#ifndef GEMCUT_COMPILER_PIPELINE_GEMMAPIPELINE_H
#define GEMCUT_COMPILER_PIPELINE_GEMMAPIPELINE_H

#include "mlir/Pass/PassOptions.h"

#include <cstdint>
#include <string>

namespace mlir {
class OpPassManager;
}

namespace gemcut {

struct GemmaPipelineOptions : mlir::PassPipelineOptions<GemmaPipelineOptions> {
  Option<std::string> quant{
      *this, "quant",
      llvm::cl::desc("f32, bf16, int8, int4, q4_0 or the path of a recipe (.json)."),
      llvm::cl::init("int4")};
  Option<int64_t> decodeMaxRows{
      *this, "decode-max-rows",
      llvm::cl::desc("Most rows of one call of decode."), llvm::cl::init(8)};
  Option<int64_t> prefillChunk{
      *this, "prefill-chunk",
      llvm::cl::desc("Most rows of one call of prefill."), llvm::cl::init(256)};
  Option<int64_t> scoreChunk{*this, "score-chunk",
                             llvm::cl::desc("Most rows of one call of score."),
                             llvm::cl::init(64)};
};

/// Appends the passes from an importer's module to entry points of fused,
/// outlined gemma ops with explicit formats: what buildKernelPipeline takes.
void buildGemmaPipeline(mlir::OpPassManager &pm,
                        const GemmaPipelineOptions &options);

/// Makes the pipeline known to gemcut-opt as gemcut-gemma-pipeline.
void registerGemmaPipeline();

} // namespace gemcut

#endif // GEMCUT_COMPILER_PIPELINE_GEMMAPIPELINE_H
