//===- IrDumps.h - The program after each pass ------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_IRDUMPS_H
#define GEMCUT_COMPILER_DRIVER_IRDUMPS_H

#include "compiler/Driver/Reporter.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Error.h"

#include <mutex>
#include <string>
#include <vector>

namespace gemcut::driver {

/// Prints the IR after the passes that were asked for, to stderr or to numbered
/// files in a folder. Thread-safe.
class IrDumps {
public:
  /// `after`: a pass's flag, "all", or empty for none.
  IrDumps(std::string after, std::string directory)
      : after(std::move(after)), directory(std::move(directory)) {}

  /// Makes the folder, if one is needed.
  llvm::Error prepare() const;

  /// Dumps `op` if `pass` was asked for. `part` says what of the program it is:
  /// a function or an ISA level, or nothing for all of it.
  void dump(llvm::StringRef pass, llvm::StringRef part, mlir::Operation *op);

  /// Dumps after each pass of `pm`, which then runs on one thread: passes over
  /// functions print them one by one.
  void attach(mlir::PassManager &pm);

  /// Notes which passes there were if none was the one asked for.
  void finish(Reporter &reporter);

private:
  std::string after, directory;
  std::mutex mutex;
  int count = 0;
  std::vector<std::string> seen; ///< passes that ran
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_IRDUMPS_H
