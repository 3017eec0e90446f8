//===- Targets.cpp - The targets of this build ----------------------------===//

#include "targets/AArch64/AArch64Target.h"
#include "targets/Common/Target.h"
#include "targets/X86/X86Target.h"

using namespace gemcut::targets;

llvm::ArrayRef<const Target *> gemcut::targets::allTargets() {
  static const Target *const targets[] = {&x86Target(), &aarch64Target(),
                                          &androidTarget()};
  return targets;
}

const Target *gemcut::targets::findTarget(llvm::StringRef name) {
  for (const Target *target : allTargets())
    if (target->getName() == name)
      return target;
  return nullptr;
}
