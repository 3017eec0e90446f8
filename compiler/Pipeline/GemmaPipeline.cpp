//===- GemmaPipeline.cpp - From the imported model to fused gemma ---------===//

#include "compiler/Pipeline/GemmaPipeline.h"

#include "passes/Gemma/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace gemcut::gemma;

void gemcut::buildGemmaPipeline(OpPassManager &pm,
                                const GemmaPipelineOptions &options) {
  //===--- gemma-verify-imported: what frontends hand over ---------------===//
  // Fusions match elementary ops, and every message needs a tensor's name.
  pm.addPass(createVerifyImportedPass());

  //===--- gemma-*-entry-points, -select-last: what is computed ----------===//
  // First, because fusions differ between entry points.
  pm.addPass(createMaterializeEntryPointsPass(
      {options.decodeMaxRows, options.prefillChunk, options.scoreChunk}));
  // Before all fusions: q of the last own-KV layer must leave k and v while
  // they are still separate products, and fused ops with two results sink less.
  pm.addNestedPass<func::FuncOp>(createSinkSelectLastPass());

  //===--- gemma-fuse-*: one op for each kernel stage --------------------===//
  // Before the per-layer inputs, so that no scale is left but theirs.
  pm.addNestedPass<func::FuncOp>(createFuseScalePass());
  pm.addNestedPass<func::FuncOp>(createFuseSoftcapPass());
  // Takes the one sum that is not a residual sum.
  pm.addNestedPass<func::FuncOp>(createFusePleInputsPass());
  // Makes the slices that the prepare ops are matched by.
  pm.addNestedPass<func::FuncOp>(createFuseQkvPass());
  // Behind the fused product of q, k and v, before its result is taken apart.
  pm.addPass(createInsertAdaptersPass());
  pm.addNestedPass<func::FuncOp>(createFusePrepareQkvPass());
  // Pairs of products first: what is left of gelu_mul has a modulator.
  pm.addNestedPass<func::FuncOp>(createFuseGatedLinearPass());
  pm.addNestedPass<func::FuncOp>(createFuseModulatedLinearPass());
  pm.addNestedPass<func::FuncOp>(createFuseRoutePass());
  // Last of the fusions: it takes any norm of a sum, head norms are gone.
  pm.addNestedPass<func::FuncOp>(createFuseResidualNormPass());
  // Weights and caches that several places name become one value each.
  pm.addPass(createCSEPass());
  pm.addPass(createVerifyFusedPass());

  //===--- gemma-assign-formats and its consequences ---------------------===//
  pm.addPass(createAssignFormatsPass({options.quant}));
  // After the fusions: a fused product has one input to quantize.
  pm.addPass(createMaterializeActivationQuantizationPass());
  pm.addNestedPass<func::FuncOp>(createFuseQuantizePass());
  pm.addPass(createVerifyFormatsPass());

  //===--- gemma-outline-layers: one function for each kind of layer -----===//
  // Last: passes above read weights by name and fuse across layers.
  pm.addPass(createOutlineLayersPass());
}

void gemcut::registerGemmaPipeline() {
  PassPipelineRegistration<GemmaPipelineOptions>(
      "gemcut-gemma-pipeline",
      "From an importer's module to fused and outlined gemma functions.",
      buildGemmaPipeline);
}
