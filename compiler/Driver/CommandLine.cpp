//===- CommandLine.cpp - Flags to options ---------------------------------===//
//
// The only place that knows flags. Every flag's help is a full sentence with
// unit and default.
//
//===----------------------------------------------------------------------===//

#include "compiler/Driver/Commands.h"
#include "compiler/Driver/MemoryPlan.h"
#include "compiler/Driver/TerminalReporter.h"
#include "compiler/Driver/UsageError.h"
#include "compiler/Reference/ReferenceCommand.h"
#include "runtime/abi/model.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <system_error>

using namespace gemcut;
using namespace gemcut::driver;

namespace {

constexpr int kInputAtFault = 1, kUsage = 2;

const std::map<std::string, Emit> kEmits = {{"exe", Emit::Executable},
                                            {"static-lib", Emit::StaticLibrary},
                                            {"shared-lib", Emit::SharedLibrary},
                                            {"obj", Emit::Object},
                                            {"asm", Emit::Assembly},
                                            {"llvm", Emit::Llvm},
                                            {"kernel", Emit::Kernel},
                                            {"gemma", Emit::Gemma}};

std::string parseWeights(const std::string &text, WeightOptions &out) {
  llvm::StringRef rest(text);
  if (rest == "embed")
    return "";
  if (rest == "sidecar" || rest == "shared-sidecar") {
    out.sidecar = true;
    out.sharedSidecar = rest == "shared-sidecar";
    return "";
  }
  uint64_t seed = 1;
  if (rest.consume_front("random") &&
      (rest.empty() ||
       (rest.consume_front(":") && !rest.getAsInteger(10, seed)))) {
    out.randomSeed = seed;
    return "";
  }
  return "found '" + text +
         "', expected embed, sidecar, shared-sidecar, random or "
         "random:SEED";
}

/// Adds "DIR" or "DIR=STRENGTH" to the adapters to merge.
std::string parseLora(const std::string &text,
                      std::vector<lora::MergeRequest> &out) {
  auto [directory, strength] = llvm::StringRef(text).rsplit('=');
  lora::MergeRequest request{directory.str()};
  if (!strength.empty() && strength.getAsDouble(request.strength))
    return "found '" + text + "', expected DIR or DIR=STRENGTH with a number";
  out.push_back(std::move(request));
  return "";
}

void addLoraFlag(CLI::App &command, std::vector<lora::MergeRequest> &out) {
  command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [&out](const std::vector<std::string> &texts) {
            for (const std::string &text : texts)
              if (std::string problem = parseLora(text, out); !problem.empty())
                throw CLI::ValidationError("--lora", problem);
          },
          "Adds a LoRA adapter of PEFT (a directory with adapter_config.json "
          "and adapter_model.safetensors) to the weights before they are "
          "stored, as DIR or DIR=STRENGTH, a factor of default 1. May be "
          "repeated.")
      ->type_name("DIR[=STRENGTH]")
      ->expected(1)
      ->take_all()
      ->group("Model");
}

/// Adds "NAME=DIR" to the adapters that stay beside the weights.
std::string parseRuntimeLora(const std::string &text,
                             std::vector<lora::RuntimeRequest> &out) {
  auto [name, directory] = llvm::StringRef(text).split('=');
  if (name.empty() || directory.empty() || name.size() >= GEMCUT_ADAPTER_NAME)
    return "found '" + text + "', expected NAME=DIR with a name of 1 to " +
           std::to_string(GEMCUT_ADAPTER_NAME - 1) + " bytes";
  if (out.size() == GEMCUT_MAX_ADAPTERS)
    return "at most " + std::to_string(GEMCUT_MAX_ADAPTERS) +
           " adapters can be kept beside the weights";
  out.push_back({name.str(), directory.str()});
  return "";
}

