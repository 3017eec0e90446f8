//===- ExplainCommand.cpp - gemcut explain --------------------------------===//
//
// Reads what the compiler wrote about the stages into an executable, runs the
// executable's `trace` where it can run, and shows both side by side.
//
//===----------------------------------------------------------------------===//

#include "compiler/Artifact/ArtifactReader.h"
#include "compiler/Artifact/FileBytes.h"
#include "compiler/Artifact/OutputFile.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/JsonText.h"
#include "compiler/Driver/RunProgram.h"
#include "compiler/Driver/UsageError.h"
#include "compiler/Explain/Roofline.h"
#include "compiler/Explain/Tables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace gemcut;
using namespace gemcut::driver;
using explain::Explanation;
using explain::Step;
using explain::TracedRun;
using llvm::createStringError;
using nlohmann::ordered_json;

namespace {

/// What the report section says.
struct Report {
  explain::StageReport stages;
  int64_t context = 0, weightBytesPerToken = 0;
  std::vector<std::string> levels;
};

const gemcut_section *findSection(const gemcut_footer &footer,
                                  gemcut_section_kind kind) {
  for (uint32_t i = 0; i < footer.section_count; ++i)
    if (footer.sections[i].kind == uint32_t(kind))
      return &footer.sections[i];
  return nullptr;
}

llvm::Expected<Report> parseReport(const std::string &file,
                                   const std::string &text) {
  ordered_json json =
      ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  auto context = json.find("context"),
       bytes = json.find("weight_bytes_per_token");
  if (!json.is_object() || context == json.end() || bytes == json.end() ||
      !context->is_number_integer() || !bytes->is_number_integer())
    return createStringError(file + ": its report is damaged");
  auto stages = json.find(explain::kStagesKey);
  if (stages == json.end())
    return createStringError(
        file + ": says nothing about its stages, because an older gemcut made "
               "it; compile it again");
  auto read = explain::readStages(*stages);
  if (!read)
    return createStringError(
        file + ": its report is damaged: " + llvm::toString(read.takeError()));
  Report report{
      std::move(*read), context->get<int64_t>(), bytes->get<int64_t>(), {}};
  const ordered_json levels = json.value("levels", ordered_json());
  for (const auto &level : levels.items())
    report.levels.push_back(level.key());
  return report;
}

/// Where the executable looks for weights that it does not hold.
bool hasSidecar(const std::string &file, const gemcut_footer &footer) {
  llvm::SmallString<256> shared(llvm::sys::path::parent_path(file));
  llvm::sys::path::append(shared,
                          fmt::format("{:016x}.gemw", footer.sidecar_checksum));
  return llvm::sys::fs::is_regular_file(file + ".gemw") ||
         llvm::sys::fs::is_regular_file(shared);
}

/// Fails with what is missing from `file` to be an executable of gemcut.
llvm::Expected<Report> readReport(const std::string &file, bool willRun) {
  if (!llvm::sys::fs::is_regular_file(file))
    return createStringError(file + ": is not a file");
  auto footer = artifact::readFooter(file);
  if (!footer)
    return footer.takeError();
  if (!*footer)
    return createStringError(file +
                             ": is not a file that gemcut compile wrote");
  const gemcut_section *section = findSection(**footer, GEMCUT_SECTION_REPORT);
  if (!section)
    return createStringError(
        file + (findSection(**footer, GEMCUT_SECTION_WEIGHTS)
                    ? ": holds weights alone; name the executable beside it"
                    : ": holds no report"));
  if (willRun && !findSection(**footer, GEMCUT_SECTION_WEIGHTS) &&
      !hasSidecar(file, **footer))
    return createStringError(
        fmt::format("{0}: its weights are in {0}.gemw or {1:016x}.gemw beside "
                    "it, which are not there; --no-run explains without them",
                    file, (*footer)->sidecar_checksum));
  auto text = artifact::readSection(file, *section);
  if (!text)
    return text.takeError();
  return parseReport(file, *text);
}

/// One run of `gemcut explain`.
class Explaining {
public:
  explicit Explaining(const ExplainOptions &options) : options(options) {}

  llvm::Error run() {
    auto read = readReport(options.file, options.mayRun);
    if (!read)
      return read.takeError();
    report = std::move(*read);
    if (!options.level.empty() &&
        !llvm::is_contained(report.levels, options.level))
      return createStringError(options.file + ": has no level '" +
                               options.level + "'; --level takes " +
                               llvm::join(report.levels, ", "));
    if (llvm::Error error = planRuns())
      return error;
    // A bad output path should not cost a measurement.
    if (llvm::Error error = openSvg())
      return error;
    if (options.mayRun)
      if (llvm::Error error = measure()) {
        // Who names a level wants its times.
        if (!options.level.empty())
          return createStringError(options.file + ": cannot be run here: " +
                                   llvm::toString(std::move(error)));
        fmt::print(stderr,
                   "gemcut: note: {} cannot be run here ({}); without "
                   "times\n",
                   options.file, llvm::toString(std::move(error)));
      }
    return explainRuns();
  }

private:
  const ExplainOptions &options;
  Report report;
  std::vector<TracedRun> runs;
  std::optional<explain::Trace> trace;
  std::unique_ptr<artifact::OutputFile> svg;

  int64_t maxRows(const char *entry) const {
    auto found = report.stages.entries.find(entry);
    return found == report.stages.entries.end() ? 0 : found->second.maxRows;
  }

