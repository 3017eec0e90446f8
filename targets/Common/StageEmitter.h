//===- StageEmitter.h - What a kernel builder gets --------------*- C++ -*-===//
//
// An Emitter inside one function of the program: the addresses of kernel
// values, the chunks of a stage, and the ISA.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_STAGEEMITTER_H
#define GEMCUT_TARGETS_COMMON_STAGEEMITTER_H

#include "dialects/Kernel/KernelOps.h"
#include "targets/Common/Emitter.h"
#include "targets/Common/VectorIsa.h"

#include "mlir/IR/IRMapping.h"

namespace gemcut::targets {

/// Values that every function of the lowered program has.
struct FunctionContext {
  mlir::Value step;   ///< const gemcut_step *
  mlir::Value arena;  ///< the function's frame
  mlir::Value thread; ///< i64
  mlir::Value team;   ///< gemcut_team *
};

class StageEmitter : public Emitter {
public:
  StageEmitter(mlir::OpBuilder &builder, mlir::Location loc,
               const VectorIsa &isa, mlir::ModuleOp module,
               const FunctionContext &context, mlir::IRMapping &mapping,
               int64_t kvSlotBytes)
      : Emitter(builder, loc), isa(isa), module(module), context(context),
        mapping(mapping), kvSlotBytes(kvSlotBytes) {}

  const VectorIsa &getIsa() const { return isa; }
  const FunctionContext &getContext() const { return context; }
  int64_t getKvSlotBytes() const { return kvSlotBytes; }

  /// The lowered form of a value of the kernel program: `!llvm.ptr` of a
  /// buffer, weight or cache, or the i64 of a row count.
  mlir::Value get(mlir::Value kernelValue) {
    return mapping.lookup(kernelValue);
  }

  /// Address of row `row` (i64) of a buffer.
  mlir::Value rowAddress(mlir::TypedValue<kernel::BufferType> buffer,
                         mlir::Value row);

  /// Claims chunks 0 .. total-1 (total: i64) until none is left, then waits at
  /// the team's barrier. `body` gets the chunk index (i64). A thread may pass
  /// here when others are stages or steps ahead: whether a stage is reached
  /// must follow from the step and the team alone, and only `total` may follow
  /// from memory that stages write (0 skips the work).
  void forChunks(mlir::Value total,
                 llvm::function_ref<void(mlir::Value chunk)> body);

  /// Barriers emitted so far.
  int64_t getBarrierCount() const { return barriers; }

  /// A private function of the module, created with `fill` on first use. The
  /// body gets an emitter without stage context; it must not use get or
  /// forChunks.
  mlir::func::FuncOp getOrCreateFunction(
      llvm::StringRef name, mlir::FunctionType type,
      llvm::function_ref<void(Emitter &, mlir::ValueRange)> fill);
  mlir::ValueRange call(mlir::func::FuncOp callee, mlir::ValueRange arguments);

private:
  /// Waits until the stage is over; every claim loop ends in it.
  void barrier();

  const VectorIsa &isa;
  mlir::ModuleOp module;
  FunctionContext context;
  mlir::IRMapping &mapping;
  int64_t kvSlotBytes;
  int64_t barriers = 0;
};

/// Makes a defined function visible in its object file only: the objects of
/// several levels, which are linked together, have functions of the same name.
void makeInternal(mlir::func::FuncOp function);

// The builders, one file each in targets/Common/Kernels. Each emits its stage
// at the emitter's insertion point, for the op's static shapes.
void buildLoadRows(StageEmitter &e, kernel::LoadRowsOp op);
void buildGather(StageEmitter &e, kernel::GatherOp op);
void buildRopeTable(StageEmitter &e, kernel::RopeTableOp op);
void buildRmsNorm(StageEmitter &e, kernel::RmsNormOp op);
void buildQuantize(StageEmitter &e, kernel::QuantizeOp op);
void buildGeluMul(StageEmitter &e, kernel::GeluMulOp op);
void buildAdapt(StageEmitter &e, kernel::AdaptOp op);
void buildPleInputs(StageEmitter &e, kernel::PleInputsOp op);
void buildPrepareQ(StageEmitter &e, kernel::PrepareQOp op);
void buildPrepareKv(StageEmitter &e, kernel::PrepareKvOp op);
void buildPrepareQkv(StageEmitter &e, kernel::PrepareQkvOp op);
void buildAttention(StageEmitter &e, kernel::AttentionOp op);
void buildResidualNorm(StageEmitter &e, kernel::ResidualNormOp op);
void buildRoute(StageEmitter &e, kernel::RouteOp op);
void buildGroupRows(StageEmitter &e, kernel::GroupRowsOp op);
void buildExpertQuantize(StageEmitter &e, kernel::ExpertQuantizeOp op);
void buildExpertGated(StageEmitter &e, kernel::ExpertGatedOp op);
void buildExpertSum(StageEmitter &e, kernel::ExpertSumOp op);
void buildGemv(StageEmitter &e, kernel::GemvOp op);
void buildGemm(StageEmitter &e, kernel::GemmOp op);
void buildUpperBounds(StageEmitter &e, kernel::UpperBoundsOp op);
void buildRescore(StageEmitter &e, kernel::RescoreOp op);

/// Quantizes one row of `columns` (static, multiple of 32) f32 values at
/// `source` to the q8 row at `target`, padding group included
/// (targets/Common/Kernels/ QuantizeRow.cpp).
void emitQuantizeRow(Emitter &e, mlir::Value source, mlir::Value target,
                     int64_t columns);

/// Quantizes group `group` (i64) of a q8 row of `columns` columns from two full
/// vectors, its columns 0..15 and 16..31.
void emitQuantizeGroup(Emitter &e, mlir::Value low, mlir::Value high,
                       mlir::Value target, mlir::Value group, int64_t columns);

/// Zeroes the padding group of a q8 row, if `columns` leaves one.
void emitZeroPaddingGroup(Emitter &e, mlir::Value target, int64_t columns);

/// Quantizes one row of `columns` (static, multiple of 16) f32 values at
/// `source` to the u8 row at `target`. `scale` (f32) is the row's scale; null:
/// its largest magnitude / 127.
void emitQuantizeRowU8(Emitter &e, mlir::Value source, mlir::Value target,
                       int64_t columns, mlir::Value scale);

/// clamp(round_to_nearest_even(x / scale), -128, 127) of f32 lanes, as f32.
/// Source: the fake quantization of torchao's and Gemma's int8 activations,
/// which divides.
mlir::Value emitRoundInt8(Emitter &e, mlir::Value x, mlir::Value scale);

/// Keeps LLVM from inlining calls of `function`. `keepOrder`: and from moving
/// its instructions (kKeepOrderAttribute). `vscale`: its code is for registers
/// of so many times 128 bits alone; 0: for any.
void forbidInlining(mlir::func::FuncOp function, bool keepOrder = false,
                    int64_t vscale = 0);

/// A kernel in all forms of the level (VectorIsa::getScaledForms): `getForm`
/// returns the function called `name` with the instructions of `isa`. With more
/// forms than one the result is a function that calls the CPU's own.
mlir::func::FuncOp getScaledKernel(
    StageEmitter &e, llvm::StringRef name, mlir::FunctionType type,
    llvm::function_ref<mlir::func::FuncOp(llvm::StringRef name,
                                          const VectorIsa &isa, int64_t vscale)>
        getForm);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_STAGEEMITTER_H
