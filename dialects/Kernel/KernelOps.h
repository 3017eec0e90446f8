//===- KernelOps.h - The kernel dialect -------------------------*- C++ -*-===//
//
// Declares the dialect, its types, attributes and ops, and the attributes that
// functions and modules of this form carry.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_DIALECTS_KERNEL_KERNELOPS_H
#define GEMCUT_DIALECTS_KERNEL_KERNELOPS_H

#include "dialects/Support/Format.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Kernel/KernelDialect.h.inc"
#include "dialects/Kernel/KernelEnums.h.inc"

namespace gemcut::kernel {

/// Element of the rows that weights of `format` are multiplied with.
Element getActivations(Format format);

/// Function attribute (string): "decode", "prefill", "extend", "score",
/// "bounds" or "rescore".
inline constexpr llvm::StringLiteral kEntryAttr = "kernel.entry";
/// Unit attribute of a kernel.alloc: the buffer lies at the start of its entry
/// point's frame and keeps its contents until the entry point returns, for
/// another one with the same buffer.
inline constexpr llvm::StringLiteral kKeptAttr = "kernel.kept";
/// Function attribute (i64): arena bytes of the function's own frame.
inline constexpr llvm::StringLiteral kFrameBytesAttr = "kernel.frame_bytes";
/// Module attributes (i64): arena bytes of the deepest call; bytes between KV
/// slots; bytes of the weight section; positions a slot can hold.
inline constexpr llvm::StringLiteral kArenaBytesAttr = "kernel.arena_bytes";
inline constexpr llvm::StringLiteral kKvSlotBytesAttr = "kernel.kv_slot_bytes";
inline constexpr llvm::StringLiteral kWeightBytesAttr = "kernel.weight_bytes";
inline constexpr llvm::StringLiteral kContextAttr = "kernel.context";
} // namespace gemcut::kernel

#define GET_TYPEDEF_CLASSES
#include "dialects/Kernel/KernelTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttrs.h.inc"

#include "dialects/Kernel/KernelInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.h.inc"

#endif // GEMCUT_DIALECTS_KERNEL_KERNELOPS_H