/// What decides the program and its memory.
void addPlanFlags(CLI::App &command, PlanOptions &options) {
  command
      .add_option(
          "--quant", options.quant,
          "Storage of the weights: int4, q4_0, mobile (2, 4 and 8 bits), int8, "
          "bf16, f32, keep (as a quantized checkpoint has them), or the path "
          "of a recipe that ends in .json. Random weights under mobile also "
          "get "
          "the mobile releases' activation scales and separate head. Default: "
          "keep if the checkpoint is quantized and no --lora is merged, mobile "
          "for random weights of a mobile release, else int4.")
      ->group("Model");
  command
      .add_option(
          "--kv", options.kv,
          "Storage of the KV cache: bf16, f32 or int8. Default: f32 with "
          "--quant f32, otherwise bf16.")
      ->check(CLI::IsMember({"bf16", "f32", "int8"}))
      ->group("Model");
  command
      .add_option(
          "--head", options.head,
          "How greedy and top-k choices read the output matrix: full, or "
          "two-stage for int8: the upper 6 bits of all tokens, then all "
          "bits of those that can be chosen. The tokens are the same.")
      ->check(CLI::IsMember({"full", "two-stage"}))
      ->capture_default_str()
      ->group("Model");
  command
      .add_option(
          "--context", options.context,
          "Positions (tokens) that one sequence can hold. Default: what "
          "the model was made for, at most 8192.")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 24))
      ->group("Model");
  command
      .add_option("--slots", options.slots,
                  "Sequences that the executable holds at a time.")
      ->check(CLI::Range(int64_t(1), int64_t(1024)))
      ->capture_default_str()
      ->group("Model");
  command
      .add_option(
          "--prefill-chunk", options.prefillChunk,
          "Most prompt tokens that one step takes; more need more memory "
          "for activations. Default: as many as the cache of a core holds "
          "beside weights, at most 256.")
      ->check(CLI::Range(int64_t(1), int64_t(4096)))
      ->group("Model");
}

/// The text that int4 is rounded for.
void addCalibrateFlags(CLI::App &command, CompileOptions &options) {
  CLI::Option *calibrate =
      command
          .add_option(
              "--calibrate", options.calibrate,
              "A text like those that the model will see: int4 is rounded so "
              "that what products give for it changes least. The interpreter "
              "runs "
              "it: about a second per token and billion weights. Default: "
              "none, every weight counts alike.")
          ->type_name("TEXT")
          ->group("Model");
  command
      .add_option("--calibrate-tokens", options.calibrateTokens,
                  "Most tokens of that text that are run.")
      ->check(CLI::Range(int64_t(2), int64_t(1) << 24))
      ->needs(calibrate)
      ->capture_default_str()
      ->group("Model");
}

