//===- TargetsCommand.cpp - gemcut targets --------------------------------===//

#include "compiler/Driver/Commands.h"
#include "targets/Common/Target.h"

#include <fmt/format.h>

using namespace gemcut;

llvm::Error gemcut::driver::runTargets() {
  for (const targets::Target *target : targets::allTargets()) {
    auto spec = target->parseSpec("");
    if (!spec)
      return spec.takeError();
    fmt::print("{} ({})\n", spec->name, spec->triple);
    for (const targets::IsaLevel &level : spec->levels)
      fmt::print("  {:<16} needs {}\n", level.name, level.cpuidFeatures);
    for (const targets::Device &device : target->getDevices())
      fmt::print("  {:<16} is {} ({})\n", device.name.str(), device.level.str(),
                 device.description.str());
  }
  return llvm::Error::success();
}
