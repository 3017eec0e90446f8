//===- CompileCommand.cpp - gemcut compile --------------------------------===//
//
// The phases in order: load, import, gemma pipeline, kernel pipeline, code,
// link, pack and write. Each is timed; the IR is dumped where it was asked for.
//
//===----------------------------------------------------------------------===//

#include "compiler/Artifact/ArtifactWriter.h"
#include "compiler/Artifact/LinkExecutable.h"
#include "compiler/Artifact/ModelObject.h"
#include "compiler/Artifact/PackWeights.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/IrDumps.h"
#include "compiler/Driver/LoadedModel.h"
#include "compiler/Driver/MemoryPlan.h"
#include "compiler/Driver/ModelInfo.h"
#include "compiler/Driver/Phases.h"
#include "compiler/Driver/Progress.h"
#include "compiler/Pipeline/GemmaPipeline.h"
#include "compiler/Pipeline/KernelPipeline.h"
#include "compiler/Pipeline/Registration.h"
#include "frontends/Gemma4/Importer.h"
#include "targets/Common/Target.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <thread>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::driver;
using llvm::createStringError;

namespace {

/// Positions of a slot if the user names none: long enough for a chat, small
/// enough that the KV cache does not surprise.
constexpr int64_t kDefaultContext = 8192;

/// Diagnostics of a phase as one error: the first message with its location.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(MLIRContext &context)
      : handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Remark ||
              diagnostic.getSeverity() == DiagnosticSeverity::Warning) {
            llvm::errs() << "gemcut: note: " << diagnostic.str() << "\n";
            return success();
          }
          if (first.empty()) {
            llvm::raw_string_ostream stream(first);
            stream << diagnostic.getLocation() << ": " << diagnostic.str();
          }
          return success();
        }) {}

  llvm::Error error(StringRef phase) const {
    return createStringError(first.empty() ? (phase + " failed").str() : first);
  }

private:
  std::string first;
  ScopedDiagnosticHandler handler;
};

llvm::Expected<int64_t> chooseContext(const CompileOptions &options,
                                      const LoadedModel &model) {
  int64_t most = model.config.maxPositions;
  if (!options.context)
    return std::min(most, kDefaultContext);
  if (options.context < 1 || options.context > (int64_t(1) << 24))
    return createStringError("--context: found " +
                             std::to_string(options.context) +
                             ", expected 1 to 16777216 positions");
  if (options.context > most)
    fmt::print(
        stderr,
        "gemcut: note: --context {} is more than the {} positions that the "
        "model was made for\n",
        options.context, most);
  return options.context;
}

llvm::Error writeText(const CompileOptions &options,
                      llvm::ArrayRef<char> bytes) {
  auto file = artifact::OutputFile::create(options.output);
  if (!file)
    return file.takeError();
  llvm::raw_fd_ostream stream((*file)->descriptor(), /*shouldClose=*/false);
  stream.write(bytes.data(), bytes.size());
  stream.flush();
  if (stream.has_error()) {
    std::error_code code = stream.error();
    stream.clear_error();
    return createStringError(options.output + ": " + code.message());
  }
  return (*file)->commit(0644);
}

llvm::Error writeModule(const CompileOptions &options, ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, OpPrintingFlags().enableDebugInfo(true, false));
  return writeText(options, llvm::ArrayRef(text.data(), text.size()));
}

/// Code of one level, made in a context of its own so that levels run side by
/// side.
llvm::Expected<llvm::SmallVector<char, 0>>
compileLevel(const targets::Target &target, const targets::TargetSpec &spec,
             const targets::IsaLevel &level, StringRef kernelText,
             targets::EmitKind kind, IrDumps &dumps) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  DiagnosticCollector diagnostics(context);
  auto module = parseSourceString<ModuleOp>(kernelText, &context);
  if (!module)
    return diagnostics.error("reading the kernel program");
  auto lowered =
      target.lower(*module, level, [&](StringRef pass, ModuleOp dumped) {
        dumps.dump((pass + "-" + level.name).str(), dumped);
      });
  if (failed(lowered))
    return diagnostics.error("lowering for " + level.name);
  return target.emit(**lowered, spec, level, kind);
}