void addCompile(CLI::App &app, CompileOptions &options) {
  CLI::App *compile =
      app.add_subcommand("compile", "Compiles a checkpoint to one executable.");
  compile
      ->add_option(
          "MODEL", options.model,
          "A checkpoint directory, a .safetensors file with "
          "config.json beside it, a .gguf file (of several the first), "
          "or a config.json with --weights random.")
      ->required();
  compile
      ->add_option("-o,--output", options.output,
                   "The file to write. It appears only when complete, in "
                   "place of what has its name, be it a symbolic link.")
      ->required();
  compile
      ->add_option("--target", options.target,
                   "The machine to compile for; see `gemcut targets`.")
      ->capture_default_str()
      ->group("Machine");
  compile
      ->add_option("--cpu", options.cpu,
                   "ISA levels to include, or devices that stand for theirs, "
                   "separated by commas; `gemcut targets` lists them with what "
                   "each needs, `host` is the best one of this machine. "
                   "Default: every level; the executable picks the best at "
                   "start.")
      ->check(CLI::Validator(
          [](const std::string &names) {
            return names.empty() ? "names no level" : "";
          },
          ""))
      ->group("Machine");
  addPlanFlags(*compile, options.plan);
  addCalibrateFlags(*compile, options);
  CLI::Option *certify =
      compile
          ->add_option(
              "--certify", options.certify,
              "Measures the build on this text against its own bf16 form "
              "(mean KL divergence, same top token, perplexity) and keeps the "
              "result in it. Compiles both for this machine beside OUT for "
              "that. Default: none.")
          ->type_name("TEXT")
          ->group("Model");
  compile
      ->add_option("--certify-kl", options.certifyKl,
                   "Most mean KL divergence, in nats, of --certify; above it "
                   "nothing is written. Default: no limit.")
      ->check([](const std::string &text) -> std::string {
        double limit;
        if (!llvm::to_float(text, limit) || !(limit >= 0))
          return "found '" + text + "', expected a number of at least 0";
        return "";
      })
      ->needs(certify)
      ->type_name("X")
      ->group("Model");
  compile
      ->add_option("--chat-template", options.chatTemplate,
                   "A Jinja file to use instead of the checkpoint's chat "
                   "template, or `builtin` for the one of the model's family. "
                   "Default: the checkpoint's, or builtin if it has none.")
      ->type_name("FILE|builtin")
      ->check(CLI::Validator(
          [](const std::string &choice) {
            return choice.empty() ? "names no file" : "";
          },
          ""))
      ->group("Model");
  compile
      ->add_option_function<std::string>(
          "--max-ram",
          [&options](const std::string &text) {
            auto bytes = parseBytes(text);
            if (!bytes)
              throw CLI::ValidationError("--max-ram",
                                         llvm::toString(bytes.takeError()));
            options.maxRam = *bytes;
          },
          "Chooses --context (as long as fits), --kv, --prefill-chunk and how "
          "much of tables of single rows stays mapped, unless they are given, "
          "such that weights, KV cache, activations and the process take at "
          "most so many bytes, such as 4G or 512M (powers of 1024); refuses "
          "the model if that cannot be. Default: no limit.")
      ->group("Model");
  compile
      ->add_option_function<std::string>(
          "--weights",
          [&options](const std::string &text) {
            std::string problem = parseWeights(text, options.weights);
            if (!problem.empty())
              throw CLI::ValidationError("--weights", problem);
          },
          "Where weights go: embed puts them into the executable, sidecar into "
          "OUT.gemw beside it, shared-sidecar into a file beside it that is "
          "called by its checksum, so that programs with the same weights "
          "share "
          "one. random[:SEED] invents them from the shapes, to "
          "size and time a model. Default: embed.")
      ->group("Model");
  addLoraFlag(*compile, options.weights.loras);
  compile
      ->add_option_function<std::vector<std::string>>(
          "--lora-runtime",
          [&options](const std::vector<std::string> &texts) {
            for (const std::string &text : texts)
              if (std::string problem =
                      parseRuntimeLora(text, options.weights.runtimeLoras);
                  !problem.empty())
                throw CLI::ValidationError("--lora-runtime", problem);
          },
          "Keeps a LoRA adapter beside the weights, as NAME=DIR; `OUT --lora "
          "NAME` runs with it. May be repeated. Default: none.")
      ->type_name("NAME=DIR")
      ->expected(1)
      ->take_all()
      ->group("Model");
  compile
      ->add_option(
          "--emit", options.emit,
          "What to write: exe is the executable; static-lib and shared-lib are "
          "libraries, OUT being libNAME.a or libNAME.so, with gemcut.h, "
          "NAME.pc "
          "and NAMEConfig.cmake beside it; obj is the code of all levels of "
          "--cpu in one object; asm and llvm are the code of one; kernel and "
          "gemma are IR. Default: exe.")
      ->transform(CLI::CheckedTransformer(kEmits).description(""))
      ->option_text("exe|static-lib|shared-lib|obj|asm|llvm|kernel|gemma")
      ->group("Output");
  compile
      ->add_option(
          "--dump-ir-after", options.dumpIrAfter,
          "Prints the IR to stderr after the pass with this flag, or after "
          "all. Default: none.")
      ->group("Output");
  compile
      ->add_option(
          "--dump-dir", options.dumpDir,
          "Writes the dumps as numbered files into this folder, which is "
          "made if need be. Default: to stderr.")
      ->group("Output");
  compile
      ->add_flag("--time-phases", options.timePhases,
                 "Prints the seconds and the peak memory of every phase to "
                 "stderr. Default: off.")
      ->group("Output");
  compile
      ->add_option("--threads", options.threads,
                   "Threads that pack weights. Default: one per core.")
      ->check(CLI::Range(0u, 1024u))
      ->group("Output");
  compile
      ->add_option(
          "--runtime-dir", options.runtimeDir,
          "Folder with TARGET/libgemcut_rt.a. Default: lib/runtime beside "
          "the folder of this program.")
      ->group("Machine");
  compile
      ->add_option(
          "--sysroot", options.sysroot,
          "Folder, laid out like /, that holds the static C and C++ "
          "libraries to link with. Default: those of this installation, if it "
          "brings any, else of this machine.")
      ->group("Machine");
}