  /// Steps of a prompt as runtime/session splits it.
  std::vector<Step> splitPrompt(int64_t tokens, const char *last,
                                const char *others) const {
    std::vector<Step> steps;
    int64_t chunk = std::max<int64_t>(maxRows(last), 1);
    for (int64_t at = 0; at < tokens; at += chunk)
      steps.push_back({at + chunk >= tokens ? last : others, options.depth + at,
                       std::min(chunk, tokens - at)});
    return steps;
  }

  llvm::Error planRuns() {
    const std::string &entry = options.entry;
    bool isDefault = entry.empty();
    int64_t room = report.context - options.depth;
    auto rows = [&](int64_t fallback) {
      return isDefault || !options.rows ? std::min(fallback, room)
                                        : options.rows;
    };
    if (isDefault || entry == "decode")
      runs.push_back(
          {"decode", {{"decode", options.depth, rows(1)}}, {}, {}, {}, 0});
    if (isDefault || entry == "prefill")
      runs.push_back({"prefill",
                      splitPrompt(rows(kPromptTokens), "prefill", "extend"),
                      {},
                      {},
                      {},
                      0});
    if (entry == "score")
      runs.push_back({"score",
                      splitPrompt(rows(kPromptTokens), "score", "score"),
                      {},
                      {},
                      {},
                      0});
    for (const TracedRun &run : runs) {
      int64_t tokens = 0;
      for (const Step &step : run.steps)
        tokens += step.rows;
      if (tokens < 1 || tokens > room)
        return createStringError(
            options.file + ": " + std::to_string(std::max<int64_t>(tokens, 1)) +
            " tokens at depth " + std::to_string(options.depth) +
            " do not fit its context of " + std::to_string(report.context));
    }
    if (entry == "decode" &&
        runs.front().steps.front().rows > maxRows("decode"))
      return createStringError(options.file + ": a decode step has at most " +
                               std::to_string(maxRows("decode")) + " rows");
    return llvm::Error::success();
  }

  llvm::Error openSvg() {
    if (options.svg.empty())
      return llvm::Error::success();
    if (llvm::Error error =
            artifact::OutputFile::refuseInputs(options.svg, {options.file}))
      return error;
    auto output = artifact::OutputFile::create(options.svg);
    if (!output)
      return output.takeError();
    svg = std::move(*output);
    return llvm::Error::success();
  }

  llvm::Error measure() {
    std::vector<std::string> arguments{"trace"};
    auto add = [&](const char *flag, const std::string &value) {
      arguments.push_back(flag);
      arguments.push_back(value);
    };
    auto tokensOf = [&](llvm::StringRef name) {
      int64_t tokens = 0;
      for (const TracedRun &run : runs)
        if (run.name == name)
          for (const Step &step : run.steps)
            tokens += step.rows;
      return std::to_string(tokens);
    };
    for (const char *name : {"decode", "prefill", "score"})
      add((llvm::Twine("--") + name).str().c_str(), tokensOf(name));
    add("--depth", std::to_string(options.depth));
    add("--repetitions", std::to_string(options.repetitions));
    if (options.threads)
      add("--threads", std::to_string(options.threads));
    if (!options.level.empty())
      add("--level", options.level);
    auto output = runProgram(options.file, arguments);
    if (!output)
      return output.takeError();
    if (output->code) {
      llvm::StringRef message = llvm::StringRef(output->error).trim();
      message.consume_front("error: ");
      return createStringError(message.empty()
                                   ? "exit code " + std::to_string(output->code)
                                   : message.str());
    }
    auto parsed = explain::readTrace(output->out);
    if (!parsed)
      return parsed.takeError();
    trace = std::move(*parsed);
    runs = trace->runs;
    return llvm::Error::success();
  }

  llvm::Error explainRuns() {
    explain::Subject subject;
    subject.file = options.file;
    subject.weightBytesPerToken = report.weightBytesPerToken;
    if (trace) {
      subject.trace = &*trace;
      subject.limits = &trace->limits;
    }
    for (const TracedRun &run : runs) {
      auto explanation =
          explain::explain(report.stages, run,
                           /*isMeasured=*/trace.has_value(), subject.limits);
      if (!explanation)
        return createStringError(options.file + ": " +
                                 llvm::toString(explanation.takeError()));
      subject.explanations.push_back(std::move(*explanation));
    }
    if (svg)
      if (llvm::Error error = writeSvg(subject))
        return error;
    if (options.format == "json")
      fmt::print("{}\n",
                 toText(formatJson(subject, options.all), /*indent=*/2));
    else if (options.format == "csv")
      fmt::print("{}", formatCsv(subject, options.all));
    else
      fmt::print("{}", formatMarkdown(subject, options.all));
    return llvm::Error::success();
  }

  llvm::Error writeSvg(const explain::Subject &subject) {
    if (!subject.trace)
      return createStringError(options.svg +
                               ": is not written, for it would show times");
    std::string text = explain::drawRoofline(subject);
    if (llvm::Error error = artifact::nameOutput(
            options.svg,
            artifact::writeAt(svg->descriptor(), text.data(), text.size(), 0)))
      return error;
    return svg->commit(0644);
  }

  static constexpr int64_t kPromptTokens = 512;
};

} // namespace

llvm::Error gemcut::driver::runExplain(const ExplainOptions &options) {
  return Explaining(options).run();
}
