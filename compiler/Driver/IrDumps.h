//===- IrDumps.h - The program after each pass ------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_IRDUMPS_H
#define GEMCUT_COMPILER_DRIVER_IRDUMPS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <mutex>
#include <string>

namespace gemcut::driver {

/// Prints the IR after the passes that were asked for, to stderr or to numbered
/// files in a folder. Thread-safe.
class IrDumps {
public:
  /// `after`: a pass's flag, "all", or empty for none.
  IrDumps(std::string after, std::string directory)
      : after(std::move(after)), directory(std::move(directory)) {}

  /// Dumps `module` if `pass` was asked for.
  void dump(llvm::StringRef pass, mlir::ModuleOp module);
  /// Dumps after each pass of `pm`.
  void attach(mlir::PassManager &pm);

private:
  std::string after, directory;
  std::mutex mutex;
  int count = 0;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_IRDUMPS_H