llvm::Expected<std::vector<llvm::SmallVector<char, 0>>>
compileLevels(const targets::Target &target, const targets::TargetSpec &spec,
              ModuleOp module, targets::EmitKind kind, IrDumps &dumps) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  size_t count = spec.levels.size();
  std::vector<std::optional<llvm::Expected<llvm::SmallVector<char, 0>>>>
      results(count);
  std::vector<std::thread> pool;
  for (size_t i = 0; i < count; ++i)
    pool.emplace_back([&, i] {
      results[i].emplace(
          compileLevel(target, spec, spec.levels[i], text, kind, dumps));
    });
  for (std::thread &thread : pool)
    thread.join();
  std::vector<llvm::SmallVector<char, 0>> objects;
  llvm::Error error = llvm::Error::success();
  for (auto &result : results) {
    if (*result)
      objects.push_back(std::move(**result));
    else
      error = llvm::joinErrors(std::move(error), result->takeError());
  }
  if (error) {
    // All levels fail alike; one message is enough.
    std::string first;
    llvm::handleAllErrors(std::move(error), [&](llvm::StringError &e) {
      if (first.empty())
        first = e.getMessage();
    });
    return createStringError(first);
  }
  return objects;
}

std::string runtimeArchive(const CompileOptions &options) {
  std::string directory = options.runtimeDir;
  if (directory.empty()) {
    // build/bin/gemcut -> build/lib/runtime
    std::string self = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
    llvm::SmallString<256> path(
        llvm::sys::path::parent_path(llvm::sys::path::parent_path(self)));
    llvm::sys::path::append(path, "lib", "runtime");
    directory = path.str().str();
  }
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, options.target, "libgemcut_rt.a");
  return path.str().str();
}

/// One run of `gemcut compile`.
class Compilation {
public:
  explicit Compilation(const CompileOptions &options)
      : options(options), phases(options.timePhases),
        dumps(options.dumpIrAfter, options.dumpDir) {}

  llvm::Error run() {
    target = targets::findTarget(options.target);
    if (!target)
      return createStringError(
          "--target: found '" + options.target + "', this compiler has " +
          llvm::join(llvm::map_range(
                         targets::allTargets(),
                         [](const targets::Target *t) { return t->getName(); }),
                     ", "));
    auto parsed = target->parseSpec(options.cpu);
    if (!parsed)
      return parsed.takeError();
    spec = std::move(*parsed);
    // A bad output path should not cost a compilation.
    auto output = artifact::OutputFile::create(options.output);
    if (!output)
      return output.takeError();

    phases.begin("load");
    auto loaded = loadModel(options.model, options.weights);
    if (!loaded)
      return loaded.takeError();
    model = std::move(*loaded);
    for (const std::string &warning : model.warnings)
      fmt::print(stderr, "gemcut: note: {}\n", warning);

    DialectRegistry registry;
    registerAllDialects(registry);
    MLIRContext context(registry);
    context.loadAllAvailableDialects();
    DiagnosticCollector diagnostics(context);
    phases.begin("import");
    auto module = gemma4::importModel(context, model.config, *model.weights);
    if (failed(module))
      return diagnostics.error("importing the model");
    dumps.dump("import", **module);
    if (llvm::Error error = runPipelines(**module, diagnostics))
      return error;
    if (options.emit == Emit::Gemma || options.emit == Emit::Kernel)
      return writeModule(options, **module);

    plan = readMemoryPlan(**module, options.slots);
    if (llvm::Error error = checkLimit(plan, options.maxRam))
      return error;
    return emitCode(**module, **output);
  }

private:
  const CompileOptions &options;
  Phases phases;
  IrDumps dumps;
  const targets::Target *target = nullptr;
  targets::TargetSpec spec;
  LoadedModel model;
  MemoryPlan plan;

  llvm::Error runPipelines(ModuleOp module,
                           const DiagnosticCollector &diagnostics) {
    auto context = chooseContext(options, model);
    if (!context)
      return context.takeError();
    GemmaPipelineOptions gemma;
    gemma.quant = options.quant;
    gemma.prefillChunk = std::min(options.prefillChunk, *context);
    gemma.scoreChunk = std::min<int64_t>(64, *context);
    PassManager gemmaPasses(module.getContext());
    dumps.attach(gemmaPasses);
    buildGemmaPipeline(gemmaPasses, gemma);
    phases.begin("gemma passes");
    if (failed(gemmaPasses.run(module)))
      return diagnostics.error("the gemma passes");
    if (options.emit == Emit::Gemma)
      return llvm::Error::success();
    KernelPipelineOptions kernel;
    kernel.kv = options.kv;
    kernel.context = *context;
    kernel.l2Bytes = spec.l2Bytes;
    PassManager kernelPasses(module.getContext());
    dumps.attach(kernelPasses);
    buildKernelPipeline(kernelPasses, kernel);
    phases.begin("kernel passes");
    if (failed(kernelPasses.run(module)))
      return diagnostics.error("the kernel passes");
    return llvm::Error::success();
  }

