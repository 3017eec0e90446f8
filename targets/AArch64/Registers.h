//===- Registers.h - Vectors as registers of 16 bytes -----------*- C++ -*-===//
//
// A register holds four rows of a tile. Operations take vectors of 4 lanes and
// multiples, which are split into registers here.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_AARCH64_REGISTERS_H
#define GEMCUT_TARGETS_AARCH64_REGISTERS_H

#include "targets/Common/VectorParts.h"

namespace gemcut::targets {

inline constexpr int64_t kRegisterLanes = 4;

/// One register of sums and the bytes that meet them.
using RegisterFn =
    llvm::function_ref<mlir::Value(mlir::Value acc, mlir::Value w)>;

/// Applies `body` to each register of `acc` and its part of `w`.
mlir::Value forRegisters(Emitter &e, mlir::Value acc, mlir::Value w,
                         int64_t registers, RegisterFn body);

/// Four bytes of an i32 in each lane of a register.
mlir::Value broadcastBytes(Emitter &e, mlir::Value x);

/// Bytes of -128 .. 127 from those of 0 .. 255, less by 128.
mlir::Value lessBy128(Emitter &e, mlir::Value bytes);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_AARCH64_REGISTERS_H
