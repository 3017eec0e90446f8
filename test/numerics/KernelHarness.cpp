//===- KernelHarness.cpp - Runs kernel IR in this process -----------------===//

#include "test/numerics/KernelHarness.h"

#include "dialects/Kernel/KernelOps.h"
#include "runtime/core/cpu.h"
#include "runtime/core/team.h"
#include "test/numerics/Assemble.h"
#include "test/numerics/SharedMemory.h"
#include "test/numerics/TileEmulator.h"
#include "test/numerics/VnniForms.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

#include <cstdlib>
#include <cstring>

using namespace gemcut;
using namespace gemcut::test;

/// Whether this CPU has all of LLVM's `features` ("+avx2,+fma").
static bool hostHas(llvm::StringRef features) {
  static const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  llvm::SmallVector<llvm::StringRef> needed;
  features.split(needed, ',');
  return llvm::all_of(needed, [&](llvm::StringRef feature) {
    return host.lookup(feature.drop_front());
  });
}

static constexpr llvm::StringLiteral kEvexVnni = "+avx512vl,+avx512vnni";

/// Whether this CPU needs another form of the level's dot products.
static bool lacksVexVnni(const targets::IsaLevel &level) {
  return level.name == "avxvnni" && !hostHas("+avxvnni");
}

/// LLVM's features of `level` without those of AMX.
static std::string vectorFeatures(const targets::IsaLevel &level) {
  return llvm::StringRef(level.features).split(",+amx").first.str();
}

/// Whether the operating system lets this process use tile data.
static bool mayUseTiles() {
  CpuFeatures tiles;
  return parseCpuFeatures("amxtile", tiles) == GEMCUT_OK &&
         (detectCpuFeatures() & tiles);
}

bool gemcut::test::isEmulated(const targets::IsaLevel &level) {
  return level.hasInt8Tiles && !hostHas("+amx-tile,+amx-int8");
}

bool gemcut::test::canMeasure(const targets::IsaLevel &level) {
  return !isEmulated(level) && (!lacksVexVnni(level) || hostHas(kEvexVnni));
}

/// Whether CompiledKernel can run code of `level`.
static bool canRun(const targets::IsaLevel &level) {
  if (isEmulated(level))
    return hostHas(vectorFeatures(level));
  if (level.hasInt8Tiles && !mayUseTiles())
    return false;
  llvm::StringRef features = level.features;
  return hostHas(lacksVexVnni(level) ? features.split(",+avxvnni").first
                                     : features);
}

std::vector<targets::IsaLevel> gemcut::test::hostLevels() {
  std::vector<targets::IsaLevel> levels;
  auto spec = llvm::cantFail(targets::allTargets()[0]->parseSpec(""));
  for (const targets::IsaLevel &level : spec.levels)
    if (canRun(level))
      levels.push_back(level);
  return levels;
}

std::vector<targets::IsaLevel> gemcut::test::allLevels() {
  std::vector<targets::IsaLevel> levels = hostLevels();
  const char *foreign = std::getenv("GEMCUT_TEST_FOREIGN");
  if (!foreign || llvm::StringRef(foreign) != "0")
    llvm::append_range(levels, foreignLevels());
  if (const char *only = std::getenv("GEMCUT_TEST_LEVEL"))
    llvm::erase_if(levels, [&](const targets::IsaLevel &level) {
      return level.name != only;
    });
  return levels;
}

Bytes::Bytes(int64_t size, uint8_t fill)
    : aligned(static_cast<uint8_t *>(allocateShared(size_t(size)))),
      bytes(size) {
  std::memset(aligned, fill, size_t(size));
}

Bytes::~Bytes() {
  if (aligned)
    releaseShared(aligned, size_t(bytes));
}

/// Stops if `object` calls anything but the functions of the team.
static void expectOnlyTeam(llvm::ArrayRef<char> object) {
  llvm::MemoryBufferRef buffer(llvm::StringRef(object.data(), object.size()),
                               "kernel.o");
  auto file =
      llvm::cantFail(llvm::object::ObjectFile::createObjectFile(buffer));
  for (const llvm::object::SymbolRef &symbol : file->symbols()) {
    llvm::StringRef name = llvm::cantFail(symbol.getName());
    if ((llvm::cantFail(symbol.getFlags()) &
         llvm::object::SymbolRef::SF_Undefined) &&
        !name.empty() && name != "gemcut_team_claim" &&
        name != "gemcut_team_barrier")
      llvm::report_fatal_error("generated code calls " + name);
  }
}

