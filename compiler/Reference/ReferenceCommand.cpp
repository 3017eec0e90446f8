//===- ReferenceCommand.cpp - gemcut reference ----------------------------===//

#include "compiler/Reference/ReferenceCommand.h"

#include "compiler/Artifact/ArtifactReader.h"
#include "compiler/Reference/Interpreter.h"
#include "compiler/Reference/Npy.h"
#include "frontends/Checkpoint/StackedExperts.h"
#include "frontends/Config/TensorNames.h"
#include "frontends/GGUF/ModelMetadata.h"
#include "frontends/Gemma3/FoldedWeights.h"
#include "frontends/Gemma4/Importer.h"
#include "frontends/Gemma4/RandomWeights.h"
#include "frontends/Quantized/QuantizedWeights.h"
#include "frontends/Safetensors/Checkpoint.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <numeric>

using namespace gemcut;
using namespace gemcut::reference;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::raw_ostream;
using llvm::StringRef;

static constexpr llvm::StringLiteral kModels =
    "a checkpoint directory, a .safetensors or .gguf file or a config.json";

static Expected<std::string> readFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return createStringError(buffer.getError(), "cannot read '%s': %s",
                             path.str().c_str(),
                             buffer.getError().message().c_str());
  return (*buffer)->getBuffer().str();
}

Expected<std::vector<int32_t>> reference::parseIds(StringRef text) {
  std::string fileText;
  if (text.consume_front("@")) {
    Expected<std::string> read = readFile(text);
    if (!read)
      return read.takeError();
    fileText = std::move(*read);
    text = fileText;
  }
  std::vector<int32_t> ids;
  while (true) {
    text = text.ltrim(", \t\r\n");
    if (text.empty())
      break;
    StringRef word =
        text.take_until([](char c) { return c == ',' || llvm::isSpace(c); });
    int32_t id;
    if (word.getAsInteger(10, id) || id < 0)
      return createStringError(
          "--ids: '%s' is no token id; expected whole numbers from 0 to "
          "2147483647, separated by commas",
          word.str().c_str());
    ids.push_back(id);
    text = text.drop_front(word.size());
  }
  if (ids.empty())
    return createStringError("--ids: holds no token id, expected at least one");
  return ids;
}

namespace {

/// A model's configuration and where its weights come from.
struct OpenModel {
  config::ModelConfig config;
  std::unique_ptr<checkpoint::WeightSource> weights;
};

/// Prints what is asked for, and stops where it is asked to.
class Dumper {
public:
  Dumper(const ReferenceOptions &options, raw_ostream &os)
      : options(options), os(os) {}

  Error addGlobs() {
    for (const std::string &text : options.dump) {
      Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(text);
      if (!glob)
        return createStringError("--dump: '%s' is no glob: %s", text.c_str(),
                                 llvm::toString(glob.takeError()).c_str());
      globs.push_back(std::move(*glob));
      isUsed.push_back(false);
    }
    return Error::success();
  }

  Next observe(const Observation &observation) {
    for (const std::string &name : observation.names)
      for (auto [i, glob] : llvm::enumerate(globs))
        if (glob.match(name)) {
          isUsed[i] = true;
          print(name, observation.value);
        }
    stopped |= llvm::is_contained(observation.names, options.stopAfter);
    return stopped ? Next::Stop : Next::Continue;
  }

  /// The names asked for that no op had.
  Error checkAllFound() const {
    if (!options.stopAfter.empty() && !stopped)
      return createStringError("--stop-after: no op is named '%s'",
                               options.stopAfter.c_str());
    for (size_t i = 0; i < isUsed.size(); ++i)
      if (!isUsed[i])
        return createStringError("--dump: no op that ran matches '%s'",
                                 options.dump[i].c_str());
    return Error::success();
  }

private:
  void print(StringRef name, const Tensor &tensor) {
    os << name << " (" << tensor.rows << ", " << tensor.columns << ")\n";
    constexpr int64_t kShown = 8;
    for (int64_t r = 0; r < tensor.rows; ++r) {
      os << "  [" << r << "]";
      int64_t shown =
          options.dumpAll ? tensor.columns : std::min(kShown, tensor.columns);
      for (float value : tensor.row(r).take_front(shown))
        os << llvm::format(" %.9g", value);
      os << (shown < tensor.columns ? " ...\n" : "\n");
    }
  }

  const ReferenceOptions &options;
  raw_ostream &os;
  std::vector<llvm::GlobPattern> globs;
  std::vector<bool> isUsed;
  bool stopped = false;
};

} // namespace

static Expected<OpenModel> openGguf(StringRef path,
                                    std::vector<std::string> *warnings) {
  auto checkpoint = gguf::Checkpoint::open(path);
  if (!checkpoint)
    return checkpoint.takeError();
  auto config = gguf::readModelConfig(**checkpoint, warnings);
  if (!config)
    return config.takeError();
  if (auto check = config::checkTensors(*config, **checkpoint, path); !check)
    return check.takeError();
  return OpenModel{std::move(*config), std::move(*checkpoint)};
}

