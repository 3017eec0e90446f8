//===- ForeignKernel.h - Kernels of another architecture --------*- C++ -*-===//

#ifndef GEMCUT_TEST_NUMERICS_FOREIGNKERNEL_H
#define GEMCUT_TEST_NUMERICS_FOREIGNKERNEL_H

#include "runtime/abi/step.h"
#include "targets/Common/Target.h"
#include "test/numerics/RunEntry.h"

#include <string>
#include <vector>

namespace gemcut::test {

/// Levels of other architectures that qemu-user runs here: none, with a note on
/// stderr, without it or without the C library to link with.
std::vector<targets::IsaLevel> foreignLevels();

/// Object code in a process of its own under qemu-user, on a CPU that has the
/// level and nothing better.
class ForeignKernel {
public:
  ForeignKernel(llvm::ArrayRef<char> object, const targets::Target &target,
                const targets::IsaLevel &level);
  ~ForeignKernel();

  /// Calls entry `name`. What `step` points to must be in shared memory, but
  /// for tokens, positions and slots (one per row).
  void run(llvm::StringRef name, gemcut_step step, int threads,
           const Snapshots &snapshots);

private:
  int toProcess = -1, fromProcess = -1;
  int process = -1;

  void start(const std::string &program, const targets::IsaLevel &level);
  [[noreturn]] void reportEnd();
};

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_FOREIGNKERNEL_H
