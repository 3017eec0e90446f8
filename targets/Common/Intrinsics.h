//===- Intrinsics.h - Calls of LLVM's intrinsics ----------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_INTRINSICS_H
#define GEMCUT_TARGETS_COMMON_INTRINSICS_H

#include "targets/Common/Emitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace gemcut::targets {

inline mlir::Value callIntrinsic(Emitter &e, llvm::StringRef name,
                                 mlir::Type result,
                                 mlir::ValueRange arguments) {
  mlir::OpBuilder &builder = e.getBuilder();
  return mlir::LLVM::CallIntrinsicOp::create(builder, e.getLoc(), result,
                                             builder.getStringAttr(name),
                                             arguments)
      .getResult(0);
}

/// An intrinsic without a result.
inline void callIntrinsic(Emitter &e, llvm::StringRef name,
                          mlir::ValueRange arguments) {
  mlir::OpBuilder &builder = e.getBuilder();
  mlir::LLVM::CallIntrinsicOp::create(builder, e.getLoc(),
                                      builder.getStringAttr(name), arguments);
}

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_INTRINSICS_H
