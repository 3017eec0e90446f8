//===- CompileCommand.cpp - gemcut compile --------------------------------===//
//
// The phases in order: load, import, gemma pipeline, kernel pipeline, code,
// link, pack and write. Each is timed; the IR is dumped where it was asked for.
//
//===----------------------------------------------------------------------===//

#include "compiler/Artifact/ArtifactWriter.h"
#include "compiler/Artifact/FileBytes.h"
#include "compiler/Artifact/PackWeights.h"
#include "compiler/Driver/BakePrefix.h"
#include "compiler/Driver/Calibrate.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/Compilation.h"
#include "compiler/Driver/CompileChecks.h"
#include "compiler/Driver/CompileLevels.h"
#include "compiler/Driver/DescribeResult.h"
#include "compiler/Driver/FitMemory.h"
#include "compiler/Driver/LinkProgram.h"
#include "compiler/Driver/MemoryPlan.h"
#include "compiler/Driver/ModelInfo.h"
#include "compiler/Driver/PlanProgram.h"
#include "compiler/Driver/TextQuality.h"
#include "compiler/Pipeline/Registration.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <system_error>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::driver;
using llvm::createStringError;

namespace {

/// In place of weights, for an executable that only tokenizes.
constexpr uint8_t kNoWeights[64] = {};

/// One run of `gemcut compile`.
class Compilation {
public:
  /// A part of another command neither calibrates nor certifies.
  Compilation(const CompileOptions &options, Reporter &reporter,
              bool isPart = false)
      : options(options), reporter(reporter), isPart(isPart),
        phases(reporter, options.timePhases),
        dumps(options.dumpIrAfter, options.dumpDir) {}

  /// Says what int4 is rounded under.
  void setInputs(std::shared_ptr<calibration::MeasuredInputs> measured) {
    inputs = std::move(measured);
  }

  /// Hands out the summary when all is written but nothing has its name yet: an
  /// error leaves no file, as whoever sees exit code 1 expects.
  void setTell(std::function<llvm::Error(StringRef summary)> function) {
    tell = std::move(function);
  }

  llvm::Expected<CompileResult> run() {
    if (llvm::Error error = compile())
      return std::move(error);
    dumps.finish(reporter);
    return std::move(result);
  }

private:
  CompileOptions options; ///< the default of --quant follows from the model
  Reporter &reporter;
  const bool isPart;
  Phases phases;
  IrDumps dumps;
  const targets::Target *target = nullptr;
  targets::TargetSpec spec;
  LoadedModel model;
  MemoryPlan plan;
  CompileResult result;
  std::unique_ptr<artifact::OutputFile> output, sidecar;
  std::shared_ptr<calibration::MeasuredInputs> inputs;
  ReportFacts facts;
  std::optional<BakedPrefix> prefix;
  std::function<llvm::Error(StringRef summary)> tell;

  llvm::Error compile() {
    auto checked = checkCompileOptions(options);
    if (!checked)
      return checked.takeError();
    target = checked->target;
    spec = std::move(checked->spec);
    if (llvm::Error error = dumps.prepare())
      return error;
    // A bad output path should not cost a compilation.
    if (llvm::Error error = openOutputs())
      return error;
    if (llvm::Error error = phases.begin("load"))
      return error;
    auto loaded = loadModel(options.model, options.weights, options.plan.quant,
                            options.chatTemplate);
    if (!loaded)
      return loaded.takeError();
    model = std::move(*loaded);
    for (const std::string &warning : model.warnings)
      reporter.note(warning);
    options.plan.quant = chooseQuant(model, options.plan.quant);
    if (StringRef(options.plan.quant).ends_with(".json"))
      model.inputs.push_back(options.plan.quant);
    if (!options.bakePrefix.empty())
      model.inputs.push_back(options.bakePrefix);
    for (artifact::OutputFile *file : {output.get(), sidecar.get()})
      if (file)
        if (llvm::Error error =
                artifact::OutputFile::refuseInputs(file->path(), model.inputs))
          return error;

    if (options.maxRam) {
      if (llvm::Error error = phases.begin("fit"))
        return error;
      auto fitted = fitMemory(model, options.plan, options.maxRam, spec.l2Bytes,
                              reporter);
      if (!fitted)
        return fitted.takeError();
      options.plan = *fitted;
    }
    DialectRegistry registry;
    registerAllDialects(registry);
    MLIRContext context(registry);
    context.loadAllAvailableDialects();
    auto module = planProgram(context, model, options.plan, spec.l2Bytes,
                              options.emit == Emit::Gemma ? PlanUntil::Gemma
                                                          : PlanUntil::Kernel,
                              phases, dumps);
    if (!module)
      return module.takeError();
    if (options.emit == Emit::Gemma || options.emit == Emit::Kernel)
      return writeModule(**module);
    plan = readMemoryPlan(**module, options.plan.slots, model.config.vocabSize,
                          options.plan.tableBound);
    if (llvm::Error error = measure(**module))
      return error;
    return emitCode(**module);
  }

