//===- CpuTarget.cpp - What targets for CPUs have in common ---------------===//

#include "targets/Common/CpuTarget.h"

#include "dialects/Support/SimilarName.h"
#include "targets/Common/EmitObject.h"
#include "targets/Common/LlvmPipeline.h"
#include "targets/Common/LowerProgram.h"
#include "targets/Common/PropagateArguments.h"
#include "targets/Common/ShareFunctions.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace gemcut::targets;

CpuTarget::CpuTarget(StringRef name, StringRef triple,
                     std::vector<IsaLevel> levels, ArrayRef<Device> devices)
    : name(name), triple(triple), levels(std::move(levels)), devices(devices) {}

llvm::Expected<TargetSpec> CpuTarget::parseSpec(StringRef text) const {
  TargetSpec spec;
  spec.name = name;
  spec.triple = triple;
  spec.levels = levels;
  if (text.empty())
    return spec;
  SmallVector<StringRef> names;
  text.split(names, ',');
  llvm::StringSet<> wanted;
  for (StringRef wantedName : names) {
    auto level = wantedName == "host" ? findHostLevel() : findLevel(wantedName);
    if (!level)
      return level.takeError();
    wanted.insert((*level)->name);
  }
  llvm::erase_if(spec.levels, [&](const IsaLevel &level) {
    return !wanted.contains(level.name);
  });
  return spec;
}

llvm::Expected<const IsaLevel *> CpuTarget::findLevel(StringRef wanted) const {
  StringRef levelName = wanted;
  for (const Device &device : devices)
    if (device.name == wanted)
      levelName = device.level;
  for (const IsaLevel &level : levels)
    if (level.name == levelName)
      return &level;
  std::vector<std::string> names;
  for (const IsaLevel &level : levels)
    names.push_back(level.name);
  std::string list = llvm::join(names, ", ");
  for (const Device &device : devices)
    names.push_back(device.name.str());
  std::string guess = gemcut::guessName(wanted, names);
  return llvm::createStringError(
      "unknown CPU level '" + wanted.str() + "' for " + name + guess +
      (guess.empty() ? "; " : " ") + "levels are " + list +
      " and host; `gemcut targets` lists devices, each below its --target");
}

/// The best level of the compiling machine.
llvm::Expected<const IsaLevel *> CpuTarget::findHostLevel() const {
  llvm::Triple host(llvm::sys::getProcessTriple());
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const IsaLevel &level : levels) {
    SmallVector<StringRef> needed;
    StringRef(level.features).split(needed, ',');
    if (host.getArch() == llvm::Triple(triple).getArch() &&
        llvm::all_of(needed, [&](StringRef feature) {
          return features.lookup(feature.drop_front());
        }))
      return &level;
  }
  return llvm::createStringError(
      "this machine's CPU has none of the levels of " + name +
      "; name one with --cpu");
}

FailureOr<OwningOpRef<ModuleOp>>
Target::lower(ModuleOp kernelModule, const IsaLevel &level, DumpFn dump) const {
  FailureOr<OwningOpRef<ModuleOp>> program = build(kernelModule, level, dump);
  if (failed(program) || failed(finish(**program, dump)))
    return failure();
  return program;
}

FailureOr<OwningOpRef<ModuleOp>> CpuTarget::build(ModuleOp kernelModule,
                                                  const IsaLevel &level,
                                                  DumpFn dump) const {
  std::unique_ptr<VectorIsa> isa = createIsa(level);
  FailureOr<OwningOpRef<ModuleOp>> program = lowerProgram(kernelModule, *isa);
  if (failed(program))
    return failure();
  if (dump)
    dump("lower-program", **program);
  // LLVM cannot tell what callers in another level's object pass.
  propagateArguments(**program);
  return program;
}

LogicalResult CpuTarget::finish(ModuleOp program, DumpFn dump) const {
  PassManager pm(program.getContext());
  buildLlvmPipeline(pm);
  if (failed(pm.run(program)))
    return failure();
  for (auto function : program.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr(kSharedAttribute))
      function.setVisibility_(LLVM::Visibility::Hidden);
  if (dump)
    dump("to-llvm", program);
  return success();
}

llvm::Expected<llvm::SmallVector<char, 0>>
CpuTarget::emit(ModuleOp llvmModule, const TargetSpec &spec,
                const IsaLevel &level, EmitKind kind) const {
  return emitModule(llvmModule, spec.triple, level, kind);
}
