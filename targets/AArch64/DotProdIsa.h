//===- DotProdIsa.h - Dot products of four bytes ----------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_AARCH64_DOTPRODISA_H
#define GEMCUT_TARGETS_AARCH64_DOTPRODISA_H

#include "targets/Common/VectorIsa.h"

namespace gemcut::targets {

/// sdot: products of signed bytes, four in each i32 lane.
class DotProdIsa : public VectorIsa {
public:
  using VectorIsa::VectorIsa;

  mlir::Value dotNibbles(Emitter &e, mlir::Value acc, mlir::Value w,
                         mlir::Value x) const override;
  mlir::Value dotUnsigned(Emitter &e, mlir::Value acc, mlir::Value w,
                          mlir::Value x) const override;
  mlir::Value dotInt8(Emitter &e, mlir::Value acc, mlir::Value w,
                      mlir::Value x) const override;
  bool int8NeedsCorrection() const override { return false; }
  /// Fields in the highest bits of their bytes: signed as they are, without
  /// more instructions, and 2^(8 - bits) times as large.
  mlir::Value unpackField(Emitter &e, mlir::Value bytes, int64_t bits,
                          int64_t index) const override;
  int64_t getFieldShift(int64_t bits) const override { return 8 - bits; }
  mlir::Value dotRun(Emitter &e, mlir::Value sum, mlir::Value w, mlir::Value x,
                     int64_t bits) const override;
  bool runNeedsCorrection() const override { return false; }
  mlir::Value dotBf16(Emitter &e, mlir::Value acc, mlir::Value w,
                      mlir::Value x) const override;

protected:
  /// acc and the products of signed weights and the signed bytes of `x` (i32).
  virtual mlir::Value dotSigned(Emitter &e, mlir::Value acc, mlir::Value w,
                                mlir::Value x) const;
};

/// usdot: products of unsigned and signed bytes; smmla: of two rows by two
/// columns; bfdot: of bf16 pairs.
class I8mmIsa : public DotProdIsa {
public:
  using DotProdIsa::DotProdIsa;

  mlir::Value dotInt8(Emitter &e, mlir::Value acc, mlir::Value w,
                      mlir::Value x) const override;
  bool int8NeedsCorrection() const override { return true; }
  mlir::Value dotRun(Emitter &e, mlir::Value sum, mlir::Value w, mlir::Value x,
                     int64_t bits) const override;
  bool runNeedsCorrection() const override { return true; }
  mlir::Value dotBf16(Emitter &e, mlir::Value acc, mlir::Value w,
                      mlir::Value x) const override;
  mlir::Value dotPairs(Emitter &e, mlir::Value acc, mlir::Value x,
                       mlir::Value w) const override;

protected:
  /// The same with unsigned weights, or with unsigned inputs.
  virtual mlir::Value dotUnsignedWeights(Emitter &e, mlir::Value acc,
                                         mlir::Value w, mlir::Value x) const;
  virtual mlir::Value dotUnsignedInputs(Emitter &e, mlir::Value acc,
                                        mlir::Value w, mlir::Value x) const;
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_AARCH64_DOTPRODISA_H
