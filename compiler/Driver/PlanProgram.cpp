//===- PlanProgram.cpp - From a loaded model to a planned program ---------===//

#include "compiler/Driver/PlanProgram.h"

#include "compiler/Driver/UsageError.h"
#include "compiler/Pipeline/GemmaPipeline.h"
#include "compiler/Pipeline/KernelPipeline.h"
#include "frontends/Gemma4/Importer.h"
#include "passes/Gemma/Recipe.h"
#include "runtime/abi/packed_layout.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::driver;

/// Positions of a slot if the user names none: long enough for a chat, small
/// enough that the KV cache does not surprise.
static constexpr int64_t kDefaultContext = 8192;

static constexpr int64_t kLeastPrefillChunk = 32, kMostPrefillChunk = 256;

int64_t gemcut::driver::choosePrefillChunk(int64_t hiddenSize,
                                           int64_t l2Bytes) {
  int64_t chunk = kMostPrefillChunk;
  while (chunk > kLeastPrefillChunk &&
         chunk * gemcut_q8_row_bytes(hiddenSize) > l2Bytes / 2)
    chunk /= 2;
  return chunk;
}

static int64_t chooseContext(const PlanOptions &options,
                             const LoadedModel &model, Reporter &reporter) {
  int64_t most = model.config.maxPositions;
  if (!options.context)
    return std::min(most, kDefaultContext);
  if (options.context > most)
    reporter.note(("--context " + llvm::Twine(options.context) +
                   " is more than the " + llvm::Twine(most) +
                   " positions that the model was made for")
                      .str());
  return options.context;
}

std::string gemcut::driver::chooseQuant(const LoadedModel &model,
                                        StringRef quant) {
  if (!quant.empty())
    return quant.str();
  return model.keepsFormats ? "keep" : model.isRandomMobile ? "mobile" : "int4";
}

llvm::Error gemcut::driver::checkQuant(StringRef quant) {
  if (quant.empty() || quant == "keep")
    return llvm::Error::success();
  if (quant.ends_with(".json")) {
    if (llvm::Error error = checkName(llvm::sys::path::stem(quant), quant))
      return error;
    auto recipe = gemma::Recipe::read(quant);
    return recipe ? llvm::Error::success() : recipe.takeError();
  }
  if (quant == "keep" || gemma::Recipe::getBuiltin(quant))
    return llvm::Error::success();
  return llvm::make_error<UsageError>(
      "--quant: found '" + quant.str() +
      "', expected int4, q4_0, mobile, int8, bf16, f32, keep or the path of a "
      "recipe that ends in .json");
}

llvm::Expected<OwningOpRef<ModuleOp>>
gemcut::driver::planProgram(MLIRContext &context, const LoadedModel &model,
                            const PlanOptions &options, int64_t l2Bytes,
                            PlanUntil until, Phases &phases, IrDumps &dumps) {
  DiagnosticCollector diagnostics(context, phases.reporter());
  if (llvm::Error error = phases.begin("import"))
    return std::move(error);
  auto imported = gemma4::importModel(context, model.config, *model.weights);
  if (failed(imported))
    return diagnostics.error("importing the model");
  OwningOpRef<ModuleOp> module = std::move(*imported);
  dumps.dump("import", "", *module);

  int64_t positions = chooseContext(options, model, phases.reporter());
  GemmaPipelineOptions gemma;
  gemma.quant = chooseQuant(model, options.quant);
  gemma.prefillChunk =
      std::min(options.prefillChunk
                   ? options.prefillChunk
                   : choosePrefillChunk(model.config.hiddenSize, l2Bytes),
               positions);
  gemma.scoreChunk = std::min(options.scoreChunk, positions);
  PassManager gemmaPasses(&context);
  dumps.attach(gemmaPasses);
  buildGemmaPipeline(gemmaPasses, gemma);
  if (llvm::Error error = phases.begin("gemma passes"))
    return std::move(error);
  if (failed(gemmaPasses.run(*module)))
    return diagnostics.error("the gemma passes");
  if (until == PlanUntil::Gemma)
    return module;

  KernelPipelineOptions kernel;
  kernel.kv = options.kv;
  kernel.context = positions;
  kernel.twoStageHead = options.head == "two-stage";
  kernel.l2Bytes = l2Bytes;
  PassManager kernelPasses(&context);
  dumps.attach(kernelPasses);
  buildKernelPipeline(kernelPasses, kernel);
  if (llvm::Error error = phases.begin("kernel passes"))
    return std::move(error);
  if (failed(kernelPasses.run(*module)))
    return diagnostics.error("the kernel passes");
  return module;
}
