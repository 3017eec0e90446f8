//===- DescribeConversions.cpp - What became of stored levels -------------===//

#include "compiler/Driver/DescribeConversions.h"

#include <fmt/format.h>

#include <iterator>
#include <map>

using namespace gemcut;

std::string gemcut::driver::describeConversions(
    llvm::ArrayRef<artifact::Conversion> conversions) {
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
