//===- CommandLine.cpp - Commands by name ---------------------------------===//

#include "compiler/Driver/Commands.h"
#include "compiler/Driver/Flags.h"
#include "compiler/Driver/HelpFormatter.h"
#include "compiler/Driver/TerminalReporter.h"
#include "compiler/Driver/UsageError.h"
#include "compiler/Driver/UsageMessage.h"

#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <system_error>

using namespace gemcut;
using namespace gemcut::driver;

namespace {

constexpr int kInputAtFault = 1, kUsage = 2;

int finish(llvm::Error error) {
  if (!error)
    return 0;
  int code = error.isA<UsageError>() ? kUsage : kInputAtFault;
  llvm::errs() << "gemcut: error: " << llvm::toString(std::move(error)) << "\n";
  return code;
}

/// `code`, or that of a failure if what was printed could not be written;
/// `failure` if that is already known.
int flushOutput(int code, std::error_code failure = {}) {
  llvm::outs().flush();
  if (!failure)
    failure = llvm::outs().error();
  llvm::outs().clear_error(); // or the stream ends the program
  if (std::fflush(stdout) && !failure)
    failure = std::error_code(errno, std::generic_category());
  else if (std::ferror(stdout) &&
           !failure) // an earlier write, whose reason is lost
    failure = std::make_error_code(std::errc::io_error);
  if (!failure || code)
    return code;
  llvm::errs() << "gemcut: error: cannot write the result: "
               << failure.message() << "\n";
  return kInputAtFault;
}

/// The commands and what was parsed for them.
class CommandLine {
public:
  CommandLine()
      : app("gemcut: compiles Gemma 4 and Gemma 3 checkpoints ahead of time.") {
    app.name("gemcut");
    app.formatter(std::make_shared<HelpFormatter>()); // subcommands inherit it
    app.set_version_flag("--version", "gemcut " GEMCUT_VERSION);
    app.require_subcommand(1);
    addCompile(app, compile);
    addInspect(app, inspect);
    addQuantizeReport(app, report);
    addExplain(app, explain);
    app.add_subcommand("targets", "Lists what can be compiled for.");
    addReference(app, interpret);
    app.footer("Exit codes: 0 done; 1 an input, a result or this machine is at "
               "fault;\n2 the command line is.");
  }

  CLI::App app;
  CompileOptions compile;
  InspectOptions inspect;
  ExplainOptions explain;
  QuantizeReportOptions report;
  reference::ReferenceOptions interpret;

  /// What follows from flags together, once parsed.
  void complete() {
    // Whoever asks for float32 weights asks for exactness.
    CLI::App *command = app.get_subcommands().front();
    const CLI::Option *kv = command->get_option_no_throw("--kv");
    const CLI::Option *slots = command->get_option_no_throw("--slots");
    for (PlanOptions *plan :
         {&compile.plan, &inspect.plan, &report.compile.plan}) {
      plan->isKvGiven = kv && kv->count() > 0;
      plan->isSlotsGiven = slots && slots->count() > 0;
      if (!plan->isKvGiven)
        plan->kv = plan->quant == "f32" ? "f32" : "bf16";
    }
  }
};

/// Parses "COMMAND ARGUMENTS...".
llvm::Error parse(CommandLine &line, const char *command,
                  llvm::ArrayRef<std::string> arguments) {
  // CLI11 takes them from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  reversed.push_back(command);
  try {
    line.app.parse(reversed);
  } catch (const CLI::CallForHelp &) {
    return llvm::make_error<UsageError>("--help is for the command line");
  } catch (const CLI::ParseError &error) {
    return llvm::make_error<UsageError>(describeMistake(line.app, error));
  }
  line.complete();
  return llvm::Error::success();
}

} // namespace

llvm::Expected<CompileOptions>
gemcut::driver::parseCompile(llvm::ArrayRef<std::string> arguments) {
  CommandLine line;
  if (llvm::Error error = parse(line, "compile", arguments))
    return std::move(error);
  return std::move(line.compile);
}

llvm::Expected<InspectOptions>
gemcut::driver::parseInspect(llvm::ArrayRef<std::string> arguments) {
  CommandLine line;
  if (llvm::Error error = parse(line, "inspect", arguments))
    return std::move(error);
  return std::move(line.inspect);
}

llvm::Expected<QuantizeReportOptions>
gemcut::driver::parseQuantizeReport(llvm::ArrayRef<std::string> arguments) {
  CommandLine line;
  if (llvm::Error error = parse(line, "quantize-report", arguments))
    return std::move(error);
  return std::move(line.report);
}

int gemcut::driver::runCommandLine(int argc, const char *const *argv) {
  CommandLine line;
  CLI::App &app = line.app;
  app.failure_message([&](const CLI::App *, const CLI::Error &error) {
    auto chosen = app.get_subcommands();
    return "gemcut: error: " + describeMistake(app, error) + "\nRun gemcut " +
           (chosen.empty() ? "" : chosen.front()->get_name() + " ") +
           "--help for more information.\n";
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) ? kUsage : 0;
  }
  line.complete();
  TerminalReporter reporter;
  auto run = [&]() -> llvm::Error {
    if (app.got_subcommand("compile"))
      return runCompile(line.compile, reporter);
    if (app.got_subcommand("inspect"))
      return runInspect(line.inspect, reporter);
    if (app.got_subcommand("quantize-report"))
      return runQuantizeReport(line.report, reporter);
    if (app.got_subcommand("explain"))
      return runExplain(line.explain);
    if (app.got_subcommand("reference"))
      return reference::runReference(line.interpret, llvm::outs(),
                                     llvm::errs());
    return runTargets();
  };
  try {
    return flushOutput(finish(run()));
  } catch (const std::system_error &error) { // fmt's, from a write to stdout
    return flushOutput(0, error.code());
  }
}
