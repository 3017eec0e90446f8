//===- IrDumps.cpp - The program after each pass --------------------------===//

#include "compiler/Driver/IrDumps.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace gemcut::driver;

namespace {
class DumpAfterPass : public PassInstrumentation {
public:
  explicit DumpAfterPass(IrDumps &dumps) : dumps(dumps) {}

  void runAfterPass(Pass *pass, Operation *op) override {
    StringRef name =
        pass->getArgument().empty() ? pass->getName() : pass->getArgument();
    if (auto module = dyn_cast<ModuleOp>(op))
      dumps.dump(name, module);
  }

private:
  IrDumps &dumps;
};
} // namespace

void IrDumps::dump(StringRef pass, ModuleOp module) {
  if (after.empty() || (after != "all" && after != pass))
    return;
  std::lock_guard<std::mutex> lock(mutex);
  if (directory.empty()) {
    llvm::errs() << "// ---- after " << pass << "\n";
    module.print(llvm::errs());
    llvm::errs() << "\n";
    return;
  }
  (void)llvm::sys::fs::create_directories(directory);
  std::string path =
      llvm::formatv("{0}/{1,0+2}-{2}.mlir", directory, count++, pass).str();
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  if (code) {
    llvm::errs() << "gemcut: note: " << path << ": " << code.message() << "\n";
    return;
  }
  module.print(stream);
}

void IrDumps::attach(PassManager &pm) {
  if (after.empty())
    return;
  pm.addInstrumentation(std::make_unique<DumpAfterPass>(*this));
}
