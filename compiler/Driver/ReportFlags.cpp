//===- ReportFlags.cpp - Flags of the commands that print -----------------===//

#include "compiler/Driver/Flags.h"

#include <CLI/CLI.hpp>

using namespace gemcut;
using namespace gemcut::driver;

void gemcut::driver::addInspect(CLI::App &app, InspectOptions &options) {
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

void gemcut::driver::addQuantizeReport(CLI::App &app,
                                       QuantizeReportOptions &options) {
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

void gemcut::driver::addExplain(CLI::App &app, ExplainOptions &options) {
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
      ->excludes(noRun)
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

void gemcut::driver::addReference(CLI::App &app,
                                  reference::ReferenceOptions &options) {
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
