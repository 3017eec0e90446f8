//===- AmxTiles.h - AMX tile registers --------------------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_X86_AMXTILES_H
#define GEMCUT_TARGETS_X86_AMXTILES_H

#include "targets/Common/TileIsa.h"

namespace gemcut::targets {

/// AMX-TILE and AMX-INT8, palette 1: 8 registers of 16 rows of 64 bytes.
/// Source: Intel SDM volume 1 chapter 18.
class AmxTiles : public TileIsa {
public:
  void configure(Emitter &e, llvm::ArrayRef<TileShape> shapes) const override;
  void release(Emitter &e) const override;
  void zero(Emitter &e, int64_t tile) const override;
  void load(Emitter &e, int64_t tile, mlir::Value address,
            int64_t stride) const override;
  void store(Emitter &e, int64_t tile, mlir::Value address,
             int64_t stride) const override;
  void dotInt8(Emitter &e, int64_t c, int64_t a, int64_t b) const override;
  void dotUint8(Emitter &e, int64_t c, int64_t a, int64_t b) const override;
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_X86_AMXTILES_H
