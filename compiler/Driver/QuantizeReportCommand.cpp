//===- QuantizeReportCommand.cpp - gemcut quantize-report -----------------===//
//
// What a recipe does to every tensor, and on a text to what the model says.
//
//===----------------------------------------------------------------------===//

#include "compiler/Artifact/PackWeights.h"
#include "compiler/Driver/Calibrate.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/JsonText.h"
#include "compiler/Driver/MemoryPlan.h"
#include "compiler/Driver/PlanProgram.h"
#include "compiler/Pipeline/Registration.h"
#include "targets/Common/Target.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

using namespace gemcut;
using namespace gemcut::driver;
using artifact::TensorError;
using nlohmann::ordered_json;

namespace {

/// Signal over noise in decibels; infinite where nothing changed.
double toDecibels(double relativeError) {
  return -20 * std::log10(relativeError);
}

ordered_json toJson(const LoadedModel &model,
                    const QuantizeReportOptions &options,
                    const std::vector<TensorError> &errors,
                    const std::optional<TextQuality> &quality) {
  ordered_json json;
  json["model"] = model.name;
  json["quantization"] = options.compile.plan.quant;
  json["tensors"] = ordered_json::array();
  for (const TensorError &error : errors) {
    ordered_json entry = {{"name", error.tensor},
                          {"format", error.format},
                          {"values", error.values},
                          {"bytes", error.bytes},
                          {"relative_rms_error", error.relativeError},
                          {"max_error", error.largestError}};
    // JSON has no infinity.
    entry["snr_db"] = error.relativeError > 0
                          ? ordered_json(toDecibels(error.relativeError))
                          : ordered_json();
    json["tensors"].push_back(std::move(entry));
  }
  if (quality)
    json["text"] = {{"name", quality->text.name},
                    {"rows", quality->rows},
                    {"tokens", quality->predicted},
                    {"mean_kl_divergence", quality->meanKl},
                    {"top1_agreement", quality->top1},
                    {"perplexity", std::exp(quality->meanNll)},
                    {"bf16_perplexity", std::exp(quality->referenceNll)}};
  return json;
}

void printTable(const std::vector<TensorError> &errors) {
  fmt::print("{:<9} {:>10} {:>12} {:>8} {:>10}  tensor\n", "format", "bytes",
             "rms error", "SNR dB", "max error");
  uint64_t bytes = 0;
  for (const TensorError &error : errors) {
    bytes += error.bytes;
    fmt::print("{:<9} {:>10} {:>12} {:>8} {:>10}  {}\n", error.format,
               formatBytes(error.bytes),
               error.relativeError > 0
                   ? fmt::format("{:.3f} %", 100 * error.relativeError)
                   : "exact",
               error.relativeError > 0
                   ? fmt::format("{:.1f}", toDecibels(error.relativeError))
                   : "",
               error.relativeError > 0
                   ? fmt::format("{:.3g}", error.largestError)
                   : "",
               error.tensor);
  }
  fmt::print("{} tensors, {}\n", errors.size(), formatBytes(bytes));
}

/// What rounding does to every matrix and table. `inputs` receives what the
/// text of --calibrate says of them, if there is one.
llvm::Expected<std::vector<TensorError>>
measureTensors(const LoadedModel &model, const CompileOptions &options,
               std::shared_ptr<calibration::MeasuredInputs> &inputs,
               Reporter &reporter) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  Phases phases(reporter);
  IrDumps dumps("", "");
  auto module =
      planProgram(context, model, options.plan, targets::TargetSpec().l2Bytes,
                  PlanUntil::Kernel, phases, dumps);
  if (!module)
    return module.takeError();
  if (!options.calibrate.empty()) {
    auto measured = calibrate(options, model, **module, reporter);
    if (!measured)
      return measured.takeError();
    inputs = std::move(measured->inputs);
  }
  artifact::ColumnErrorsOf columnErrors;
  if (inputs)
    columnErrors = [&](llvm::StringRef tensor) { return inputs->get(tensor); };
  Activity activity(reporter, "rounding weights");
  return artifact::measureErrors(
      **module, *model.weights, options.threads,
      [&](uint64_t done, uint64_t total) {
        return activity.update(done, total);
      },
      columnErrors);
}

/// All that the report says.
struct Findings {
  LoadedModel model;
  std::vector<TensorError> errors;
  std::optional<TextQuality> quality;
};

/// `options` receive the quantization that they leave open.
llvm::Expected<Findings> find(QuantizeReportOptions &options,
                              Reporter &reporter) {
  CompileOptions &compile = options.compile;
  if (llvm::Error error = checkQuant(compile.plan.quant))
    return std::move(error);
  for (const std::string *path : {&options.text, &compile.calibrate})
    if (!path->empty())
      if (auto text = checkText(*path); !text)
        return text.takeError();
  auto model = loadModel(compile.model, compile.weights, compile.plan.quant);
  if (!model)
    return model.takeError();
  for (const std::string &warning : model->warnings)
    reporter.note(warning);
  compile.plan.quant = chooseQuant(*model, compile.plan.quant);

  llvm::SmallString<256> prefix;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, prefix);
  llvm::sys::path::append(prefix, "gemcut-report");
  TemporaryFolder folder;
  if (llvm::Error error = folder.create(prefix.str().str()))
    return std::move(error);
  compile.output = folder.file("report");
  std::shared_ptr<calibration::MeasuredInputs> inputs;
  auto errors = measureTensors(*model, compile, inputs, reporter);
  if (!errors)
    return errors.takeError();
  std::optional<TextQuality> quality;
  if (!options.text.empty()) {
    auto measured =
        measureQuality(compile, options.text, folder, inputs, reporter);
    if (!measured)
      return measured.takeError();
    quality = std::move(*measured);
  }
  return Findings{std::move(*model), std::move(*errors), std::move(quality)};
}

} // namespace

llvm::Expected<std::string>
gemcut::driver::quantizeReportAsJson(const QuantizeReportOptions &given,
                                     Reporter &reporter) {
  QuantizeReportOptions options = given;
  auto found = find(options, reporter);
  if (!found)
    return found.takeError();
  return toText(toJson(found->model, options, found->errors, found->quality),
                /*indent=*/2);
}

llvm::Error
gemcut::driver::runQuantizeReport(const QuantizeReportOptions &given,
                                  Reporter &reporter) {
  if (given.json) {
    auto text = quantizeReportAsJson(given, reporter);
    if (!text)
      return text.takeError();
    fmt::print("{}\n", *text);
    return llvm::Error::success();
  }
  QuantizeReportOptions options = given;
  auto found = find(options, reporter);
  if (!found)
    return found.takeError();
  printTable(found->errors);
  if (found->quality)
    fmt::print("on {}: {}\n", found->quality->text.name,
               found->quality->summary());
  return llvm::Error::success();
}