  llvm::Error emitCode(ModuleOp module, artifact::OutputFile &output) {
    targets::EmitKind kind =
        options.emit == Emit::Assembly ? targets::EmitKind::Assembly
        : options.emit == Emit::Llvm   ? targets::EmitKind::Llvm
                                       : targets::EmitKind::Object;
    if (options.emit != Emit::Executable && spec.levels.size() > 1)
      return createStringError(
          "--emit obj, asm and llvm write the code of one level; name it with "
          "--cpu (" +
          llvm::join(llvm::map_range(spec.levels,
                                     [](const targets::IsaLevel &level) {
                                       return level.name;
                                     }),
                     ", ") +
          ")");
    phases.begin("code");
    auto objects = compileLevels(*target, spec, module, kind, dumps);
    if (!objects)
      return objects.takeError();
    if (options.emit != Emit::Executable)
      return writeText(options, objects->front());

    phases.begin("link");
    auto info = makeModelInfo(model, options, plan, module);
    if (!info)
      return info.takeError();
    auto tables = artifact::emitModelObject(*info, spec);
    if (!tables)
      return tables.takeError();
    llvm::SmallVector<llvm::ArrayRef<char>> parts;
    for (const auto &object : *objects)
      parts.push_back(object);
    parts.push_back(*tables);
    auto image = artifact::linkExecutable(parts, runtimeArchive(options),
                                          artifact::defaultToolchain());
    if (!image)
      return image.takeError();

    phases.begin("pack");
    if (llvm::Error error = writeOutputs(module, *image, output))
      return error;
    phases.end();
    report(image->size());
    return llvm::Error::success();
  }

  llvm::Error writeOutputs(ModuleOp module, llvm::ArrayRef<uint8_t> image,
                           artifact::OutputFile &output) {
    std::string reportText = makeReport(model, options, plan, module);
    Progress progress("packing weights");
    artifact::SectionContent weights{
        GEMCUT_SECTION_WEIGHTS, plan.weightBytes,
        [&](int descriptor, uint64_t offset) {
          llvm::Error error = artifact::packWeights(
              module, *model.weights, descriptor, offset, options.threads,
              [&](uint64_t done, uint64_t total) {
                progress.update(done, total);
              });
          progress.finish();
          return error;
        }};
    llvm::SmallVector<artifact::SectionContent> sections;
    if (!model.tokenizer.empty())
      sections.push_back(
          artifact::bytesSection(GEMCUT_SECTION_TOKENIZER, model.tokenizer));
    sections.push_back(artifact::bytesSection(
        GEMCUT_SECTION_REPORT,
        llvm::ArrayRef(reinterpret_cast<const uint8_t *>(reportText.data()),
                       reportText.size())));
    if (!options.weights.sidecar) {
      sections.push_back(weights);
      if (llvm::Error error = artifact::writeArtifact(output, image, sections))
        return error;
      return output.commit(0755);
    }
    auto sidecar = artifact::OutputFile::create(options.output + ".gemw");
    if (!sidecar)
      return sidecar.takeError();
    if (llvm::Error error = artifact::writeArtifact(**sidecar, {}, {weights}))
      return error;
    if (llvm::Error error = artifact::writeArtifact(output, image, sections))
      return error;
    if (llvm::Error error = (*sidecar)->commit(0644))
      return error;
    return output.commit(0755);
  }

  void report(uint64_t imageBytes) {
    fmt::print("{}", describe(plan));
    fmt::print("wrote {} for {} ({}), {} of code, quantization {}\n",
               options.output, spec.name,
               llvm::join(llvm::map_range(spec.levels,
                                          [](const targets::IsaLevel &level) {
                                            return level.name;
                                          }),
                          ", "),
               formatBytes(imageBytes), options.quant);
  }
};

} // namespace

llvm::Error gemcut::driver::runCompile(const CompileOptions &options) {
  return Compilation(options).run();
}
