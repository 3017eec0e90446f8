//===- KernelHarness.h - Runs kernel IR in this process ---------*- C++ -*-===//
//
// Compiles a planned kernel module for one ISA level, loads the object code and
// calls an entry point. Tests compare what it writes with an f64 reference.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TEST_NUMERICS_KERNELHARNESS_H
#define GEMCUT_TEST_NUMERICS_KERNELHARNESS_H

#include "runtime/abi/packed_layout.h"
#include "runtime/abi/step.h"
#include "targets/Common/Target.h"
#include "test/numerics/ForeignKernel.h"

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace llvm::orc {
class LLJIT;
}

namespace gemcut::test {

/// Levels of this machine's target whose code CompiledKernel can run in this
/// process: those of the CPU; avxvnni on any (without AVX-VNNI, its dot
/// products are assembled in another form, see VnniForms, and all else as it
/// is); amx on a CPU with the rest of the level (see TileEmulator).
std::vector<targets::IsaLevel> hostLevels();

/// hostLevels(), and those of other architectures that ForeignKernel runs,
/// which takes minutes: the environment variable GEMCUT_TEST_FOREIGN=0 leaves
/// them out, and GEMCUT_TEST_LEVEL=sve all but one.
std::vector<targets::IsaLevel> allLevels();

/// Whether the level has tile instructions that are emulated here.
bool isEmulated(const targets::IsaLevel &level);

/// Whether times of the level's code on this CPU say something about it: its
/// instructions are executed one by one, if in another encoding.
bool canMeasure(const targets::IsaLevel &level);

/// 64-byte aligned shared memory, filled with 0xCD so that unwritten bytes
/// show.
class Bytes {
public:
  explicit Bytes(int64_t size, uint8_t fill = 0xCD);
  Bytes(Bytes &&other) : aligned(other.aligned), bytes(other.bytes) {
    other.aligned = nullptr;
  }
  Bytes &operator=(Bytes &&) = delete;
  ~Bytes();
  uint8_t *data() { return aligned; }
  int64_t size() const { return bytes; }
  template <typename T> T *at(int64_t offset) {
    return reinterpret_cast<T *>(aligned + offset);
  }

private:
  uint8_t *aligned;
  int64_t bytes;
};

/// One compiled module. `text` is kernel IR with all plans made (offsets,
/// partitions), whose entry points have the attribute kernel.entry.
class CompiledKernel {
public:
  CompiledKernel(llvm::StringRef text, const targets::IsaLevel &level);
  /// `lowered`: in the LLVM dialect, with entry points.
  CompiledKernel(mlir::ModuleOp lowered, const targets::IsaLevel &level);
  ~CompiledKernel();

  /// Calls entry `name` ("decode", ...) on `threads` threads. Memory that
  /// `step` points to is of `Bytes`; tokens, positions and slots need not be.
  void run(llvm::StringRef name, gemcut_step step, int threads = 1,
           const Snapshots &snapshots = {});

private:
  std::unique_ptr<llvm::orc::LLJIT> jit; ///< code of this process, or null
  std::unique_ptr<ForeignKernel> foreign;
  std::string level;

  void load(mlir::ModuleOp lowered, const targets::IsaLevel &isaLevel);
};

/// Rows of `columns` f32 values at the stride of an f32 buffer, uniform in
/// [-scale, scale].
std::vector<float> randomValues(std::mt19937 &rng, int64_t count, float scale);

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_KERNELHARNESS_H
