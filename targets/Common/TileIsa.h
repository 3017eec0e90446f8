//===- TileIsa.h - Matrix registers of a level ------------------*- C++ -*-===//
//
// What a level with a matrix unit adds to its vectors: registers that hold up
// to 16 rows of 64 bytes, and the int8 product of two of them. Their shapes are
// set once per stage and thread.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_TILEISA_H
#define GEMCUT_TARGETS_COMMON_TILEISA_H

#include "targets/Common/Emitter.h"

#include "llvm/ADT/ArrayRef.h"

namespace gemcut::targets {

/// The part of a tile register that is in use.
struct TileShape {
  int64_t rows;     ///< at most 16
  int64_t rowBytes; ///< at most 64
};

class TileIsa {
public:
  virtual ~TileIsa() = default;

  /// Gives register i the shape `shapes[i]`, on the thread that executes this.
  /// At most 8 registers; they hold zeros afterwards.
  virtual void configure(Emitter &e,
                         llvm::ArrayRef<TileShape> shapes) const = 0;
  /// Ends the use of tile registers.
  virtual void release(Emitter &e) const = 0;

  virtual void zero(Emitter &e, int64_t tile) const = 0;
  /// Row r of the register from (to) `address` + r * `stride` (bytes, static).
  virtual void load(Emitter &e, int64_t tile, mlir::Value address,
                    int64_t stride) const = 0;
  virtual void store(Emitter &e, int64_t tile, mlir::Value address,
                     int64_t stride) const = 0;

  /// c[m][n] += sum_k sum_{j < 4} a[m][4k + j] * b[k][4n + j]: int32 sums of
  /// products of signed bytes. Shapes: a (M, 4K bytes), b (K, 4N bytes), c (M,
  /// 4N bytes).
  virtual void dotInt8(Emitter &e, int64_t c, int64_t a, int64_t b) const = 0;
  /// The same with unsigned bytes in `a`.
  virtual void dotUint8(Emitter &e, int64_t c, int64_t a, int64_t b) const = 0;
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_TILEISA_H
