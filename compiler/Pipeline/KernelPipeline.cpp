//===- KernelPipeline.cpp - From fused gemma to a planned program ---------===//

#include "compiler/Pipeline/KernelPipeline.h"

#include "passes/GemmaToKernel/Passes.h"
#include "passes/Kernel/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void gemcut::buildKernelPipeline(OpPassManager &pm,
                                 const KernelPipelineOptions &options) {
  //===--- gemma-convert-to-kernel: from tensors to storage --------------===//
  // Every value gets a kind of storage and every op a stage.
  pm.addPass(createConvertGemmaToKernelPass({options.kv, options.context}));
  // Each stage addressed its own weights; equal addresses become one.
  pm.addPass(createCSEPass());

  // Before the plans, which place what it adds.
  if (options.twoStageHead)
    pm.addPass(kernel::createSplitHeadPass());

  //===--- kernel-plan-*: where storage lies -----------------------------===//
  // After CSE, which may not change what is adjacent or who reads first.
  pm.addPass(kernel::createPlanWeightsPass());
  // Needs every entry point, because the largest step sizes the rings.
  pm.addPass(kernel::createPlanKvPass());
  // Last of the plans: no later pass may move a stage or add a buffer.
  pm.addPass(kernel::createPlanBuffersPass());

  //===--- kernel-partition-stages: who does what ------------------------===//
  pm.addPass(kernel::createPartitionStagesPass(
      {options.l2Bytes, options.gemmRows, options.gemmTiles}));

  // Code generation trusts every offset from here on.
  pm.addPass(kernel::createVerifyPlannedPass());
}

void gemcut::registerKernelPipeline() {
  PassPipelineRegistration<KernelPipelineOptions>(
      "gemcut-kernel-pipeline",
      "From fused gemma functions to a planned kernel program.",
      buildKernelPipeline);
}