/// The model without adapters, its weights as they are stored.
static Expected<OpenModel> openFiles(const ReferenceOptions &options,
                                     std::vector<std::string> *warnings) {
  StringRef path = options.model;
  if (!llvm::sys::fs::exists(path))
    return createStringError("'" + path + "' does not exist; expected " +
                             kModels);
  if (path.ends_with(".gguf"))
    return openGguf(path, warnings);
  llvm::SmallString<128> configPath(path);
  bool isConfig = path.ends_with(".json");
  if (!isConfig) {
    if (!llvm::sys::fs::is_directory(path)) {
      if (Error error = artifact::refuseProgram(path))
        return std::move(error);
      if (!path.ends_with(".safetensors"))
        return createStringError(path + ": expected " + kModels);
      llvm::sys::path::remove_filename(configPath);
    }
    llvm::sys::path::append(configPath, "config.json");
  }
  Expected<std::string> text = readFile(configPath);
  if (!text)
    return text.takeError();
  Expected<config::ModelConfig> config =
      config::parseModelConfig(*text, configPath, warnings);
  if (!config)
    return config.takeError();

  OpenModel model;
  model.config = std::move(*config);
  if (isConfig) {
    model.weights = std::make_unique<gemma4::RandomWeights>(
        gemma4::expectedWeights(model.config), options.seed,
        model.config.offsetNorms);
  } else {
    if (Error error = safetensors::refuseShard(path))
      return std::move(error);
    auto checkpoint = safetensors::Checkpoint::open(path);
    if (!checkpoint)
      return checkpoint.takeError();
    auto matrices =
        quantized::QuantizedWeights::open(std::move(*checkpoint), model.config);
    if (!matrices)
      return matrices.takeError();
    auto stacked = checkpoint::StackedExperts::stack(std::move(*matrices));
    if (!stacked)
      return stacked.takeError();
    model.weights = std::move(*stacked);
    if (auto check = config::checkTensors(model.config, *model.weights, path);
        !check)
      return check.takeError();
  }
  return model;
}

static Expected<OpenModel> openModel(const ReferenceOptions &options,
                                     raw_ostream &err) {
  std::vector<std::string> warnings;
  auto model = openFiles(options, &warnings);
  for (const std::string &warning : warnings)
    err << "warning: " << warning << "\n";
  if (!model)
    return model.takeError();
  auto prefix = config::findTextPrefix(*model->weights, options.model);
  if (!prefix)
    return prefix.takeError();
  auto merged = lora::mergeAdapters(std::move(model->weights), *prefix,
                                    options.loras, /*files=*/nullptr);
  if (!merged)
    return merged.takeError();
  model->weights = gemma3::foldWeights(model->config, std::move(*merged));
  return model;
}

static void printBest(const Tensor &logits, int64_t firstPosition,
                      raw_ostream &os) {
  for (int64_t r = 0; r < logits.rows; ++r) {
    llvm::ArrayRef<float> row = logits.row(r);
    int64_t best = std::max_element(row.begin(), row.end()) - row.begin();
    os << "position " << firstPosition + r << ": best id " << best
       << llvm::format(", logit %.6g\n", row[best]);
  }
}

Error reference::runReference(const ReferenceOptions &options, raw_ostream &os,
                              raw_ostream &err) {
  Expected<std::vector<int32_t>> ids = parseIds(options.ids);
  if (!ids)
    return ids.takeError();
  if (options.firstPosition < 0)
    return createStringError("--first-position: is %lld, expected 0 or more",
                             (long long)options.firstPosition);
  if (!options.logitsFile.empty() && !options.stopAfter.empty())
    return createStringError(
        "--stop-after and --logits exclude each other: a run that stops has no "
        "logits");
  Dumper dumper(options, os);
  if (Error error = dumper.addGlobs())
    return error;
  Expected<OpenModel> model = openModel(options, err);
  if (!model)
    return model.takeError();
  std::unique_ptr<artifact::OutputFile> file;
  if (!options.logitsFile.empty()) {
    auto created = artifact::OutputFile::create(options.logitsFile);
    if (!created)
      return created.takeError();
    file = std::move(*created);
  }

  mlir::MLIRContext context;
  std::string diagnostics;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) {
        llvm::raw_string_ostream text(diagnostics);
        text << (diagnostics.empty() ? "" : "; ");
        if (auto name = llvm::dyn_cast<mlir::NameLoc>(diagnostic.getLocation()))
          text << name.getName().getValue() << ": ";
        text << diagnostic;
        return mlir::success();
      });
  auto failure = [&] {
    return createStringError(options.model + ": " + diagnostics);
  };
  auto module = gemma4::importModel(context, model->config, *model->weights);
  if (failed(module))
    return failure();

  Interpreter interpreter(**module, *model->weights, options.threads);
  interpreter.setObserver([&](const Observation &observation) {
    return dumper.observe(observation);
  });
  std::vector<int64_t> positions(ids->size());
  std::iota(positions.begin(), positions.end(), options.firstPosition);
  for (int32_t &id : *ids)
    id = int32_t(model->config.embeddedId(id));
  auto results = interpreter.run("forward", *ids, positions);
  if (failed(results))
    return failure();
  if (!results->empty()) {
    const Tensor &logits = results->front();
    printBest(logits, options.firstPosition, os);
    if (file)
      if (Error error =
              writeNpy(*file, {logits.rows, logits.columns}, logits.values))
        return error;
  }
  return dumper.checkAllFound();
}
