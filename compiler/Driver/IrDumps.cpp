//===- IrDumps.cpp - The program after each pass --------------------------===//

#include "compiler/Driver/IrDumps.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "llvm/ADT/StringExtras.h"
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
    StringRef name = pass->getArgument();
    if (name.empty()) // an adaptor, which only holds passes
      return;
    auto symbol =
        op->getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
    // The whole module, so that gemcut-opt can read the dump back.
    auto module = op->getParentOfType<ModuleOp>();
    dumps.dump(name, symbol ? symbol.getValue() : "",
               module ? module.getOperation() : op);
  }

private:
  IrDumps &dumps;
};
} // namespace

llvm::Error IrDumps::prepare() const {
  if (after.empty() || directory.empty())
    return llvm::Error::success();
  if (std::error_code code = llvm::sys::fs::create_directories(directory))
    return llvm::createStringError("--dump-dir: '" + directory +
                                   "' cannot be made: " + code.message());
  return llvm::Error::success();
}

void IrDumps::dump(StringRef pass, StringRef part, Operation *op) {
  if (after.empty())
    return;
  std::lock_guard<std::mutex> lock(mutex);
  if (!llvm::is_contained(seen, pass))
    seen.push_back(pass.str());
  if (after != "all" && after != pass)
    return;
  if (directory.empty()) {
    llvm::errs() << "// ---- after " << pass;
    if (!part.empty())
      llvm::errs() << " of " << part;
    llvm::errs() << "\n";
    op->print(llvm::errs());
    llvm::errs() << "\n";
    return;
  }
  std::string name = pass.str();
  if (!part.empty())
    name += ("-" + part).str();
  std::string path =
      llvm::formatv("{0}/{1,0+3}-{2}.mlir", directory, count++, name).str();
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  if (code) {
    llvm::errs() << "gemcut: note: " << path << ": " << code.message() << "\n";
    return;
  }
  op->print(stream);
  stream << "\n";
  stream.close();
  if (stream.has_error()) {
    llvm::errs() << "gemcut: note: " << path << ": " << stream.error().message()
                 << "\n";
    stream.clear_error();
    llvm::sys::fs::remove(path);
  }
}

void IrDumps::attach(PassManager &pm) {
  if (after.empty())
    return;
  pm.getContext()->disableMultithreading();
  pm.addInstrumentation(std::make_unique<DumpAfterPass>(*this));
}

void IrDumps::finish(Reporter &reporter) {
  std::lock_guard<std::mutex> lock(mutex);
  if (after.empty() || after == "all" || llvm::is_contained(seen, after))
    return;
  reporter.note("--dump-ir-after: no pass '" + after + "' ran; there were " +
                llvm::join(seen, ", "));
}
