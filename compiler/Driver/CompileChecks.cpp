//===- CompileChecks.cpp - Options that go together -----------------------===//

#include "compiler/Driver/CompileChecks.h"

#include "compiler/Driver/BakePrefix.h"
#include "compiler/Driver/LinkProgram.h"
#include "compiler/Driver/PlanProgram.h"
#include "compiler/Driver/TextQuality.h"
#include "compiler/Driver/UsageError.h"
#include "dialects/Support/SimilarName.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::driver;

/// What --bake-prefix needs.
static llvm::Error checkPrefix(const CompileOptions &options) {
  if (options.bakePrefix.empty())
    return llvm::Error::success();
  if (options.emit != Emit::Executable || options.weights.omit)
    return llvm::make_error<UsageError>(
        "--bake-prefix needs an executable, --emit exe; programs that embed "
        "models can load it");
  if (options.target != kHostTarget)
    return llvm::make_error<UsageError>(
        "--bake-prefix runs the executable, and this machine runs none for " +
        options.target +
        "; there, `OUT prefix FILE --save-session STATE` computes what `OUT "
        "serve --load-session STATE` begins with");
  return readPrefixJson(options.bakePrefix).takeError();
}

/// The spec of --cpu. Names of other machines' CPUs are told their --target.
static llvm::Expected<targets::TargetSpec>
parseCpu(const targets::Target &target, llvm::StringRef cpu) {
  auto spec = target.parseSpec(cpu);
  if (spec)
    return spec;
  for (llvm::StringRef name : llvm::split(cpu, ',')) {
    auto isKnown = [&](const targets::Target *other) {
      auto found = other->parseSpec(name);
      bool known = bool(found);
      llvm::consumeError(found.takeError());
      return known && name != "host" && !name.empty();
    };
    if (isKnown(&target))
      continue;
    llvm::SmallVector<std::string> flags;
    for (const targets::Target *other : targets::allTargets())
      if (isKnown(other))
        flags.push_back(("--target " + other->getName()).str());
    if (flags.empty())
      continue;
    llvm::consumeError(spec.takeError());
    return llvm::make_error<UsageError>(
        ("--cpu: " + name + " is none of the CPUs of " + target.getName() +
         "; add " + llvm::join(flags, " or "))
            .str());
  }
  return asUsageError(spec.takeError());
}

llvm::Expected<TargetChoice>
driver::checkCompileOptions(const CompileOptions &options) {
  auto names = [](auto &&range, auto &&name) {
    return llvm::join(llvm::map_range(range, name), ", ");
  };
  const targets::Target *target = targets::findTarget(options.target);
  if (!target) {
    std::vector<std::string> known;
    for (const targets::Target *t : targets::allTargets())
      known.push_back(t->getName().str());
    return llvm::make_error<UsageError>(
        "--target: found '" + options.target + "', this compiler has " +
        llvm::join(known, ", ") + guessName(options.target, known));
  }
  auto parsed = parseCpu(*target, options.cpu);
  if (!parsed)
    return parsed.takeError();
  const targets::TargetSpec &spec = *parsed;
  bool oneLevel = options.emit == Emit::Assembly || options.emit == Emit::Llvm;
  if (oneLevel && spec.levels.size() > 1)
    return llvm::make_error<UsageError>(
        "--emit asm and llvm write the code of one level; name it with "
        "--cpu (" +
        names(spec.levels,
              [](const targets::IsaLevel &level) { return level.name; }) +
        ")");
  if (llvm::Error error = checkQuant(options.plan.quant))
    return std::move(error);
  for (auto [flag, path] : {std::pair("--calibrate", &options.calibrate),
                            std::pair("--certify", &options.certify)}) {
    if (path->empty())
      continue;
    if (!isProgram(options.emit))
      return llvm::make_error<UsageError>(
          std::string(flag) +
          " needs a program, --emit exe, static-lib or shared-lib");
    if (auto text = checkText(*path); !text)
      return text.takeError();
  }
  if (llvm::Error error = checkPrefix(options))
    return std::move(error);
  if (options.weights.sidecar && !isProgram(options.emit))
    return llvm::make_error<UsageError>(
        "--weights sidecar needs a program, --emit exe, static-lib or "
        "shared-lib; other forms hold no weights");
  if (isProgram(options.emit))
    if (llvm::Error error = checkProgramLink(options))
      return std::move(error);
  return TargetChoice{target, std::move(*parsed)};
}
