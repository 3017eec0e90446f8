//===- AArch64Target.cpp - 64-bit ARM levels and code generation ----------===//

#include "targets/AArch64/AArch64Target.h"

#include "targets/AArch64/AArch64Isa.h"
#include "targets/Common/CpuTarget.h"

#include "llvm/Support/TargetSelect.h"

using namespace gemcut::targets;

/// LLVM's CPU is "generic" at every level: a real one brings features that the
/// level does not promise, such as f16 arithmetic and LSE atomics.
static std::vector<IsaLevel> aarch64Levels() {
  IsaLevel neon;
  neon.name = "neon";
  neon.cpu = "generic";
  neon.features = "+neon";
  neon.cpuidFeatures = "neon";
  neon.vectorBits = 128;
  neon.registers = 32;
  neon.productLanes = 4;
  neon.indexedRows = 1;
  neon.nibbleChains = 1;
  neon.gemvRows = 2;
  neon.integerBlock = {2, 1};
  neon.rowScaleBlock = {2, 1};
  neon.floatBlock = {4, 1};

  IsaLevel dotProd = neon;
  dotProd.name = "dotprod";
  dotProd.features += ",+dotprod";
  dotProd.cpuidFeatures += ",dotprod";
  dotProd.hasVnni = true;
  dotProd.indexedRows = 2;
  dotProd.gemvRows = 3;
  dotProd.integerBlock = {3, 1};
  dotProd.rowScaleBlock = {6, 1};

  IsaLevel i8mm = dotProd;
  i8mm.name = "i8mm";
  i8mm.features += ",+i8mm,+bf16";
  i8mm.cpuidFeatures += ",i8mm,bf16";
  i8mm.hasBf16Dot = true;
  i8mm.hasPairProducts = true;

  IsaLevel sve = i8mm;
  sve.name = "sve";
  sve.features += ",+sve";
  sve.cpuidFeatures += ",sve";
  sve.hasSve = true;

  return {sve, i8mm, dotProd, neon};
}

/// Scalable registers of phones have 16 bytes.
static std::vector<IsaLevel> androidLevels() {
  std::vector<IsaLevel> levels = aarch64Levels();
  llvm::erase_if(levels, [](const IsaLevel &level) { return level.hasSve; });
  return levels;
}

/// CPUs and machines by their best level; i8mm where scalable registers have 16
/// bytes, in which sve has the same instructions. Source: Arm's technical
/// reference manuals, and LLVM's AArch64Processors.td for Apple's.
static constexpr Device kDevices[] = {
    {"raspberry-pi-3", "neon", "Cortex-A53"},
    {"raspberry-pi-4", "neon", "Cortex-A72"},
    {"raspberry-pi-5", "dotprod", "Cortex-A76"},
    {"cortex-a53", "neon", "Armv8.0"},
    {"cortex-a72", "neon", "Armv8.0"},
    {"cortex-a55", "dotprod", "Armv8.2"},
    {"cortex-a76", "dotprod", "Armv8.2"},
    {"cortex-a710", "i8mm", "Armv9.0"},
    {"neoverse-n1", "dotprod", "Graviton 2, Ampere Altra"},
    {"neoverse-n2", "i8mm", "Armv9.0"},
    {"neoverse-v1", "sve", "Armv8.4 and extensions"},
    {"graviton2", "dotprod", "Neoverse N1"},
    {"graviton3", "sve", "Neoverse V1"},
    {"graviton4", "i8mm", "Neoverse V2"},
    {"rk3588", "dotprod", "Cortex-A76 and Cortex-A55"},
    {"jetson-orin", "dotprod", "Cortex-A78AE"},
    {"apple-m1-linux", "dotprod", "Apple M1 with Linux"},
    {"apple-m2-linux", "i8mm", "Apple M2 with Linux"},
};

static constexpr Device kAndroidDevices[] = {
    {"cortex-a53", "neon", "Armv8.0"},
    {"cortex-a55", "dotprod", "Armv8.2"},
    {"cortex-a76", "dotprod", "Armv8.2"},
    {"cortex-a710", "i8mm", "Armv9.0"},
    {"pixel-6", "dotprod", "Google Tensor, with Cortex-A55"},
    {"pixel-7", "dotprod", "Google Tensor G2, with Cortex-A55"},
    {"pixel-8", "i8mm", "Google Tensor G3, with Cortex-A510"},
    {"snapdragon-865", "dotprod", "Cortex-A77 and Cortex-A55"},
    {"snapdragon-8-gen-1", "i8mm", "Cortex-X2 and Cortex-A510"},
};

namespace {
class AArch64 : public CpuTarget {
public:
  AArch64(llvm::StringRef name, llvm::StringRef triple,
          std::vector<IsaLevel> levels, llvm::ArrayRef<Device> devices)
      : CpuTarget(name, triple, std::move(levels), devices) {
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
  }

private:
  std::unique_ptr<VectorIsa> createIsa(const IsaLevel &level) const override {
    return createAArch64Isa(level);
  }
};
} // namespace

const Target &gemcut::targets::aarch64Target() {
  static const AArch64 target("aarch64-linux", "aarch64-unknown-linux-gnu",
                              aarch64Levels(), kDevices);
  return target;
}

const Target &gemcut::targets::androidTarget() {
  static const AArch64 target("aarch64-android",
                              "aarch64-unknown-linux-android29",
                              androidLevels(), kAndroidDevices);
  return target;
}
