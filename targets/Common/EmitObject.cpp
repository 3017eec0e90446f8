//===- EmitObject.cpp - LLVM dialect -> object, assembly, LLVM IR ---------===//

#include "targets/Common/EmitObject.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace gemcut::targets;

/// Of this thread's StopScope; null: there is none.
static thread_local llvm::function_ref<bool()> stopQuestion;

StopScope::StopScope(llvm::function_ref<bool()> shouldStop) {
  stopQuestion = shouldStop;
}
StopScope::~StopScope() { stopQuestion = nullptr; }

static bool shouldStop() { return stopQuestion && stopQuestion(); }

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(StringRef triple, StringRef cpu, StringRef features) {
  std::string error;
  llvm::Triple parsed(triple);
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    return llvm::createStringError("this compiler has no code generator for " +
                                   triple.str() + ": " + error);
  llvm::TargetOptions options;
  options.FunctionSections = true; // linkers fold what levels have in common
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      parsed, cpu, features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default));
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  // The loops are already vectors; what is left for LLVM is scalar clean-up.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = true;
  llvm::PassInstrumentationCallbacks callbacks;
  callbacks.registerShouldRunOptionalPassCallback(
      [](StringRef, llvm::Any) { return !shouldStop(); });
  llvm::PassBuilder builder(&machine, tuning, std::nullopt, &callbacks);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

namespace {
/// Skips the machine scheduler for functions with kKeepOrderAttribute. Passes
/// ask under the names that options have (LLVM 22; elsewhere under their
/// titles): test/compiler/product-code.test finds spills where that changes.
///
/// Where code generation is to stop, which it cannot, it empties the functions
/// that are still to come.
class CodegenGate : public llvm::OptPassGate {
public:
  explicit CodegenGate(llvm::Module &module) : module(module) {
    for (const llvm::Function &function : module)
      if (function.hasFnAttribute(kKeepOrderAttribute))
        skipped.insert(nameUnit(function));
  }

  bool isEnabled() const override { return stopQuestion || !skipped.empty(); }

  bool shouldRunPass(StringRef pass, StringRef unit) const override {
    if (shouldStop() && unit.starts_with("function (")) {
      for (llvm::Function &function : module)
        if (!function.isDeclaration() && unit != nameUnit(function))
          function.deleteBody();
      return false;
    }
    return pass != "machine-scheduler" || !skipped.contains(unit);
  }

private:
  static std::string nameUnit(const llvm::Function &function) {
    return ("function (" + function.getName() + ")").str();
  }

  llvm::Module &module;
  llvm::StringSet<> skipped; ///< as passes describe functions
};
} // namespace

static llvm::Expected<llvm::SmallVector<char, 0>>
codegen(llvm::Module &module, llvm::TargetMachine &machine,
        llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return llvm::createStringError("the code generator cannot emit this form");
  passes.run(module);
  if (shouldStop())
    return llvm::createStringError("stopped");
  return buffer;
}

llvm::Expected<llvm::SmallVector<char, 0>>
gemcut::targets::emitModule(ModuleOp module, StringRef triple,
                            const IsaLevel &level, EmitKind kind) {
  auto machine = createMachine(triple, level.cpu, level.features);
  if (!machine)
    return machine.takeError();
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated =
      translateModuleToLLVMIR(module, context);
  if (!translated)
    return llvm::createStringError("translation to LLVM IR failed");
  translated->setTargetTriple(llvm::Triple(triple));
  translated->setDataLayout((*machine)->createDataLayout());
  for (llvm::Function &function : *translated) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", level.cpu);
    function.addFnAttr("target-features", level.features);
    function.addFnAttr("prefer-vector-width", std::to_string(level.vectorBits));
    // A stage must not be interrupted by an unwinder and needs no tables for
    // it.
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // Or loops that clear or copy become calls of memset and memcpy.
    function.addFnAttr("no-builtins");
  }
  optimize(*translated, **machine);
  if (shouldStop())
    return llvm::createStringError("stopped");
  CodegenGate gate(*translated);
  context.setOptPassGate(gate);
  if (kind == EmitKind::Llvm) {
    llvm::SmallVector<char, 0> text;
    llvm::raw_svector_ostream stream(text);
    translated->print(stream, nullptr);
    return text;
  }
  return codegen(*translated, **machine,
                 kind == EmitKind::Object
                     ? llvm::CodeGenFileType::ObjectFile
                     : llvm::CodeGenFileType::AssemblyFile);
}

llvm::Expected<llvm::SmallVector<char, 0>>
gemcut::targets::emitLlvmModule(llvm::Module &module, StringRef triple) {
  auto machine = createMachine(triple, "generic", "");
  if (!machine)
    return machine.takeError();
  module.setTargetTriple(llvm::Triple(triple));
  module.setDataLayout((*machine)->createDataLayout());
  return codegen(module, **machine, llvm::CodeGenFileType::ObjectFile);
}
