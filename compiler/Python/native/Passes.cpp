//===- Passes.cpp - Named passes on the text of a program -----------------===//

#include "compiler/Driver/Diagnostics.h"
#include "compiler/Pipeline/Registration.h"
#include "compiler/Python/native/Bindings.h"
#include "compiler/Python/native/Run.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/raw_ostream.h"

namespace py = pybind11;
using namespace mlir;
using namespace gemcut;
using namespace pybind11::literals;

static llvm::Expected<std::string> runPasses(const std::string &text,
                                             const std::string &pipeline,
                                             driver::Reporter &reporter) {
  static bool isRegistered = (registerAllPasses(), true);
  (void)isRegistered;
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  driver::DiagnosticCollector diagnostics(context, reporter);
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return diagnostics.error("reading the module");
  PassManager manager(&context, ModuleOp::getOperationName(),
                      OpPassManager::Nesting::Implicit);
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (failed(parsePassPipeline(pipeline, manager, stream)))
    return llvm::createStringError(
        "the pipeline '" + pipeline +
        "' cannot be read: " + llvm::StringRef(problem).rtrim());
  if (failed(manager.run(*module)))
    return diagnostics.error("running '" + pipeline + "'");
  std::string result;
  llvm::raw_string_ostream out(result);
  module->print(out, OpPrintingFlags().enableDebugInfo(true, false));
  return result;
}

void gemcut::python::bindPasses(py::module_ &module) {
  module.def(
      "run_passes",
      [](const std::string &text, const std::string &pipeline,
         const py::object &onEvent) {
        return python::runFor<std::string>(
            [&](driver::Reporter &reporter) {
              return runPasses(text, pipeline, reporter);
            },
            onEvent);
      },
      "text"_a, "pipeline"_a, "on_event"_a);
}
