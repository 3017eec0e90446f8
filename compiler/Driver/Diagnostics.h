//===- Diagnostics.h - What passes report, as one error ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_DIAGNOSTICS_H
#define GEMCUT_COMPILER_DRIVER_DIAGNOSTICS_H

#include "compiler/Driver/Reporter.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"

#include <string>

namespace gemcut::driver {

/// Keeps the first error that is emitted in a context, with the name of the
/// tensor or layer it is about; remarks and warnings are notes.
class DiagnosticCollector {
public:
  DiagnosticCollector(mlir::MLIRContext &context, Reporter &reporter);

  /// The first error, or "`phase` failed" if nothing was said.
  llvm::Error error(llvm::StringRef phase) const;

private:
  std::string first;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_DIAGNOSTICS_H