void addInspect(CLI::App &app, InspectOptions &options) {
  CLI::App *command = app.add_subcommand(
      "inspect",
      "Shows what a checkpoint, a config.json or an executable holds, "
      "and the memory that a compiled model needs.");
  command
      ->add_option("MODEL", options.subject,
                   "A checkpoint directory, a .safetensors or .gguf file, a "
                   "config.json, or a file that gemcut compile wrote.")
      ->required();
  addPlanFlags(*command, options.plan);
  command
      ->add_flag("--tensors", options.tensors,
                 "Lists every tensor with type and shape. Default: off.")
      ->group("Output");
  command
      ->add_flag("--json", options.json,
                 "Prints JSON, tensors included. Default: off.")
      ->group("Output");
}

void addQuantizeReport(CLI::App &app, QuantizeReportOptions &options) {
  CLI::App *command = app.add_subcommand(
      "quantize-report",
      "Shows how far a recipe takes every tensor from the checkpoint, and with "
      "--text what that does to the model's answers.");
  command
      ->add_option("MODEL", options.compile.model,
                   "A checkpoint directory, a .safetensors or .gguf file.")
      ->required();
  addPlanFlags(*command, options.compile.plan);
  addCalibrateFlags(*command, options.compile);
  addLoraFlag(*command, options.compile.weights.loras);
  command
      ->add_option(
          "--text", options.text,
          "Compares the model with its bf16 form on this text: mean KL "
          "divergence, same top token, perplexity. Compiles both for "
          "this machine, in the folder for temporary files. Default: "
          "none.")
      ->type_name("FILE")
      ->group("Output");
  command->add_flag("--json", options.json, "Prints JSON. Default: off.")
      ->group("Output");
  command
      ->add_option("--threads", options.compile.threads,
                   "Threads that round weights. Default: one per core.")
      ->check(CLI::Range(0u, 1024u))
      ->group("Output");
  command
      ->add_option("--runtime-dir", options.compile.runtimeDir,
                   "Folder with TARGET/libgemcut_rt.a. Default: lib/runtime "
                   "beside the folder of this program.")
      ->group("Machine");
}

void addExplain(CLI::App &app, ExplainOptions &options) {
  CLI::App *command = app.add_subcommand(
      "explain",
      "Shows where the time of a step goes: for every stage its kernel, "
      "shape, bytes, the time that this machine's limits predict, and the "
      "time it takes. Runs the executable for that.");
  command
      ->add_option("OUT", options.file,
                   "An executable that gemcut compile wrote.")
      ->required();
  CLI::Option *entry =
      command
          ->add_option("--entry", options.entry,
                       "Explains one kind of step: decode (tokens one by one), "
                       "prefill (a prompt) or score (a prompt with all its "
                       "logits). Default: decode and prefill.")
          ->check(CLI::IsMember({"decode", "prefill", "score"}))
          ->group("Step");
  command
      ->add_option("--depth", options.depth,
                   "Tokens of context in front of the step.")
      ->check(CLI::Range(int64_t(0), int64_t(1) << 24))
      ->capture_default_str()
      ->group("Step");
  command
      ->add_option("--rows", options.rows,
                   "Tokens of the step or the prompt; needs --entry. Default: "
                   "1 for decode, 512 otherwise.")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 24))
      ->needs(entry)
      ->group("Step");
  CLI::Option *noRun =
      command
          ->add_flag_function(
              "--no-run", [&options](int64_t) { options.mayRun = false; },
              "Shows what the compiler knows, without running the "
              "executable. Default: off.")
          ->group("Measurement");
  command
      ->add_option("--repetitions", options.repetitions,
                   "Times that every step is run.")
      ->check(CLI::Range(int64_t(1), int64_t(1000)))
      ->capture_default_str()
      ->group("Measurement");
  command
      ->add_option("--threads", options.threads,
                   "Threads of the executable. Default: its own choice.")
      ->check(CLI::Range(int64_t(1), int64_t(64)))
      ->group("Measurement");
  command
      ->add_option("--level", options.level,
                   "ISA level of the executable. Default: the best one that "
                   "this CPU has.")
      ->group("Measurement");
  command
      ->add_option("--svg", options.svg,
                   "Writes a plot of the stages under the machine's limits (a "
                   "roofline) to this file. Default: none.")
      ->excludes(noRun)
      ->group("Output");
  command
      ->add_flag("--all", options.all,
                 "Lists every stage of every layer instead of grouping equal "
                 "ones. Default: off.")
      ->group("Output");
  command
      ->add_option("--format", options.format,
                   "Prints md (tables for people), csv or json.")
      ->check(CLI::IsMember({"md", "csv", "json"}))
      ->capture_default_str()
      ->group("Output");
}

