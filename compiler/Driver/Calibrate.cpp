//===- Calibrate.cpp - What a text says of a model's inputs ---------------===//

#include "compiler/Driver/Calibrate.h"

#include "compiler/Driver/Diagnostics.h"
#include "compiler/Driver/UsageError.h"
#include "compiler/Pipeline/Registration.h"
#include "dialects/Kernel/KernelOps.h"
#include "frontends/Gemma4/Importer.h"

#include "mlir/IR/MLIRContext.h"

using namespace gemcut;
using namespace gemcut::driver;

/// Longest sequence: attention of the interpreter costs the square of it.
static constexpr int64_t kLongest = 512;

static bool holdsInt4(mlir::ModuleOp planned) {
  return llvm::any_of(planned.getOps<kernel::PackedOp>(), [](auto packed) {
    auto type = llvm::cast<kernel::WeightType>(packed.getType());
    return type.getFormat() == Format::Int4;
  });
}

llvm::Expected<CalibrationResult>
gemcut::driver::calibrate(const CompileOptions &options,
                          const LoadedModel &model, mlir::ModuleOp planned,
                          Reporter &reporter) {
  if (!holdsInt4(planned))
    return llvm::make_error<UsageError>(
        "--calibrate rounds int4, but --quant " + options.plan.quant +
        " gives no weight of this model that format; leave one of them out");
  CalibrationResult result;
  auto text = checkText(options.calibrate);
  if (!text)
    return text.takeError();
  result.text = std::move(*text);
  TemporaryFolder folder;
  if (llvm::Error error = folder.create(options.output + ".calibrate"))
    return std::move(error);
  auto ids = tokenizeText(options, options.calibrate, folder, reporter);
  if (!ids)
    return ids.takeError();
  int32_t bos = int32_t(model.config.bosId);
  if (!ids->empty() &&
      ids->front() != bos) // the model never saw a text without
    ids->insert(ids->begin(), bos);
  auto sequences = calibration::cutSequences(
      *ids, bos, std::min(kLongest, model.config.maxPositions),
      options.calibrateTokens);
  if (sequences.empty())
    return llvm::createStringError(
        options.calibrate + ": holds no two tokens in sequence, expected "
                            "a longer text");
  for (std::vector<int32_t> &sequence : sequences) {
    result.tokens += int64_t(sequence.size());
    for (int32_t &id : sequence)
      id = int32_t(model.config.embeddedId(id));
  }

  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  DiagnosticCollector diagnostics(context, reporter);
  auto module = gemma4::importModel(context, model.config, *model.weights);
  if (failed(module))
    return diagnostics.error("importing the model");
  Activity activity(reporter, "calibrating", "tokens");
  auto measured = calibration::MeasuredInputs::measure(
      **module, *model.weights, sequences, options.threads,
      [&](uint64_t done, uint64_t total) {
        llvm::Error error = activity.update(done, total);
        bool goesOn = !error;
        llvm::consumeError(std::move(error));
        return goesOn;
      });
  if (llvm::Error error = checkCancelled(reporter))
    return std::move(error);
  if (failed(measured))
    return diagnostics.error("calibrating");
  result.inputs = std::move(*measured);
  return result;
}