  /// What --calibrate and --certify ask for.
  llvm::Error measure(ModuleOp module) {
    if (isPart)
      return llvm::Error::success();
    if (!options.calibrate.empty()) {
      if (llvm::Error error = phases.begin("calibrate"))
        return error;
      auto measured = calibrate(options, model, module, reporter);
      if (!measured)
        return measured.takeError();
      inputs = std::move(measured->inputs);
      facts.calibrationText = std::move(measured->text);
      facts.calibrationTokens = measured->tokens;
    }
    if (options.certify.empty())
      return llvm::Error::success();
    if (llvm::Error error = phases.begin("certify"))
      return error;
    TemporaryFolder folder;
    if (llvm::Error error = folder.create(options.output + ".certify"))
      return error;
    auto quality =
        measureQuality(options, options.certify, folder, inputs, reporter);
    if (!quality)
      return quality.takeError();
    if (options.certifyKl && !(quality->meanKl <= *options.certifyKl))
      return createStringError(fmt::format(
          "{}: mean KL divergence {:.4g} from the bf16 form is above the "
          "{:.4g} "
          "of --certify-kl; choose wider formats with --quant, or --calibrate",
          options.certify, quality->meanKl, *options.certifyKl));
    facts.quality = std::move(*quality);
    return llvm::Error::success();
  }

  /// Puts the state of --bake-prefix behind what was written.
  llvm::Error addPrefix(llvm::ArrayRef<uint8_t> image,
                        const gemcut_footer &footer) {
    if (options.bakePrefix.empty())
      return llvm::Error::success();
    if (llvm::Error error = phases.begin("prefix"))
      return error;
    UnnamedProgram program = {image, output->descriptor()};
    std::vector<uint8_t> whole;
    if (sidecar) {
      // All of the output, which is small, and its weights.
      auto read = artifact::readAt(output->descriptor(), footer.file_length);
      if (!read)
        return artifact::nameOutput(options.output, read.takeError());
      whole = std::move(*read);
      program = {whole, sidecar->descriptor()};
    }
    auto baked = bakePrefix(options, program, reporter);
    if (!baked)
      return baked.takeError();
    prefix = std::move(*baked);
    return artifact::appendSection(
               *output, footer,
               artifact::bytesSection(GEMCUT_SECTION_PREFIX, prefix->section))
        .takeError();
  }

  llvm::Error openOutputs() {
    auto opened = artifact::OutputFile::create(options.output);
    if (!opened)
      return opened.takeError();
    output = std::move(*opened);
    if (!isProgram(options.emit) || !options.weights.sidecar)
      return llvm::Error::success();
    opened = artifact::OutputFile::create(options.output + kSidecarSuffix);
    if (!opened)
      return opened.takeError();
    sidecar = std::move(*opened);
    return llvm::Error::success();
  }

  llvm::Error writeBytes(llvm::ArrayRef<char> bytes) {
    if (llvm::Error error = output->requireSpace(bytes.size()))
      return error;
    if (llvm::Error error = artifact::nameOutput(
            options.output, artifact::writeAt(output->descriptor(),
                                              bytes.data(), bytes.size(), 0)))
      return error;
    return output->commit(0644);
  }

  llvm::Error writeModule(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream, OpPrintingFlags().enableDebugInfo(true, false));
    return writeBytes(llvm::ArrayRef(text.data(), text.size()));
  }

  llvm::Error emitCode(ModuleOp module) {
    targets::EmitKind kind =
        options.emit == Emit::Assembly ? targets::EmitKind::Assembly
        : options.emit == Emit::Llvm   ? targets::EmitKind::Llvm
                                       : targets::EmitKind::Object;
    if (llvm::Error error = phases.begin("code"))
      return error;
    auto objects = compileLevels(*target, spec, module, kind, dumps, reporter);
    if (!objects)
      return objects.takeError();
    if (!isProgram(options.emit)) {
      if (objects->size() == 1)
        return writeBytes(objects->front());
      auto object = linkLevels(*objects);
      if (!object)
        return object.takeError();
      return writeBytes(llvm::ArrayRef(
          reinterpret_cast<const char *>(object->data()), object->size()));
    }
    return writeProgram(module, *objects);
  }

