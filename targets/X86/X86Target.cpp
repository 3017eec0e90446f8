//===- X86Target.cpp - x86-64 levels and code generation ------------------===//

#include "targets/X86/X86Target.h"

#include "targets/Common/CpuTarget.h"
#include "targets/X86/X86Isa.h"

#include "llvm/Support/TargetSelect.h"

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
  avx2.wordRows = 5;
  avx2.gemvRows = 3;
  avx2.gemvTiles = 2;
  avx2.groupLoopsFrom = 3;

  IsaLevel avxVnni = avx2;
  avxVnni.name = "avxvnni";
  avxVnni.features += ",+avxvnni";
  avxVnni.cpuidFeatures += ",avxvnni";
  avxVnni.hasVnni = true;
  avxVnni.wordRows = 0;
  avxVnni.gemvRows = 4;
  avxVnni.gemvTiles = 1;
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
  avx512Vnni.wordRows = 0;
  avx512Vnni.groupLoopsFrom = 2;
  avx512Vnni.gemvRows = 8;
  avx512Vnni.gemvTiles = 1;
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

/// CPUs and machines by their best level.
static constexpr Device kDevices[] = {
    {"x86-64-v3", "avx2", "any CPU with AVX2, FMA, F16C and BMI2"},
    {"haswell", "avx2", "Intel Core of 2013 and later"},
    {"skylake", "avx2", "Intel Core of 2015 and later"},
    {"zen2", "avx2", "AMD Ryzen 3000, EPYC 7002"},
    {"zen3", "avx2", "AMD Ryzen 5000, EPYC 7003"},
    {"alderlake", "avxvnni", "Intel Core of 2021 and later, N100"},
    {"cascadelake", "avx512vnni", "Intel Xeon of 2019"},
    {"icelake", "avx512vnni", "Intel Xeon of 2021, Core of 2019"},
    {"zen4", "avx512bf16", "AMD Ryzen 7000, EPYC 9004"},
    {"zen5", "avx512bf16", "AMD Ryzen 9000, EPYC 9005"},
    {"sapphirerapids", "amx", "Intel Xeon of 2023 and later"},
};

namespace {
class X86 : public CpuTarget {
public:
  X86()
      : CpuTarget("x86_64-linux", "x86_64-unknown-linux-gnu", x86Levels(),
                  kDevices) {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  }

private:
  std::unique_ptr<VectorIsa> createIsa(const IsaLevel &level) const override {
    return createX86Isa(level);
  }
};
} // namespace

const Target &gemcut::targets::x86Target() {
  static const X86 target;
  return target;
}
