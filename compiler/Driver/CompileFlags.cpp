//===- CompileFlags.cpp - Flags of gemcut compile -------------------------===//

#include "compiler/Driver/Flags.h"
#include "compiler/Driver/MemoryPlan.h"
#include "frontends/Json/CheckedJson.h"
#include "runtime/abi/model.h"

#include "llvm/ADT/StringRef.h"

#include <CLI/CLI.hpp>

#include <map>
#include <string>

using namespace gemcut;
using namespace gemcut::driver;

namespace {

const std::map<std::string, Emit> kEmits = {{"exe", Emit::Executable},
                                            {"static-lib", Emit::StaticLibrary},
                                            {"shared-lib", Emit::SharedLibrary},
                                            {"obj", Emit::Object},
                                            {"asm", Emit::Assembly},
                                            {"llvm", Emit::Llvm},
                                            {"kernel", Emit::Kernel},
                                            {"gemma", Emit::Gemma}};

/// Takes "embed", "sidecar" or "shared-sidecar"; false for anything else.
bool takePlace(llvm::StringRef word, WeightOptions &out) {
  if (word != "embed" && word != "sidecar" && word != "shared-sidecar")
    return false;
  out.sidecar = word != "embed";
  out.sharedSidecar = word == "shared-sidecar";
  return true;
}

/// Takes "random" or "random:SEED"; false for anything else.
bool takeRandom(llvm::StringRef word, WeightOptions &out) {
  uint64_t seed = 1;
  if (!word.consume_front("random") ||
      !(word.empty() ||
        (word.consume_front(":") && !word.getAsInteger(10, seed))))
    return false;
  out.randomSeed = seed;
  return true;
}

/// A place, random weights, or "random,PLACE".
std::string parseWeights(const std::string &text, WeightOptions &out) {
  auto [first, second] = llvm::StringRef(text).split(',');
  bool known = llvm::StringRef(text).contains(',')
                   ? takeRandom(first, out) && takePlace(second, out)
                   : takePlace(first, out) || takeRandom(first, out);
  return known ? ""
               : "found '" + text +
                     "', expected embed, sidecar, shared-sidecar, random or "
                     "random:SEED, or random,sidecar";
}

/// Adds "NAME=DIR" to the adapters that stay beside the weights.
std::string parseRuntimeLora(const std::string &text,
                             std::vector<lora::RuntimeRequest> &out) {
  auto [name, directory] = llvm::StringRef(text).split('=');
  if (name.empty() || directory.empty() || name.size() >= GEMCUT_ADAPTER_NAME)
    return "found '" + text + "', expected NAME=DIR with a name of 1 to " +
           std::to_string(GEMCUT_ADAPTER_NAME - 1) + " bytes";
  if (!checked_json::isPlainName(name))
    return "the name " + checked_json::quoteName(name) +
           " holds control characters or is not UTF-8";
  if (out.size() == GEMCUT_MAX_ADAPTERS)
    return "at most " + std::to_string(GEMCUT_MAX_ADAPTERS) +
           " adapters can be kept beside the weights";
  out.push_back({name.str(), directory.str()});
  return "";
}

} // namespace

void gemcut::driver::addCompile(CLI::App &app, CompileOptions &options) {
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
      ->check(needName("level"))
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
          ->check(needName("file"))
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
      ->add_option(
          "--bake-prefix", options.bakePrefix,
          "Computes the state of what conversations begin with and keeps it "
          "in the executable, so that it is never run again: instructions, "
          "or of a .json file {\"messages\": [...], \"tools\": [...], "
          "\"enable_thinking\": true}. Runs the executable on this machine, "
          "once for each of its levels. Default: none.")
      ->type_name("FILE")
      ->check(needName("file"))
      ->group("Model");
  compile
      ->add_option("--chat-template", options.chatTemplate,
                   "A Jinja file to use instead of the checkpoint's chat "
                   "template, or `builtin` for the one of the model's family. "
                   "Default: the checkpoint's, or builtin if it has none.")
      ->type_name("FILE|builtin")
      ->check(needName("file"))
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
          "Chooses --context (as long as fits), --slots, --kv, --prefill-chunk "
          "and how much of tables of single rows stays mapped, unless they are "
          "given, "
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
          "share one. random[:SEED] invents them from the shapes, to "
          "size and time a model; random[:SEED],sidecar does both. "
          "Default: embed.")
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
      ->add_option_function<std::string>(
          "--emit",
          [&options](const std::string &name) {
            auto found = kEmits.find(name);
            if (found == kEmits.end())
              throw CLI::ValidationError(
                  "--emit", "found '" + name +
                                "', expected exe, static-lib, shared-lib, obj, "
                                "asm, llvm, kernel or gemma");
            options.emit = found->second;
          },
          "What to write: exe is the executable; static-lib and shared-lib are "
          "libraries, OUT being libNAME.a or libNAME.so, with gemcut.h, "
          "NAME.pc "
          "and NAMEConfig.cmake beside it; obj is the code of all levels of "
          "--cpu in one object; asm and llvm are the code of one; kernel and "
          "gemma are IR. Default: exe.")
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
