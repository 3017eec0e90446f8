//===- DescribeResult.cpp - What compile says at its end ------------------===//

#include "compiler/Driver/DescribeResult.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

#include <iterator>
#include <map>

using namespace gemcut;
using namespace gemcut::driver;

/// What became of stored levels:
///
///     kept exactly: 34 Q4_0 as q4_0, 1 Q8_0 as int8
///     converted: 12 Q4_K to int8, relative error up to 4.1e-03
///     (model.layers.3.mlp.down_proj.weight)
static std::string
describeConversions(llvm::ArrayRef<artifact::Conversion> conversions) {
  struct Kind {
    size_t count = 0;
    artifact::Conversion worst;
  };
  std::map<std::pair<std::string, std::string>, Kind> kept, converted;
  for (const artifact::Conversion &conversion : conversions) {
    auto &kinds = conversion.relativeError > 0 ? converted : kept;
    Kind &kind = kinds[{conversion.stored, conversion.format}];
    if (!kind.count++ || conversion.relativeError > kind.worst.relativeError)
      kind.worst = conversion;
  }
  std::string text;
  auto out = std::back_inserter(text);
  for (const auto &[types, kind] : kept)
    fmt::format_to(out, "{}{} {} as {}", text.empty() ? "kept exactly: " : ", ",
                   kind.count, types.first, types.second);
  if (!text.empty())
    text += '\n';
  for (const auto &[types, kind] : converted)
    fmt::format_to(out,
                   "converted: {} {} to {}, relative error up to {:.1e} ({})\n",
                   kind.count, types.first, types.second,
                   kind.worst.relativeError, kind.worst.tensor);
  return text;
}

std::string
gemcut::driver::describeResult(const CompileOptions &options,
                               const targets::TargetSpec &spec,
                               const MemoryPlan &plan, uint64_t codeBytes,
                               llvm::ArrayRef<artifact::Conversion> conversions,
                               const std::optional<BakedPrefix> &prefix,
                               const std::optional<TextQuality> &quality) {
  std::string text = describe(plan);
  auto out = std::back_inserter(text);
  if (options.maxRam)
    fmt::format_to(
        out, "fits into {} with --context {} --slots {} --kv {}{}\n",
        formatBytes(options.maxRam), plan.context, plan.slots, options.plan.kv,
        options.plan.prefillChunk
            ? fmt::format(" --prefill-chunk {}", options.plan.prefillChunk)
            : "");
  fmt::format_to(out, "wrote {} for {} ({}), {} of code, quantization {}\n",
                 options.output, spec.name,
                 llvm::join(llvm::map_range(spec.levels,
                                            [](const targets::IsaLevel &level) {
                                              return level.name;
                                            }),
                            ", "),
                 formatBytes(codeBytes), options.plan.quant);
  if (!options.weights.omit)
    text += describeConversions(conversions);
  if (prefix)
    fmt::format_to(out, "baked a prefix of {} tokens, {} for each of {}\n",
                   prefix->tokens, formatBytes(prefix->stateBytes),
                   llvm::join(prefix->levels, ", "));
  if (quality)
    fmt::format_to(out, "certified on {}: {}\n", quality->text.name,
                   quality->summary());
  return text;
}
