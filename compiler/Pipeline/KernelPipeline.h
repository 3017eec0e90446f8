//===- KernelPipeline.h - From fused gemma to a planned program -*- C++ -*-===//

#ifndef GEMCUT_COMPILER_PIPELINE_KERNELPIPELINE_H
#define GEMCUT_COMPILER_PIPELINE_KERNELPIPELINE_H

#include "mlir/Pass/PassOptions.h"

#include <cstdint>
#include <string>

namespace mlir {
class OpPassManager;
}

namespace gemcut {

struct KernelPipelineOptions
    : mlir::PassPipelineOptions<KernelPipelineOptions> {
  Option<std::string> kv{
      *this, "kv", llvm::cl::desc("Format of the KV caches: bf16, f32 or int8."),
      llvm::cl::init("bf16")};
  Option<int64_t> context{*this, "context",
                          llvm::cl::desc("Positions that a slot can hold."),
                          llvm::cl::init(4096)};
  Option<bool> twoStageHead{
      *this, "two-stage-head",
      llvm::cl::desc("Add the entry points of a two-stage head."),
      llvm::cl::init(false)};
  Option<int64_t> l2Bytes{*this, "l2-bytes",
                          llvm::cl::desc("Bytes of one core's L2 cache."),
                          llvm::cl::init(1 << 20)};
  Option<int64_t> gemmRows{*this, "gemm-rows",
                           llvm::cl::desc("Rows of the gemm register block."),
                           llvm::cl::init(6)};
  Option<int64_t> gemmTiles{
      *this, "gemm-tiles",
      llvm::cl::desc("Weight tiles of the gemm register block."),
      llvm::cl::init(2)};
};

/// Appends the passes that turn fused gemma functions into a kernel program
/// whose storage and work are planned: what targets take.
void buildKernelPipeline(mlir::OpPassManager &pm,
                         const KernelPipelineOptions &options);

/// Makes the pipeline known to gemcut-opt as gemcut-kernel-pipeline.
void registerKernelPipeline();

} // namespace gemcut

#endif // GEMCUT_COMPILER_PIPELINE_KERNELPIPELINE_H
