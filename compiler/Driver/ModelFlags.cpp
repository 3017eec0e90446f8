//===- ModelFlags.cpp - Flags that several commands have ------------------===//

#include "compiler/Driver/Flags.h"

#include "llvm/ADT/StringRef.h"

#include <CLI/CLI.hpp>

#include <cmath>

using namespace gemcut;
using namespace gemcut::driver;

namespace {

/// As of lora_alpha in an adapter's configuration.
constexpr double kMostStrength = 1e6;

/// Adds "DIR" or "DIR=STRENGTH" to the adapters to merge.
std::string parseLora(const std::string &text,
                      std::vector<lora::MergeRequest> &out) {
  auto [directory, strength] = llvm::StringRef(text).rsplit('=');
  lora::MergeRequest request{directory.str()};
  if (llvm::StringRef(text).contains('=') &&
      (strength.getAsDouble(request.strength) ||
       !(std::abs(request.strength) <= kMostStrength)))
    return "found '" + text +
           "', expected DIR or DIR=STRENGTH with a number from -1000000 to "
           "1000000";
  out.push_back(std::move(request));
  return "";
}

} // namespace

CLI::Validator gemcut::driver::needName(const char *what) {
  return CLI::Validator(
      [what](const std::string &value) {
        return value.empty() ? std::string("names no ") + what : "";
      },
      "");
}

void gemcut::driver::addLoraFlag(CLI::App &command,
                                 std::vector<lora::MergeRequest> &out) {
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

void gemcut::driver::addPlanFlags(CLI::App &command, PlanOptions &options) {
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
      ->check(needName("format and no recipe"))
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

void gemcut::driver::addCalibrateFlags(CLI::App &command,
                                       CompileOptions &options) {
  CLI::Option *calibrate =
      command
          .add_option(
              "--calibrate", options.calibrate,
              "A text like those that the model will see: int4 is rounded so "
              "that what products give for it changes least. The interpreter "
              "runs it, on one core about a tenth of a second per token and "
              "billion weights. Default: none, every weight counts alike.")
          ->check(needName("file"))
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
