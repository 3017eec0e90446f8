//===- SveIsa.h - Products in scalable registers ----------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_AARCH64_SVEISA_H
#define GEMCUT_TARGETS_AARCH64_SVEISA_H

#include "targets/AArch64/DotProdIsa.h"

#include <memory>
#include <vector>

namespace gemcut::targets {

/// sdot, usdot and sudot of scalable registers whose length is known: they hold
/// level.productLanes rows of a tile, and vectors have that many lanes.
class SveIsa : public I8mmIsa {
public:
  using I8mmIsa::I8mmIsa;

  mlir::Value loadInputs(Emitter &e, mlir::Value address) const override;
  mlir::Value lowNibbles(Emitter &e, mlir::Value bytes) const override;
  mlir::Value dotPairs(Emitter &e, mlir::Value acc, mlir::Value x,
                       mlir::Value w) const override;
  std::pair<mlir::Value, mlir::Value>
  pairRows(Emitter &e, mlir::Value first, mlir::Value second) const override;

protected:
  mlir::Value dotSigned(Emitter &e, mlir::Value acc, mlir::Value w,
                        mlir::Value x) const override;
  mlir::Value dotUnsignedWeights(Emitter &e, mlir::Value acc, mlir::Value w,
                                 mlir::Value x) const override;
  mlir::Value dotUnsignedInputs(Emitter &e, mlir::Value acc, mlir::Value w,
                                mlir::Value x) const override;
};

/// The level sve: products in the forms for registers of 32 and 64 bytes;
/// where registers have another length, and in all other kernels, NEON.
class SveLevelIsa : public I8mmIsa {
public:
  explicit SveLevelIsa(const IsaLevel &level);

  llvm::ArrayRef<ScaledForm> getScaledForms() const override { return forms; }

private:
  std::vector<ScaledForm> forms;
  std::vector<std::unique_ptr<VectorIsa>> isas;
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_AARCH64_SVEISA_H
