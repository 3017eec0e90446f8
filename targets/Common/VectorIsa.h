//===- VectorIsa.h - What differs between levels ----------------*- C++ -*-===//
//
// Everything that kernel builders cannot say in vector arithmetic: integer and
// bf16 dot products, and the operand forms that feed them. Shapes are those of
// 16 lanes; where level.productLanes is less, vectors of so many lanes may come
// as well, and bytes in proportion.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_VECTORISA_H
#define GEMCUT_TARGETS_COMMON_VECTORISA_H

#include "targets/Common/Emitter.h"
#include "targets/Common/Target.h"
#include "targets/Common/TileIsa.h"

namespace gemcut::targets {

class VectorIsa {
public:
  explicit VectorIsa(const IsaLevel &level) : level(level) {}
  virtual ~VectorIsa() = default;

  const IsaLevel &getLevel() const { return level; }

  /// Instructions for CPUs whose scalable registers have `vscale` times 128
  /// bits, which is known at run time only.
  struct ScaledForm {
    int64_t vscale;
    const VectorIsa *isa;
  };
  /// The forms that products have beside the one of this level.
  virtual llvm::ArrayRef<ScaledForm> getScaledForms() const { return {}; }

  /// Where level.indexedRows: the 16 columns of an input row at `address`. Lane
  /// i < 4 holds columns 4i .. 4i+3; others repeat them. Products take an `x`
  /// that is a lane of it as it is.
  virtual mlir::Value loadInputs(Emitter &e, mlir::Value address) const {
    return e.load(e.vecType(e.i32Type(), 4), address, 16);
  }

  /// The low nibbles of bytes, as bytes.
  virtual mlir::Value lowNibbles(Emitter &e, mlir::Value bytes) const {
    auto type = mlir::cast<mlir::VectorType>(bytes.getType());
    return e.bitAnd(bytes, e.splatByte(0x0F, type.getNumElements()));
  }

  /// How far ahead a product of a stream of weights fetches its inputs, where
  /// the weights between two uses push them out of L1; 0: it does not.
  virtual int64_t getInputAhead() const { return 0; }
  /// How far ahead of its use a stream from memory is fetched, in bytes; of a
  /// size that addresses of prefetches take.
  virtual int64_t getStreamAhead() const { return 4608; }
  /// The same of a KV cache. Levels that agree share the code of attention.
  virtual int64_t getCacheAhead() const { return getStreamAhead(); }
  /// The same where tiles are read together, each a stream.
  virtual int64_t getTileStreamAhead() const { return getStreamAhead(); }

  /// Sums of nibbles over one group of 32 columns: what starts them, one step
  /// of four columns, and their end. The steps of a group may be shared out to
  /// several sums, all but one started with 0, and the sums added.
  ///
  /// The first sum of `lanes` lanes, i32 by default, for the group's correction
  /// (i32).
  virtual mlir::Value startNibbles(Emitter &e, mlir::Value correction,
                                   int64_t lanes) const {
    return e.broadcast(correction, lanes);
  }
  /// acc[r] + sum_j w[4r + j] * x[j] for 16 lanes r and j < 4.
  /// `w`: vector<64xi8> of unsigned values up to 15; `x`: an i32 that holds
  /// four signed bytes x[0..3], not -128.
  virtual mlir::Value dotNibbles(Emitter &e, mlir::Value acc, mlir::Value w,
                                 mlir::Value x) const = 0;

  /// The sums as vector<16xi32>, `correction` included.
  virtual mlir::Value finishNibbles(Emitter &, mlir::Value acc,
                                    mlir::Value /*correction*/) const {
    return acc;
  }

  /// The same on vector<16xi32>, for unsigned values up to 127; x as above.
  virtual mlir::Value dotUnsigned(Emitter &e, mlir::Value acc, mlir::Value w,
                                  mlir::Value x) const = 0;

  /// Whether dotUnsigned takes values up to 255.
  virtual bool takesUnsignedBytes() const { return false; }

  /// Like dotUnsigned, for int8 weights stored as q + 128.
  /// Returns acc + sum q x + bias, where bias is 128 * sum x if
  /// `int8NeedsCorrection()` and 0 otherwise.
  virtual mlir::Value dotInt8(Emitter &e, mlir::Value acc, mlir::Value w,
                              mlir::Value x) const = 0;
  virtual bool int8NeedsCorrection() const = 0;