/// The target that has `level`: their names differ.
static const targets::Target &targetOf(const targets::IsaLevel &level) {
  for (const targets::Target *target : targets::allTargets()) {
    auto spec = llvm::cantFail(target->parseSpec(""));
    for (const targets::IsaLevel &other : spec.levels)
      if (other.name == level.name)
        return *target;
  }
  llvm_unreachable("a level of no target");
}

CompiledKernel::CompiledKernel(llvm::StringRef text,
                               const targets::IsaLevel &level)
    : level(level.name) {
  mlir::DialectRegistry registry;
  registry.insert<kernel::KernelDialect, mlir::func::FuncDialect,
                  mlir::arith::ArithDialect, mlir::scf::SCFDialect,
                  mlir::vector::VectorDialect, mlir::LLVM::LLVMDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    llvm::report_fatal_error("the test's kernel IR does not parse");
  auto lowered = targetOf(level).lower(*module, level, nullptr);
  if (mlir::failed(lowered))
    llvm::report_fatal_error("the test's kernel IR does not lower");
  load(**lowered, level);
}

CompiledKernel::CompiledKernel(mlir::ModuleOp lowered,
                               const targets::IsaLevel &level)
    : level(level.name) {
  load(lowered, level);
}

void CompiledKernel::load(mlir::ModuleOp lowered,
                          const targets::IsaLevel &level) {
  const targets::Target &target = targetOf(level);
  auto spec = llvm::cantFail(target.parseSpec(""));
  if (std::getenv("GEMCUT_TEST_ASM"))
    llvm::errs() << llvm::cantFail(target.emit(lowered, spec, level,
                                               targets::EmitKind::Assembly))
                        .data();
  auto object = llvm::cantFail(target.emit(lowered, spec, level,
                                           lacksVexVnni(level)
                                               ? targets::EmitKind::Assembly
                                               : targets::EmitKind::Object));
  if (lacksVexVnni(level)) {
    llvm::StringRef assembly(object.data(), object.size());
    bool isEvex = hostHas(kEvexVnni);
    object = assemble(
        isEvex ? withEvexVnni(assembly) : withVnniInAvx2(assembly), spec.triple,
        (level.features + (isEvex ? "," + kEvexVnni : "")).str());
  }
  expectOnlyTeam(object);
  if (&target != targets::allTargets()[0]) {
    foreign = std::make_unique<ForeignKernel>(object, target, level);
    return;
  }
  if (isEmulated(level))
    emulateTiles();
  jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::orc::SymbolMap symbols;
  symbols[jit->mangleAndIntern("gemcut_team_claim")] = {
      llvm::orc::ExecutorAddr::fromPtr(&gemcut_team_claim),
      llvm::JITSymbolFlags::Exported};
  symbols[jit->mangleAndIntern("gemcut_team_barrier")] = {
      llvm::orc::ExecutorAddr::fromPtr(&gemcut_team_barrier),
      llvm::JITSymbolFlags::Exported};
  llvm::cantFail(jit->getMainJITDylib().define(
      llvm::orc::absoluteSymbols(std::move(symbols))));
  llvm::cantFail(jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(
      llvm::StringRef(object.data(), object.size()), "kernel.o")));
}

CompiledKernel::~CompiledKernel() = default;

void CompiledKernel::run(llvm::StringRef name, gemcut_step step, int threads,
                         const Snapshots &snapshots) {
  if (foreign)
    return foreign->run(name, step, threads, snapshots);
  std::string symbol = ("gemcut_" + name + "_" + level).str();
  auto *entry = llvm::cantFail(jit->lookup(symbol)).toPtr<gemcut_entry_fn>();
  uint64_t counters[kMostLayers] = {};
  if (!step.layer_rows)
    step.layer_rows = counters;
  runEntry(entry, step, threads, snapshots);
}

std::vector<float> gemcut::test::randomValues(std::mt19937 &rng, int64_t count,
                                              float scale) {
  std::uniform_real_distribution<float> distribution(-scale, scale);
  std::vector<float> values(count);
  for (float &value : values)
    value = distribution(rng);
  return values;
}
