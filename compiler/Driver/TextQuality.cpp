//===- TextQuality.cpp - A build beside its bf16 form on a text -----------===//

#include "compiler/Driver/TextQuality.h"

#include "compiler/Driver/Compilation.h"
#include "compiler/Driver/RunProgram.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <thread>

using namespace gemcut;
using namespace gemcut::driver;
using llvm::createStringError;

std::string TextQuality::summary() const {
  return fmt::format(
      "mean KL divergence {:.3g} from the bf16 form, same top token {:.2f} %, "
      "perplexity {:.6g} (bf16 {:.6g}), {} tokens predicted in {} rows",
      meanKl, 100 * top1, std::exp(meanNll), std::exp(referenceNll), predicted,
      rows);
}

llvm::Expected<TextName> gemcut::driver::checkText(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError(
        path + ": cannot be read: " + buffer.getError().message());
  if ((*buffer)->getBufferSize() == 0)
    return createStringError(path + ": is empty, expected a text");
  return TextName{llvm::sys::path::filename(path).str(),
                  llvm::xxHash64((*buffer)->getBuffer())};
}

/// `options` for an executable of this machine that serves only to measure.
static CompileOptions forThisMachine(const CompileOptions &options,
                                     const std::string &output) {
  CompileOptions changed;
  changed.model = options.model;
  changed.output = output;
  changed.cpu = "host";
  changed.plan = options.plan;
  changed.weights = options.weights;
  changed.weights.sidecar = changed.weights.sharedSidecar = false;
  changed.threads = options.threads;
  if (options.target == changed.target) {
    changed.runtimeDir = options.runtimeDir;
    changed.sysroot = options.sysroot;
  }
  return changed;
}

/// What a failed program said, without its name in front.
static llvm::Error failure(const std::string &text,
                           const ProgramOutput &output) {
  llvm::StringRef said = llvm::StringRef(output.error).trim();
  size_t at = said.find("error: ");
  if (at != llvm::StringRef::npos)
    said = said.substr(at + strlen("error: "));
  return createStringError(text + ": cannot be measured: " +
                           (said.empty() ? "the executable crashed" : said));
}

namespace {
/// Rows of a float32 matrix in NumPy's format, of which the bytes pass by.
/// Source: numpy/lib/format.py, version 1.0.
struct PassedRows {
  uint64_t rows = 0; ///< in all; 0 until the header is known

  void add(llvm::ArrayRef<char> bytes) {
    passed += bytes.size();
    if (columns)
      return;
    header.append(bytes.begin(), bytes.end());
    llvm::StringRef shape = llvm::StringRef(header).split("'shape': (").second;
    if (!shape.contains(')'))
      return;
    shape.consumeInteger(10, rows);
    shape.consume_front(", ");
    shape.consumeInteger(10, columns);
  }
  uint64_t done() const {
    return columns ? std::min(rows, passed / (4 * columns)) : 0;
  }

private:
  std::string header;
  uint64_t columns = 0, passed = 0;
};
} // namespace

llvm::Expected<TextQuality> gemcut::driver::measureQuality(
    const CompileOptions &options, const std::string &path,
    const TemporaryFolder &folder,
    std::shared_ptr<calibration::MeasuredInputs> inputs, Reporter &reporter) {
  auto text = checkText(path);
  if (!text)
    return text.takeError();
  CompileOptions build = forThisMachine(options, folder.file("build"));
  CompileOptions reference = forThisMachine(options, folder.file("bf16"));
  reference.plan.quant = reference.plan.kv = "bf16";
  reference.plan.head = "full";
  if (llvm::Error error =
          compileQuietly(build, std::move(inputs), reporter, "build"))
    return std::move(error);
  if (llvm::Error error =
          compileQuietly(reference, nullptr, reporter, "bf16 form"))
    return std::move(error);
  // Each gets half of the cores.
  std::string threads =
      std::to_string(std::max(1u, std::thread::hardware_concurrency() / 2));
  std::optional<Activity> activity(std::in_place, reporter, "comparing",
                                   "tokens");
  PassedRows passed;
  auto outputs = runPiped(reference.output,
                          {"score", "--json", "--text", path, "-t", threads,
                           "--logits", "/dev/fd/3"},
                          build.output,
                          {"score", "--json", "--text", path, "-t", threads,
                           "--compare", "/dev/stdin"},
                          [&](llvm::ArrayRef<char> bytes) {
                            passed.add(bytes);
                            llvm::Error error =
                                activity->update(passed.done(), passed.rows);
                            bool goesOn = !error;
                            llvm::consumeError(std::move(error));
                            return goesOn;
                          });
  activity.reset();
  if (!outputs)
    return outputs.takeError();
  if (llvm::Error error = checkCancelled(reporter))
    return std::move(error);
  // A program whose pipe is closed ends by a signal: the other knows why.
  if (outputs->first.code > 0)
    return failure(path, outputs->first);
  if (outputs->second.code != 0)
    return failure(path, outputs->second);
  if (outputs->first.code != 0)
    return failure(path, outputs->first);
  using Json = nlohmann::json;
  Json first = Json::parse(outputs->first.out, nullptr, false),
       second = Json::parse(outputs->second.out, nullptr, false);
  for (const Json *json : {&first, &second})
    if (!json->is_object() || !json->contains("mean_nll") ||
        !(*json)["mean_nll"].is_number())
      return createStringError(path +
                               ": holds fewer than two tokens, which "
                               "predict nothing; expected a longer text");
  TextQuality quality;
  quality.text = std::move(*text);
  quality.rows = second.value("rows_compared", int64_t(0));
  quality.predicted = second.value("tokens", int64_t(0));
  quality.meanKl = second.value("mean_kl_divergence", 0.0);
  quality.top1 = second.value("top1_agreement", 0.0);
  quality.meanNll = second.value("mean_nll", 0.0);
  quality.referenceNll = first.value("mean_nll", 0.0);
  return quality;
}

llvm::Expected<std::vector<int32_t>> gemcut::driver::tokenizeText(
    const CompileOptions &options, const std::string &path,
    const TemporaryFolder &folder, Reporter &reporter) {
  CompileOptions tool = forThisMachine(options, folder.file("tokenizer"));
  tool.weights.omit = true;
  if (llvm::Error error = compileQuietly(tool, nullptr, reporter, "tokenizer"))
    return std::move(error);
  auto output = runProgram(tool.output, {"tokenize", "--file", path});
  if (!output)
    return output.takeError();
  if (output->code != 0)
    return failure(path, *output);
  std::vector<int32_t> ids;
  llvm::StringRef rest = output->out;
  while (!rest.empty()) {
    auto [number, tail] = rest.split(',');
    int32_t id;
    if (!number.trim().getAsInteger(10, id))
      ids.push_back(id);
    rest = tail;
  }
  return ids;
}