  /// The weights, and the conversions that happen on their way.
  artifact::SectionContent
  weightSection(ModuleOp module,
                std::vector<artifact::Conversion> &conversions) {
    if (options.weights.omit)
      return artifact::bytesSection(GEMCUT_SECTION_WEIGHTS, kNoWeights);
    return {GEMCUT_SECTION_WEIGHTS, plan.weightBytes,
            [&, module](int descriptor, uint64_t offset) {
              Activity activity(reporter, "packing weights");
              artifact::ColumnErrorsOf columnErrors;
              if (inputs)
                columnErrors = [&](StringRef tensor) {
                  return inputs->get(tensor);
                };
              return artifact::packWeights(
                  module, *model.weights, descriptor, offset, options.threads,
                  [&](uint64_t done, uint64_t total) {
                    return activity.update(done, total);
                  },
                  &conversions, columnErrors);
            }};
  }

  llvm::Error writeProgram(ModuleOp module,
                           llvm::ArrayRef<llvm::SmallVector<char, 0>> objects) {
    auto info = makeModelInfo(model, options, plan, module);
    if (!info)
      return info.takeError();
    std::vector<artifact::Conversion> conversions =
        artifact::findConversions(module, *model.weights);
    std::string reportText =
        makeReport(model, options, spec, plan, module, conversions, facts);
    llvm::SmallVector<artifact::SectionContent> sections;
    if (!model.tokenizer.empty()) {
      sections.push_back(
          artifact::bytesSection(GEMCUT_SECTION_TOKENIZER, model.tokenizer));
      sections.push_back(
          artifact::bytesSection(GEMCUT_SECTION_CHAT, model.chatProgram));
    }
    // First, because the program names the checksum of its sidecar.
    if (sidecar) {
      if (llvm::Error error = phases.begin("pack"))
        return error;
      auto footer = artifact::writeArtifact(
          *sidecar, {}, {weightSection(module, conversions)});
      if (!footer)
        return footer.takeError();
      info->sidecar_checksum = footer->sections[0].checksum;
      sidecar->setPath(sidecarPath(options, info->sidecar_checksum));
    } else {
      sections.push_back(weightSection(module, conversions));
    }
    // Written last: only then the errors are known.
    sections.push_back({GEMCUT_SECTION_REPORT, reportText.size(),
                        [&](int descriptor, uint64_t offset) {
                          std::string text =
                              makeReport(model, options, spec, plan, module,
                                         conversions, facts);
                          assert(text.size() == reportText.size() &&
                                 "the length was promised");
                          return artifact::writeAt(descriptor, text.data(),
                                                   text.size(), offset);
                        }});

    if (llvm::Error error = phases.begin("link"))
      return error;
    auto image = linkProgram(options, *info, spec, objects,
                             artifact::contentBytes(sections));
    if (!image)
      return image.takeError();
    if (llvm::Error error = phases.begin(sidecar ? "write" : "pack"))
      return error;
    auto footer = artifact::writeArtifact(*output, *image, sections,
                                          info->sidecar_checksum);
    if (!footer)
      return footer.takeError();
    if (llvm::Error error = addPrefix(*image, *footer))
      return error;
    artifact::LibraryFiles package;
    if (options.emit != Emit::Executable) {
      auto prepared = prepareLibraryPackage(options, *info);
      if (!prepared)
        return prepared.takeError();
      package = std::move(*prepared);
    }
    result.summary = describeResult(options, spec, plan, image->size(),
                                    conversions, prefix, facts.quality);
    if (tell)
      if (llvm::Error error = tell(result.summary))
        return error;
    if (sidecar)
      if (llvm::Error error = sidecar->commit(0644))
        return error;
    if (llvm::Error error =
            output->commit(options.emit == Emit::Executable ? 0755 : 0644))
      return error;
    for (const auto &file : package)
      if (llvm::Error error = file->commit(0644))
        return error;
    phases.end();
    result.plan = plan;
    result.options = options;
    result.sidecar = sidecar ? sidecar->path().str() : "";
    return llvm::Error::success();
  }
};

} // namespace

llvm::Expected<CompileResult>
gemcut::driver::compile(const CompileOptions &options, Reporter &reporter) {
  return Compilation(options, reporter).run();
}

llvm::Error gemcut::driver::runCompile(const CompileOptions &options,
                                       Reporter &reporter) {
  Compilation compilation(options, reporter);
  compilation.setTell([](StringRef summary) -> llvm::Error {
    if (std::fwrite(summary.data(), 1, summary.size(), stdout) ==
            summary.size() &&
        !std::fflush(stdout))
      return llvm::Error::success();
    return createStringError("cannot write the result: " +
                             std::generic_category().message(errno));
  });
  return compilation.run().takeError();
}

llvm::Error gemcut::driver::compileQuietly(
    const CompileOptions &options,
    std::shared_ptr<calibration::MeasuredInputs> inputs, Reporter &reporter,
    llvm::StringRef name) {
  PartReporter part(reporter, name);
  Compilation compilation(options, part, /*isPart=*/true);
  compilation.setInputs(std::move(inputs));
  return compilation.run().takeError();
}
