//===- CompileLevels.cpp - Machine code of a kernel program ---------------===//

#include "compiler/Driver/CompileLevels.h"

#include "compiler/Driver/Diagnostics.h"
#include "compiler/Pipeline/Registration.h"
#include "targets/Common/EmitObject.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <thread>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::driver;
using llvm::createStringError;

/// Code of one level, made in a context of its own so that levels run side by
/// side.
static llvm::Expected<llvm::SmallVector<char, 0>>
compileLevel(const targets::Target &target, const targets::TargetSpec &spec,
             const targets::IsaLevel &level, StringRef kernelText,
             targets::EmitKind kind, IrDumps &dumps, Reporter &reporter) {
  if (llvm::Error error = checkCancelled(reporter))
    return std::move(error);
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  DiagnosticCollector diagnostics(context, reporter);
  auto module = parseSourceString<ModuleOp>(kernelText, &context);
  if (!module)
    return diagnostics.error("reading the kernel program");
  auto lowered =
      target.lower(*module, level, [&](StringRef pass, ModuleOp dumped) {
        dumps.dump(pass, level.name, dumped);
      });
  if (failed(lowered))
    return diagnostics.error("lowering for " + level.name);
  if (llvm::Error error = checkCancelled(reporter))
    return std::move(error);
  auto isCancelled = [&] { return reporter.isCancelled(); };
  targets::StopScope scope(isCancelled);
  return target.emit(**lowered, spec, level, kind);
}

llvm::Expected<std::vector<llvm::SmallVector<char, 0>>>
driver::compileLevels(const targets::Target &target,
                      const targets::TargetSpec &spec, ModuleOp module,
                      targets::EmitKind kind, IrDumps &dumps,
                      Reporter &reporter) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  size_t count = spec.levels.size();
  std::vector<std::optional<llvm::Expected<llvm::SmallVector<char, 0>>>>
      results(count);
  std::vector<std::thread> pool;
  for (size_t i = 0; i < count; ++i)
    pool.emplace_back([&, i] {
      results[i].emplace(compileLevel(target, spec, spec.levels[i], text, kind,
                                      dumps, reporter));
    });
  for (std::thread &thread : pool)
    thread.join();
  std::vector<llvm::SmallVector<char, 0>> objects;
  llvm::Error error = llvm::Error::success();
  for (auto &result : results) {
    if (*result)
      objects.push_back(std::move(**result));
    else
      error = llvm::joinErrors(std::move(error), result->takeError());
  }
  if (error) {
    // All levels fail alike; one message is enough.
    if (llvm::Error cancelled = checkCancelled(reporter)) {
      llvm::consumeError(std::move(error));
      return std::move(cancelled);
    }
    std::string first;
    llvm::handleAllErrors(std::move(error), [&](llvm::ErrorInfoBase &e) {
      if (first.empty())
        first = e.message();
    });
    return createStringError(first);
  }
  return objects;
}
