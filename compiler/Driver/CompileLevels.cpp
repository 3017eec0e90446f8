//===- CompileLevels.cpp - Machine code of every level --------------------===//

#include "compiler/Driver/CompileLevels.h"

#include "compiler/Driver/Diagnostics.h"
#include "compiler/Pipeline/Registration.h"
#include "targets/Common/EmitObject.h"
#include "targets/Common/ShareFunctions.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <thread>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::driver;

namespace {

/// The code of one level, in a context of its own so that levels run side by
/// side.
class LevelCompilation {
public:
  LevelCompilation(const targets::Target &target,
                   const targets::TargetSpec &spec,
                   const targets::IsaLevel &level, IrDumps &dumps,
                   Reporter &reporter)
      : target(target), spec(spec), level(level), dumps(dumps),
        reporter(reporter),
        context(allDialects(), MLIRContext::Threading::DISABLED),
        diagnostics(context, reporter) {}

  llvm::Error build(StringRef kernelText) {
    if (llvm::Error error = checkCancelled(reporter))
      return error;
    context.loadAllAvailableDialects();
    auto module = parseSourceString<ModuleOp>(kernelText, &context);
    if (!module)
      return diagnostics.error("reading the kernel program");
    auto built = target.build(
        *module, level, [&](StringRef pass, ModuleOp op) { dump(pass, op); });
    if (failed(built))
      return diagnostics.error("lowering for " + level.name);
    lowered = std::move(*built);
    program.emplace(level, *lowered);
    return llvm::Error::success();
  }

  /// What shareFunctions takes, once it is built.
  targets::LevelProgram takeProgram() { return std::move(*program); }

  llvm::Expected<llvm::SmallVector<char, 0>> emit(targets::EmitKind kind) {
    if (llvm::Error error = checkCancelled(reporter))
      return std::move(error);
    if (failed(target.finish(
            *lowered, [&](StringRef pass, ModuleOp op) { dump(pass, op); })))
      return diagnostics.error("lowering for " + level.name);
    if (llvm::Error error = checkCancelled(reporter))
      return std::move(error);
    auto isCancelled = [&] { return reporter.isCancelled(); };
    targets::StopScope scope(isCancelled);
    return target.emit(*lowered, spec, level, kind);
  }

private:
  static DialectRegistry allDialects() {
    DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }

  /// Passes a level's IR on, under its name.
  void dump(StringRef pass, ModuleOp dumped) {
    dumps.dump(pass, level.name, dumped);
  }

  const targets::Target &target;
  const targets::TargetSpec &spec;
  const targets::IsaLevel &level;
  IrDumps &dumps;
  Reporter &reporter;
  MLIRContext context;
  DiagnosticCollector diagnostics;
  OwningOpRef<ModuleOp> lowered;
  std::optional<targets::LevelProgram> program;
};

/// Does `work` for each level, on a thread of its own. Returns the first error:
/// levels fail alike, and one message is enough.
llvm::Error
forEachLevel(std::vector<std::unique_ptr<LevelCompilation>> &levels,
             Reporter &reporter,
             llvm::function_ref<llvm::Error(size_t, LevelCompilation &)> work) {
  std::vector<std::string> messages(levels.size());
  std::vector<std::thread> pool;
  for (size_t i = 0; i < levels.size(); ++i)
    pool.emplace_back([&, i] {
      if (llvm::Error error = work(i, *levels[i]))
        messages[i] = llvm::toString(std::move(error));
    });
  for (std::thread &thread : pool)
    thread.join();
  for (const std::string &message : messages) {
    if (message.empty())
      continue;
    if (llvm::Error cancelled = checkCancelled(reporter))
      return cancelled;
    return llvm::createStringError(message);
  }
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::vector<llvm::SmallVector<char, 0>>>
gemcut::driver::compileLevels(const targets::Target &target,
                              const targets::TargetSpec &spec, ModuleOp module,
                              targets::EmitKind kind, IrDumps &dumps,
                              Reporter &reporter) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  std::vector<std::unique_ptr<LevelCompilation>> levels;
  for (const targets::IsaLevel &level : spec.levels)
    levels.push_back(std::make_unique<LevelCompilation>(target, spec, level,
                                                        dumps, reporter));
  if (llvm::Error error = forEachLevel(
          levels, reporter, [&](size_t, LevelCompilation &compilation) {
            return compilation.build(text);
          }))
    return std::move(error);
  std::vector<targets::LevelProgram> programs;
  for (auto &level : levels)
    programs.push_back(level->takeProgram());
  targets::shareFunctions(programs);
  programs.clear();
  std::vector<llvm::SmallVector<char, 0>> objects(levels.size());
  if (llvm::Error error = forEachLevel(
          levels, reporter,
          [&](size_t i, LevelCompilation &compilation) -> llvm::Error {
            auto object = compilation.emit(kind);
            if (!object)
              return object.takeError();
            objects[i] = std::move(*object);
            return llvm::Error::success();
          }))
    return std::move(error);
  return objects;
}
