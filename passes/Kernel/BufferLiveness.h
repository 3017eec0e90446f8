//===- BufferLiveness.h - When a function's buffers are in use --*- C++ -*-===//

#ifndef GEMCUT_PASSES_KERNEL_BUFFERLIVENESS_H
#define GEMCUT_PASSES_KERNEL_BUFFERLIVENESS_H

#include "dialects/Kernel/KernelOps.h"

namespace gemcut::kernel {

/// A buffer and the ops, by position in its block, that first and last use it
/// or a view of it. Both ends belong to its life: a stage reads its inputs
/// while it writes its outputs, and a call may write any of its operands. A
/// kept buffer (kKeptAttr) lives throughout.
struct LiveBuffer {
  AllocOp alloc;
  int64_t first, last;

  bool overlaps(const LiveBuffer &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// Bytes that `alloc` takes, a multiple of 64.
int64_t getAllocBytes(AllocOp alloc);

/// The buffers of `function` that are used at all, in order of allocation.
llvm::SmallVector<LiveBuffer> getLiveBuffers(mlir::func::FuncOp function);

} // namespace gemcut::kernel

#endif // GEMCUT_PASSES_KERNEL_BUFFERLIVENESS_H
