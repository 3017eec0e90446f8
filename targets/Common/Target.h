//===- Target.h - What a machine family offers ------------------*- C++ -*-===//
//
// A target turns a planned kernel module into object code, once per ISA level.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_TARGET_H
#define GEMCUT_TARGETS_COMMON_TARGET_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace gemcut::targets {

/// Rows and tiles of 16 outputs of a product whose accumulators stay in
/// registers.
struct BlockShape {
  int64_t rows = 1, tiles = 1;
};

/// One ISA level: what the code may use and how products are blocked for it.
struct IsaLevel {
  std::string name;          ///< "avx2", part of the entry symbols
  std::string cpu;           ///< LLVM CPU that sets scheduling, "x86-64-v3"
  std::string features;      ///< LLVM features, "+avx2,+fma"
  std::string cpuidFeatures; ///< what the runtime checks, "avx2,fma,f16c,bmi2"
  int64_t vectorBits = 256;  ///< width of the registers
  int64_t registers = 16;    ///< number of vector registers
  bool hasVnni = false;      ///< dot products of four bytes into i32
  bool hasBf16Dot = false;   ///< pairs of bf16 into f32
  bool hasInt8Tiles = false; ///< matrix registers, see TileIsa
  /// Products of two rows by two columns; see VectorIsa::dotPairs.
  bool hasPairProducts = false;
  /// Rows of a block whose products of bytes are added in words; 0: they are
  /// not. See VectorIsa::multiplyBytes.
  int64_t wordRows = 0;
  bool hasSve = false; ///< scalable registers
  /// 32-bit lanes that a product's step works on: less than 16 where a vector
  /// of 16 takes several registers, and its parts had better not be live at
  /// once.
  int64_t productLanes = 16;
  /// 0: inputs are loaded four bytes at a time. Otherwise by vectors, from any
  /// lane of which dot products take theirs; with up to so many rows, registers
  /// hold the vectors of both halves of a group.
  int64_t indexedRows = 0;
  /// Loads reach few bytes from their address: that of a block is kept as it
  /// is, or LLVM counts from wherever its loop ends.
  bool hasShortOffsets = false;
  /// Sums that a single row shares out each group of nibbles to, to hide the
  /// latency of dot products.
  int64_t nibbleChains = 2;
  /// Blocks of so many rows times tiles or more loop over the groups of a block
  /// of columns: a quarter of the code. 0: none do. With 16 registers that
  /// costs 6 % more instructions, as constants are loaded in each group, and
  /// streams of one row 4 to 13 % of their speed (two tiles, Zen 3).
  int64_t groupLoopsFrom = 0;
  int64_t gemvRows = 4; ///< of a gemv's block, one tile wide
  /// Tiles of integer weights that a single row multiplies together: so many
  /// streams, for cores that read less from one.
  int64_t gemvTiles = 1;
  BlockShape integerBlock;  ///< of a gemm with weights in groups
  BlockShape rowScaleBlock; ///< of a gemm with integers under row scales
  BlockShape floatBlock;    ///< of a gemm with bf16 or f32 weights

  /// Registers of a vector of `lanes` 32-bit lanes.
  int64_t getRegisters(int64_t lanes) const {
    return (32 * lanes + vectorBits - 1) / vectorBits;
  }
};

/// A CPU or machine by name, which `--cpu` takes for its best level.
struct Device {
  llvm::StringLiteral name, level;
  llvm::StringLiteral description; ///< "Cortex-A76"
};

/// A machine family with its levels, best first.
struct TargetSpec {
  std::string name;   ///< "x86_64-linux", given to --target
  std::string triple; ///< "x86_64-unknown-linux-gnu"
  std::vector<IsaLevel> levels;
  int64_t l1Bytes = 32 << 10; ///< data cache of a core
  int64_t l2Bytes = 1 << 20;  ///< private cache of a core
};

enum class EmitKind { Object, Assembly, Llvm };

class Target {
public:
  virtual ~Target() = default;

  /// Name given to `--target`.
  virtual llvm::StringRef getName() const = 0;

  /// The specification with the levels named in `text` ("avx2,avx512vnni", ""
  /// for all; a device stands for its level, "host" for the best one of this
  /// machine). An error names the unknown level and what exists.
  virtual llvm::Expected<TargetSpec> parseSpec(llvm::StringRef text) const = 0;

  virtual llvm::ArrayRef<Device> getDevices() const = 0;

  /// Builds the loops of the planned kernel module for `level`. Entry points
  /// become `void gemcut_<entry>_<level>(const gemcut_step *, i64)`. Programs
  /// of several levels can then share functions (ShareFunctions.h). `dump` (may
  /// be null) receives the IR after each named step.
  using DumpFn = llvm::function_ref<void(llvm::StringRef pass, mlir::ModuleOp)>;
  virtual mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
  build(mlir::ModuleOp kernelModule, const IsaLevel &level,
        DumpFn dump) const = 0;

  /// Lowers a module made by `build` to the LLVM dialect.
  virtual mlir::LogicalResult finish(mlir::ModuleOp program,
                                     DumpFn dump) const = 0;

  /// Both, for a single level.
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
  lower(mlir::ModuleOp kernelModule, const IsaLevel &level, DumpFn dump) const;

  /// Object code, assembly text or LLVM IR of a module made by `finish`.
  virtual llvm::Expected<llvm::SmallVector<char, 0>>
  emit(mlir::ModuleOp llvmModule, const TargetSpec &spec, const IsaLevel &level,
       EmitKind kind) const = 0;
};

/// The targets of this build.
llvm::ArrayRef<const Target *> allTargets();

/// The target called `name`, or null.
const Target *findTarget(llvm::StringRef name);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_TARGET_H