void addReference(CLI::App &app, reference::ReferenceOptions &options) {
  CLI::App *command = app.add_subcommand(
      "reference", "Runs a model with the interpreter: slow, obvious, exact.");
  command
      ->add_option("MODEL", options.model,
                   "A checkpoint directory, a .safetensors or .gguf file, or a "
                   "config.json (random weights).")
      ->required();
  command
      ->add_option("--ids", options.ids,
                   "Token ids separated by commas, or @FILE.")
      ->required();
  command
      ->add_option("--first-position", options.firstPosition,
                   "Position of the first id.")
      ->check(CLI::Range(int64_t(0), int64_t(1) << 30))
      ->capture_default_str();
  command->add_option("--logits", options.logitsFile,
                      "Writes all logits (ids, vocabulary) to this .npy file.");
  command->add_option(
      "--dump", options.dump,
      "Prints the values of ops whose name matches this glob; may "
      "be repeated.");
  command->add_flag(
      "--dump-all", options.dumpAll,
      "Prints every value of a dumped tensor, not only the first.");
  command->add_option("--stop-after", options.stopAfter,
                      "Stops after the op of this name.");
  addLoraFlag(*command, options.loras);
  command
      ->add_option("--seed", options.seed,
                   "Seed of random weights (for a config.json).")
      ->capture_default_str();
  command->add_option("--threads", options.threads,
                      "Most threads. Default: one per core.");
}

int finish(llvm::Error error) {
  if (!error)
    return 0;
  int code = error.isA<UsageError>() ? kUsage : kInputAtFault;
  llvm::errs() << "gemcut: error: " << llvm::toString(std::move(error)) << "\n";
  return code;
}

/// `code`, or that of a failure if what was printed could not be written.
int flushOutput(int code) {
  llvm::outs().flush();
  std::error_code failure = llvm::outs().error();
  llvm::outs().clear_error(); // or the stream ends the program
  if (std::fflush(stdout))
    failure = std::error_code(errno, std::generic_category());
  else if (std::ferror(stdout)) // an earlier write, whose reason is lost
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
    app.set_version_flag("--version", "gemcut " GEMCUT_VERSION);
    app.require_subcommand(1);
    addCompile(app, compile);
    addInspect(app, inspect);
    addQuantizeReport(app, report);
    addExplain(app, explain);
    app.add_subcommand("targets", "Lists what can be compiled for.");
    addReference(app, interpret);
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
    const CLI::Option *kv =
        app.get_subcommands().front()->get_option_no_throw("--kv");
    for (PlanOptions *plan :
         {&compile.plan, &inspect.plan, &report.compile.plan}) {
      plan->isKvGiven = kv && kv->count() > 0;
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
    return llvm::make_error<UsageError>(error.what());
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
    std::string text = error.what();
    // CLI11 only misses a command where it found an unknown one.
    if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-')
      text = std::string("there is no command '") + argv[1] +
             "'; expected compile, inspect, quantize-report, "
             "explain, targets or reference";
    return "gemcut: error: " + text +
           "\nRun with --help for more information.\n";
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
  } catch (const std::system_error &) { // fmt's, from a write to stdout
    return flushOutput(0);
  }
}
