//===- X86Target.cpp - x86-64 levels and code generation ------------------===//

#include "targets/X86/X86Target.h"

#include "targets/Common/EmitObject.h"
#include "targets/Common/LlvmPipeline.h"
#include "targets/Common/LowerProgram.h"
#include "targets/X86/X86Isa.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include <mutex>

using namespace mlir;
using namespace gemcut::targets;

/// What every level of this target has, in LLVM's and in the runtime's names.
static constexpr llvm::StringLiteral kV3 =
    "+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe,+popcnt";
static constexpr llvm::StringLiteral kV3Cpuid = "avx2,fma,f16c,bmi2";

static std::vector<IsaLevel> x86Levels() {
  IsaLevel avx2;
  avx2.name = "avx2";
  avx2.cpu = "x86-64-v3";
  avx2.features = kV3.str();
  avx2.cpuidFeatures = kV3Cpuid.str();
  avx2.integerBlock = {3, 1};
  avx2.rowScaleBlock = {3, 1};
  avx2.floatBlock = {4, 1};

  IsaLevel avxVnni = avx2;
  avxVnni.name = "avxvnni";
  avxVnni.features += ",+avxvnni";
  avxVnni.cpuidFeatures += ",avxvnni";
  avxVnni.hasVnni = true;
  avxVnni.integerBlock = {4, 1};
  avxVnni.rowScaleBlock = {6, 1};

  IsaLevel avx512Vnni = avx2;
  avx512Vnni.name = "avx512vnni";
  avx512Vnni.cpu = "x86-64-v4";
  avx512Vnni.features +=
      ",+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512cd,+avx512vnni";
  avx512Vnni.cpuidFeatures += ",avx512f,avx512bw,avx512dq,avx512vl,avx512vnni";
  avx512Vnni.vectorBits = 512;
  avx512Vnni.registers = 32;
  avx512Vnni.hasVnni = true;
  avx512Vnni.gemvRows = 8;
  avx512Vnni.integerBlock = {6, 2};
  avx512Vnni.rowScaleBlock = {12, 2};
  avx512Vnni.floatBlock = {6, 2};

  IsaLevel avx512Bf16 = avx512Vnni;
  avx512Bf16.name = "avx512bf16";
  avx512Bf16.features += ",+avx512bf16";
  avx512Bf16.cpuidFeatures += ",avx512bf16";
  avx512Bf16.hasBf16Dot = true;

  IsaLevel amx = avx512Bf16;
  amx.name = "amx";
  amx.features += ",+amx-tile,+amx-int8,+amx-bf16";
  amx.cpuidFeatures += ",amxtile,amxint8,amxbf16";
  amx.hasInt8Tiles = true;
  amx.integerBlock = {16, 1};
  amx.rowScaleBlock = {16, 1};

  return {amx, avx512Bf16, avx512Vnni, avxVnni, avx2};
}

namespace {
class X86 : public Target {
public:
  X86() {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  }

  StringRef getName() const override { return "x86_64-linux"; }

  llvm::Expected<TargetSpec> parseSpec(StringRef text) const override {
    TargetSpec spec;
    spec.name = getName().str();
    spec.triple = "x86_64-unknown-linux-gnu";
    spec.levels = x86Levels();
    if (text.empty())
      return spec;
    llvm::SmallVector<StringRef> names;
    text.split(names, ',');
    llvm::StringSet<> wanted;
    for (StringRef name : names) {
      auto level = name == "host" ? findHostLevel(spec) : findLevel(spec, name);
      if (!level)
        return level.takeError();
      wanted.insert((*level)->name);
    }
    llvm::erase_if(spec.levels, [&](const IsaLevel &level) {
      return !wanted.contains(level.name);
    });
    return spec;
  }

  FailureOr<OwningOpRef<ModuleOp>> lower(ModuleOp kernelModule,
                                         const IsaLevel &level,
                                         DumpFn dump) const override {
    std::unique_ptr<VectorIsa> isa = createX86Isa(level);
    FailureOr<OwningOpRef<ModuleOp>> lowered = lowerProgram(kernelModule, *isa);
    if (failed(lowered))
      return failure();
    if (dump)
      dump("lower-program", **lowered);
    PassManager pm((*lowered)->getContext());
    buildLlvmPipeline(pm);
    if (failed(pm.run(**lowered)))
      return failure();
    if (dump)
      dump("to-llvm", **lowered);
    return lowered;
  }

  llvm::Expected<llvm::SmallVector<char, 0>>
  emit(ModuleOp llvmModule, const TargetSpec &spec, const IsaLevel &level,
       EmitKind kind) const override {
    return emitModule(llvmModule, spec.triple, level, kind);
  }

private:
  static llvm::Expected<const IsaLevel *> findLevel(const TargetSpec &spec,
                                                    StringRef name) {
    for (const IsaLevel &level : spec.levels)
      if (level.name == name)
        return &level;
    auto names = llvm::map_range(
        spec.levels, [](const IsaLevel &level) { return level.name; });
    return llvm::createStringError("unknown CPU level '" + name.str() +
                                   "' for " + spec.name + "; levels are " +
                                   llvm::join(names, ", ") + " and host");
  }

  /// The best level of the compiling machine.
  static llvm::Expected<const IsaLevel *>
  findHostLevel(const TargetSpec &spec) {
    llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
    for (const IsaLevel &level : spec.levels) {
      llvm::SmallVector<StringRef> needed;
      StringRef(level.features).split(needed, ',');
      if (llvm::all_of(needed, [&](StringRef feature) {
            return host.lookup(feature.drop_front());
          }))
        return &level;
    }
    return llvm::createStringError(
        "this machine's CPU has none of the levels of " + spec.name +
        "; name one with --cpu");
  }
};
} // namespace

const Target &gemcut::targets::x86Target() {
  static const X86 target;
  return target;
}
