//===- FloatKernel.cpp - Products with bf16 and f32 weights ---------------===//

#include "targets/Common/Kernels/FloatKernel.h"

#include "targets/Common/Kernels/TileSums.h"

#include "runtime/abi/packed_layout.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kVectorBytes = 64;

class FloatKernel {
public:
  FloatKernel(Emitter &e, const VectorIsa &isa, const MicroKernelShape &shape,
              ValueRange arguments)
      : e(e), isa(isa), shape(shape), w(arguments[0]), x(arguments[1]),
        y(arguments[2]), yStride(arguments[3]), tileSums(e, isa, shape),
        lanes(tileSums.lanes), parts(tileSums.parts),
        tileBytes(gemcut_tile_bytes(toAbi(shape.format), shape.columns)) {}

  void build() { shape.format == Format::F32 ? buildF32() : buildBf16(); }

private:
  using Values = Emitter::Values;

  Emitter &e;
  const VectorIsa &isa;
  const MicroKernelShape &shape;
  Value w, x, y, yStride;
  TileSums tileSums;
  int64_t lanes, parts; ///< as in TileSums
  int64_t tileBytes;

  /// Fetches what is ahead of a line that is about to be loaded.
  void prefetch(Value line) {
    if (shape.fetchAhead)
      e.prefetchStream(line, isa.getStreamAhead());
  }

  /// Runs `body(offset in units, unit index inside the step)` over `count`
  /// units, `unroll` at a time, the rest unrolled; accumulators are carried.
  Values
  forUnits(int64_t count, int64_t unroll, Values carried,
           llvm::function_ref<void(Value unit, int64_t sub, Values &)> body) {
    int64_t full = count / unroll * unroll;
    if (full)
      carried = e.loop(e.i64(0), e.i64(full), unroll, carried,
                       [&](Value unit, ValueRange values) {
                         Values sums(values);
                         for (int64_t sub = 0; sub < unroll; ++sub)
                           body(unit, sub, sums);
                         return sums;
                       });
    Value rest = e.i64(full);
    for (int64_t sub = 0; sub < count - full; ++sub)
      body(rest, sub, carried);
    return carried;
  }

  Value inputLanes(Value unit, int64_t unitColumns, int64_t sub, int64_t m,
                   int64_t column) {
    Value base = e.at(x, e.mul(unit, 4 * unitColumns));
    int64_t offset = m * shape.inputRowBytes + 4 * (sub * unitColumns + column);
    return e.broadcast(e.loadF32(e.at(base, offset)), lanes);
  }

  /// Independent chains per output, so that few rows still fill the FMA units.
  int64_t chains() const {
    int64_t outputs = tileSums.count() * isa.getLevel().getRegisters(lanes);
    return outputs >= 8 ? 1 : outputs >= 4 ? 2 : 4;
  }

  void sumChains(Values &sums) {
    int64_t outputs = tileSums.count();
    for (int64_t chain = 1; chain < chains(); ++chain)
      for (int64_t i = 0; i < outputs; ++i)
        sums[i] = e.add(sums[i], sums[chain * outputs + i]);
    sums.resize(outputs);
  }

  Value &chainSum(Values &sums, int64_t step, int64_t index) {
    return sums[step % chains() * tileSums.count() + index];
  }

  void buildBf16() {
    int64_t pairs = shape.columns / 2;
    Values sums = forUnits(pairs, 4, tileSums.zeros(chains()),
                           [&](Value pair, int64_t sub, Values &carried) {
                             addBf16Pair(carried, pair, sub, /*both=*/true);
                           });
    if (shape.columns % 2)
      addBf16Pair(sums, e.i64(pairs), 0, /*both=*/false);
    sumChains(sums);
    tileSums.store(sums, y, yStride);
  }

  void addBf16Pair(Values &sums, Value pair, int64_t sub, bool both) {
    Value weights = e.at(w, e.mul(pair, kVectorBytes));
    for (int64_t t = 0; t < shape.tiles; ++t) {
      Value line = e.at(weights, t * tileBytes + sub * kVectorBytes);
      prefetch(line);
      for (int64_t p = 0; p < parts; ++p) {
        Value words = e.load(e.vecType(e.i32Type(), lanes),
                             e.at(line, tileSums.partOffset(p, 4)), 4 * lanes);
        Value even = e.lowBf16ToF32(words), odd = e.highBf16ToF32(words);
        for (int64_t m = 0; m < shape.rows; ++m) {
          Value &first = chainSum(sums, 2 * sub, tileSums.index(m, t, p));
          first = e.fma(even, inputLanes(pair, 2, sub, m, 0), first);
          if (!both)
            continue;
          Value &second = chainSum(sums, 2 * sub + 1, tileSums.index(m, t, p));
          second = e.fma(odd, inputLanes(pair, 2, sub, m, 1), second);
        }
      }
    }
  }

  void buildF32() {
    Values sums = forUnits(
        shape.columns, 4, tileSums.zeros(chains()),
        [&](Value column, int64_t sub, Values &carried) {
          Value weights = e.at(w, e.mul(column, kVectorBytes));
          for (int64_t t = 0; t < shape.tiles; ++t) {
            Value line = e.at(weights, t * tileBytes + sub * kVectorBytes);
            prefetch(line);
            for (int64_t p = 0; p < parts; ++p) {
              Value values = e.loadVec(e.at(line, tileSums.partOffset(p, 4)),
                                       lanes, 4 * lanes);
              for (int64_t m = 0; m < shape.rows; ++m) {
                Value &sum = chainSum(carried, sub, tileSums.index(m, t, p));
                sum = e.fma(values, inputLanes(column, 1, sub, m, 0), sum);
              }
            }
          }
        });
    sumChains(sums);
    tileSums.store(sums, y, yStride);
  }
};

} // namespace

void gemcut::targets::buildFloatKernel(Emitter &e, const VectorIsa &isa,
                                       const MicroKernelShape &shape,
                                       ValueRange arguments) {
  FloatKernel(e, isa, shape, arguments).build();
}