  /// Weights under one scale per row, of 2, 4 or 8 bits.
  ///
  /// The fields `index` of 64 bytes (bits `bits` * index and up, two's
  /// complement) as signed bytes, 2^getFieldShift(bits) times as large.
  virtual mlir::Value unpackField(Emitter &e, mlir::Value bytes, int64_t bits,
                                  int64_t index) const = 0;
  virtual int64_t getFieldShift(int64_t bits) const = 0;
  /// Whether sums of runs start from the row's corrections: 128 times the sum
  /// of its weights is missing otherwise. False: `dotRun` subtracts 128 of
  /// inputs.
  virtual bool runNeedsCorrection() const { return true; }
  /// A run of up to eight steps of four columns: what starts its sums, a step,
  /// and their end, which returns `acc` (vector<16xi32>) plus the run's sums.
  /// A step adds sum_j w[4r + j] * x[j] for 16 lanes r and j < 4. `w`: of
  /// unpackField; `x`: an i32 that holds four unsigned bytes.
  virtual mlir::Value startRun(Emitter &, mlir::Value acc,
                               int64_t /*bits*/) const {
    return acc;
  }
  virtual mlir::Value dotRun(Emitter &e, mlir::Value sum, mlir::Value w,
                             mlir::Value x, int64_t bits) const = 0;
  virtual mlir::Value finishRun(Emitter &, mlir::Value /*acc*/, mlir::Value sum,
                                int64_t /*bits*/) const {
    return sum;
  }

  /// acc[r] + w[2r] * x[0] + w[2r+1] * x[1] in bf16 pairs; `w`: vector<16xi32>
  /// of bf16 pairs, `x`: an i32 with two bf16. Only where level.hasBf16Dot.
  virtual mlir::Value dotBf16(Emitter &e, mlir::Value acc, mlir::Value w,
                              mlir::Value x) const = 0;

  /// Only where level.hasPairProducts, for vectors of level.productLanes lanes;
  /// in each 16 bytes, `x` and `w` hold two rows of 8 signed bytes, `acc` four
  /// sums: acc[2i + j] + sum_k x[i][k] * w[j][k].
  virtual mlir::Value dotPairs(Emitter &, mlir::Value /*acc*/,
                               mlir::Value /*x*/, mlir::Value /*w*/) const {
    llvm_unreachable("no products of pairs; check hasPairProducts");
  }
  /// Two rows of loadInputs as the operands `x` of dotPairs: their columns 0 ..
  /// 7 and 8 .. 15.
  virtual std::pair<mlir::Value, mlir::Value>
  pairRows(Emitter &e, mlir::Value first, mlir::Value second) const {
    auto type = mlir::cast<mlir::VectorType>(first.getType());
    llvm::SmallVector<int64_t> low, high;
    for (int64_t i = 0, lanes = type.getNumElements(); i < lanes; ++i) {
      low.push_back(i % 4 < 2 ? i : lanes + i - 2);
      high.push_back(i % 4 < 2 ? i + 2 : lanes + i);
    }
    return {e.shuffle(first, second, low), e.shuffle(first, second, high)};
  }

  /// Only where level.wordRows, for registers of vectorBits:
  ///
  /// Sums of two products of unsigned and signed bytes in each word; the sums
  /// must fit.
  virtual mlir::Value multiplyBytes(Emitter &, mlir::Value /*unsignedBytes*/,
                                    mlir::Value /*signedBytes*/) const {
    llvm_unreachable("no sums in words; check wordRows");
  }
  /// a + b, as a chain: LLVM would make trees of sums, whose parts need more
  /// registers than there are.
  virtual mlir::Value addInOrder(Emitter &, mlir::Value /*a*/,
                                 mlir::Value /*b*/) const {
    llvm_unreachable("no sums in words; check wordRows");
  }
  /// Sums of two products of words in each i32 lane.
  virtual mlir::Value multiplyWords(Emitter &, mlir::Value /*a*/,
                                    mlir::Value /*b*/) const {
    llvm_unreachable("no sums in words; check wordRows");
  }

  /// The level's matrix registers; null unless level.hasInt8Tiles.
  virtual const TileIsa *getTiles() const { return nullptr; }

private:
  IsaLevel level;
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_VECTORISA_H
