//===- MicroKernel.cpp - Register blocks of a product ---------------------===//
//
// Layouts: runtime/abi/packed_layout.h. All offsets are static, so a block has
// one base register per stream.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/MicroKernel.h"

#include "runtime/abi/packed_layout.h"
#include "targets/Common/Kernels/FloatKernel.h"
#include "targets/Common/Kernels/RowScaleKernel.h"
#include "targets/Common/Kernels/TileSums.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kVectorBytes = 64;
constexpr int64_t kLineGroups = kVectorBytes / GEMCUT_GROUP;
constexpr int32_t kOneBits = 127 << 23; ///< of 1.0f

/// Products with weights in groups of 32 columns: int4, q4_0 and int8.
class GroupKernel {
public:
  GroupKernel(Emitter &e, const VectorIsa &isa, const MicroKernelShape &shape,
              ValueRange arguments)
      : e(e), isa(isa), shape(shape), w(arguments[0]), x(arguments[1]),
        y(arguments[2]), yStride(arguments[3]),
        next(shape.nextLines ? arguments[4] : Value()),
        ahead(shape.asksAhead    ? arguments.back()
              : shape.fetchAhead ? e.i64(getStreamAhead())
                                 : Value()),
        tileBytes(gemcut_tile_bytes(toAbi(shape.format), shape.columns)),
        layout(gemcut_block_of(toAbi(shape.format))), tileSums(e, isa, shape),
        lanes(tileSums.lanes), parts(tileSums.parts) {}

  void build() {
    int64_t groups = shape.columns / GEMCUT_GROUP;
    int64_t blocks = groups / layout.groups;
    Values sums = e.loop(e.i64(0), e.i64(blocks), 1, tileSums.zeros(),
                         [&](Value block, ValueRange carried) {
                           Values sums(carried);
                           addBlock(sums, block, layout.groups);
                           return sums;
                         });
    if (int64_t rest = groups % layout.groups) {
      addBlock(sums, e.i64(blocks), rest);
      fetchPadding(blocks, rest);
    }
    if (shape.format == Format::Int4)
      scaleRows(sums);
    tileSums.store(sums, y, yStride);
  }

private:
  using Values = Emitter::Values;

  Emitter &e;
  const VectorIsa &isa;
  const MicroKernelShape &shape;
  Value w, x, y, yStride, next;
  Value ahead; ///< how far ahead of a line to fetch; null: nothing is
  int64_t tileBytes;
  gemcut_block layout; ///< of formats with groups
  TileSums tileSums;
  int64_t lanes, parts; ///< as in TileSums

  int64_t getStreamAhead() const {
    return shape.tiles > 1 ? isa.getTileStreamAhead() : isa.getStreamAhead();
  }

  /// Fetches what is ahead of the line at `base` + `offset`, which is about to
  /// be loaded: fetching several at once would stall the loads behind them.
  void prefetch(Value base, int64_t offset = 0) {
    if (ahead)
      e.prefetchFar(e.at(e.at(base, ahead), offset));
  }

  /// `ahead` of a block of several tiles, each of which is a stream: at their
  /// end it leads past the other tiles to the next ones.
  Value aheadOfBlock(Value block) {
    int64_t own = getStreamAhead();
    Value from = e.mul(block, gemcut_block_bytes(layout));
    Value isInside =
        e.lessEqual(from, e.i64(tileBytes - 1 - layout.header_bytes - own));
    return e.select(isInside, e.i64(own),
                    e.i64(own + (shape.tiles - 1) * tileBytes));
  }

  /// Fetches of every row the line that is ahead of `quants` + `offset`.
  void fetchInputs(Value quants, int64_t offset) {
    for (int64_t m = 0; m < shape.rows && shape.inputAhead; ++m)
      e.prefetch(
          e.at(quants, m * shape.inputRowBytes + offset + shape.inputAhead));
  }

  /// Fetches the lines of a tile behind the `groups` groups of its last block.
  /// Nobody reads them, but tiles are a stream: the hardware's prefetching
  /// halts at gaps (57 instead of 96 % of a plain read with 704 columns, Zen
  /// 4). Where they came with a block ahead, what is ahead of them follows.
  void fetchPadding(int64_t block, int64_t groups) {
    int64_t bytes = gemcut_block_bytes(layout);
    for (int64_t t = 0; t < shape.tiles; ++t)
      for (int64_t offset = quantsOffset(groups); offset < bytes;
           offset += kVectorBytes) {
        Value line = e.at(w, t * tileBytes + layout.header_bytes +
                                 block * bytes + offset);
        shape.tiles > 1 && ahead ? prefetch(line) : e.prefetch(line);
      }
  }

  /// Adds the first `groups` groups of a block of columns.
  void addBlock(Values &sums, Value block, int64_t groups) {
    int64_t bytes = gemcut_block_bytes(layout);
    Value weights = e.at(e.at(w, layout.header_bytes), e.mul(block, bytes));
    Value quants = e.at(x, e.mul(block, layout.groups * GEMCUT_GROUP));
    Value perGroup = e.at(x, e.mul(block, layout.groups * 4));
    int64_t nextBytes = shape.nextLines * kVectorBytes;
    if (isa.getLevel().hasShortOffsets)
      for (Value *address : {&weights, &quants, &perGroup})
        *address = e.opaque(*address);
    Value others =
        next ? e.at(next, e.mul(block, layout.groups * nextBytes)) : next;
    if (shape.tiles > 1 && ahead)
      ahead = aheadOfBlock(block);
    for (int64_t t = 0; t < shape.tiles; ++t)
      prefetch(weights, t * tileBytes);
    auto add = [&](Value scales, Value ahead, int64_t group) {
      addGroup(sums, weights, scales, quants, perGroup, group);
      for (int64_t line = 0; line < shape.nextLines; ++line)
        e.prefetch(e.at(ahead, group * nextBytes + line * kVectorBytes));
    };
    int64_t least = isa.getLevel().groupLoopsFrom;
    bool rolled = least && groups > 1 && shape.rows * shape.tiles >= least;
    if (!rolled) {
      for (int64_t group = 0; group < groups; ++group) {
        if (group % kLineGroups == 0)
          fetchInputs(quants, group * GEMCUT_GROUP);
        add(weights, others, group);
      }
      return;
    }
    for (int64_t group = 0; group < groups; group += kLineGroups)
      fetchInputs(quants, group * GEMCUT_GROUP);
    Value block0 = weights, quants0 = quants, perGroup0 = perGroup;
    sums = e.loop(e.i64(0), e.i64(groups), 1, sums,
                  [&](Value group, ValueRange carried) {
                    sums = Values(carried);
                    weights = e.at(block0, e.mul(group, layout.quant_bytes));
                    quants = e.at(quants0, e.mul(group, GEMCUT_GROUP));
                    perGroup = e.at(perGroup0, e.mul(group, 4));
                    add(e.at(block0, e.mul(group, layout.scale_bytes)),
                        next ? e.at(others, e.mul(group, nextBytes)) : next,
                        /*group=*/0);
                    return sums;
                  });
  }

  /// sums += scales * (int32 dot products of one group of 32 columns).
  void addGroup(Values &sums, Value weights, Value blockScales, Value quants,
                Value perGroup, int64_t group) {
    Values dots = isNibbles(shape.format)
                      ? dotGroupNibbles(weights, quants, perGroup, group)
                      : dotGroupInt8(weights, quants, perGroup, group);
    int64_t scales = gemcut_q8_scales_offset(shape.columns) + 4 * group;
    for (int64_t t = 0; t < shape.tiles; ++t)
      for (int64_t p = 0; p < parts; ++p) {
        Value bits = emitScaleBits(
            e, shape.format,
            e.at(blockScales, t * tileBytes + layout.scale_bytes * group +
                                  layout.scale_bytes / parts * p),
            lanes);
        for (int64_t m = 0; m < shape.rows; ++m) {
          // Input scales are powers of two: adding exponents multiplies.
          Value inputScale = e.broadcast(
              e.loadI32(e.at(perGroup, m * shape.inputRowBytes + scales)),
              lanes);
          Value product =
              e.bitcast(e.add(bits, inputScale), e.vecType(e.f32Type(), lanes));
          Value &sum = sums[tileSums.index(m, t, p)];
          sum = e.fma(e.toF32(dots[tileSums.index(m, t, p)]), product, sum);
        }
      }
  }

  /// Multiplies by the scales of rows, which lead a tile.
  void scaleRows(Values &sums) {
    for (int64_t t = 0; t < shape.tiles; ++t)
      for (int64_t p = 0; p < parts; ++p) {
        Value scales =
            e.loadVec(e.at(w, t * tileBytes + tileSums.partOffset(p, 4)), lanes,
                      4 * lanes);
        for (int64_t m = 0; m < shape.rows; ++m)
          sums[tileSums.index(m, t, p)] =
              e.mul(sums[tileSums.index(m, t, p)], scales);
      }
  }

  Value correction(Value perGroup, int64_t m, int64_t group) {
    int64_t offset = gemcut_q8_corrections_offset(shape.columns) + 4 * group;
    return e.loadI32(e.at(perGroup, m * shape.inputRowBytes + offset));
  }

  int64_t quantsOffset(int64_t group) const {
    return GEMCUT_BLOCK_SCALE_BYTES + layout.quant_bytes * group;
  }

  /// Four columns of an input row. Where dot products take them from a lane,
  /// `loaded` keeps vectors of 16 columns of the rows.
  Value inputBytes(Value quants, int64_t m, int64_t column, Values &loaded) {
    Value row = e.at(quants, m * shape.inputRowBytes);
    if (!isa.getLevel().indexedRows)
      return e.loadI32(e.at(row, column));
    loaded.resize(std::max<size_t>(loaded.size(), shape.rows));
    int64_t lane = column % kLanes / 4;
    if (lane == 0)
      loaded[m] = isa.loadInputs(e, e.at(row, column));
    return e.extract(loaded[m], lane);
  }

  Values dotGroupNibbles(Value weights, Value quants, Value perGroup,
                         int64_t group) {
    // A single row has no other work to hide the latency of a chain of eight
    // products, so it gets one chain per nibble.
    bool twoChains =
        shape.rows * shape.tiles == 1 && isa.getLevel().nibbleChains == 2;
    Values dots, high, loaded[2];
    for (int64_t m = 0; m < shape.rows; ++m)
      dots.append(shape.tiles * parts,
                  isa.startNibbles(e, correction(perGroup, m, group), lanes));
    if (twoChains)
      high.append(parts, isa.startNibbles(e, e.i32(0), lanes));
    // Where registers lack for inputs of both halves, weights are loaded twice.
    int64_t indexed = isa.getLevel().indexedRows;
    bool apart = indexed && shape.rows > indexed;
    for (int64_t pass = 0; pass < (apart ? 2 : 1); ++pass) {
      if (pass)
        e.keepOrder();
      for (int64_t v = 0; v < 4; ++v) {
        Values inputs[2];
        for (int64_t p = 0; p < parts; ++p) {
          Values bytes = loadWeights(weights, quantsOffset(group), v, p,
                                     /*again=*/pass == 1);
          for (int64_t isHigh = pass; isHigh < (apart ? pass + 1 : 2);
               ++isHigh) {
            Values nibbles;
            for (Value pairs : bytes)
              nibbles.push_back(nibblesOf(pairs, isHigh));
            for (int64_t m = 0; m < shape.rows; ++m) {
              if (p == 0)
                inputs[isHigh].push_back(
                    inputBytes(quants, m, 32 * group + 16 * isHigh + 4 * v,
                               loaded[isHigh]));
              for (int64_t t = 0; t < shape.tiles; ++t) {
                Value &dot = twoChains && isHigh
                                 ? high[p]
                                 : dots[tileSums.index(m, t, p)];
                dot = isa.dotNibbles(e, dot, nibbles[t], inputs[isHigh][m]);
              }
            }
          }
        }
      }
    }
    for (int64_t p = 0; p < int64_t(high.size()); ++p)
      dots[p] = e.add(dots[p], high[p]);
    for (int64_t m = 0; m < shape.rows; ++m)
      for (int64_t i = tileSums.index(m, 0, 0); i < tileSums.index(m + 1, 0, 0);
           ++i)
        dots[i] = isa.finishNibbles(e, dots[i], correction(perGroup, m, group));
    return dots;
  }

  /// The low or high nibbles of bytes, as bytes.
  Value nibblesOf(Value bytes, bool high) {
    return high ? e.shiftRight(bytes, 4) : isa.lowNibbles(e, bytes);
  }

  /// A part of vector `v` behind `offset` of every tile; lines ahead are on
  /// their way if it is loaded `again`.
  Values loadWeights(Value weights, int64_t offset, int64_t v, int64_t part,
                     bool again = false) {
    Type type = e.vecType(e.getBuilder().getI8Type(), 4 * lanes);
    Values vectors;
    // Loads between two distant prefetches would gather behind the first.
    if (next && part == 0 && !again)
      e.keepOrder();
    for (int64_t t = 0; t < shape.tiles; ++t) {
      int64_t line = t * tileBytes + offset + kVectorBytes * v;
      if (part == 0 && !again)
        prefetch(weights, line);
      vectors.push_back(e.load(
          type, e.at(weights, line + tileSums.partOffset(part, 4)), 4 * lanes));
    }
    return vectors;
  }

  Values dotGroupInt8(Value weights, Value quants, Value perGroup,
                      int64_t group) {
    Values dots, loaded;
    for (int64_t m = 0; m < shape.rows; ++m) {
      // The stored correction is -8 sum(x); int8 weights are shifted by 128.
      Value start =
          isa.int8NeedsCorrection()
              ? e.broadcast(e.shiftLeft(correction(perGroup, m, group), 4),
                            lanes)
              : e.splatI32(0, lanes);
      dots.append(shape.tiles * parts, start);
    }
    for (int64_t v = 0; v < 8; ++v) {
      Values inputs;
      for (int64_t p = 0; p < parts; ++p) {
        Values bytes = loadWeights(weights, quantsOffset(group), v, p);
        for (int64_t m = 0; m < shape.rows; ++m) {
          if (p == 0)
            inputs.push_back(inputBytes(quants, m, 32 * group + 4 * v, loaded));
          for (int64_t t = 0; t < shape.tiles; ++t) {
            Value &dot = dots[tileSums.index(m, t, p)];
            dot = isa.dotInt8(e, dot, bytes[t], inputs[m]);
          }
        }
      }
    }
    return dots;
  }
};

} // namespace

Value gemcut::targets::emitScaleCodeBits(Emitter &e, Value codes) {
  // The sign goes to bit 31, exponent and mantissa to bits 19 .. 25.
  Value wide = e.shiftLeft(e.convert(codes, e.i32Type()), 19);
  constexpr int32_t kMask = int32_t(0x83F80000);
  auto vector = dyn_cast<VectorType>(wide.getType());
  return e.bitAnd(wide, vector ? e.splatI32(kMask, vector.getNumElements())
                               : e.i32(kMask));
}

Value gemcut::targets::emitScaleBits(Emitter &e, Format format, Value scales,
                                     int64_t lanes) {
  if (format == Format::Int4)
    return emitScaleCodeBits(
        e, e.load(e.vecType(e.getBuilder().getI8Type(), lanes), scales, lanes));
  Value halves =
      e.load(e.vecType(e.getBuilder().getF16Type(), lanes), scales, 2 * lanes);
  return e.sub(e.bitcast(e.toF32(halves), e.vecType(e.i32Type(), lanes)),
               e.splatI32(kOneBits, lanes));
}

int64_t gemcut::targets::nextBytes(const MicroKernelShape &shape) {
  return shape.columns / GEMCUT_GROUP * shape.nextLines * kVectorBytes;
}

/// The kernel with the instructions of `isa`, as getScaledKernel asks for it.
static func::FuncOp getKernelForm(StageEmitter &e, StringRef name,
                                  FunctionType type, const VectorIsa &isa,
                                  const MicroKernelShape &shape,
                                  int64_t vscale) {
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        if (hasRowScales(shape.format))
          buildRowScaleKernel(body, isa, shape, arguments);
        else if (isQuantized(shape.format))
          GroupKernel(body, isa, shape, arguments).build();
        else
          buildFloatKernel(body, isa, shape, arguments);
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  // Shared by every stage of this shape; inlined copies would fill the cache.
  forbidInlining(function, /*keepOrder=*/true, vscale);
  return function;
}

func::FuncOp gemcut::targets::getMicroKernel(StageEmitter &e,
                                             const MicroKernelShape &shape) {
  std::string name =
      ("gemcut_dot_" + stringifyFormat(shape.format) + "_k" +
       llvm::Twine(shape.columns) + "_m" + llvm::Twine(shape.rows) + "n" +
       llvm::Twine(shape.tiles) + (shape.signedRow ? "_signed" : "") +
       (shape.inputAhead ? "_inputs" : "") +
       (shape.fetchAhead ? "_stream" : "") + (shape.asksAhead ? "_ahead" : "") +
       (shape.nextLines ? "_next" + llvm::Twine(shape.nextLines) : ""))
          .str();
  SmallVector<Type> arguments = {e.ptrType(), e.ptrType(), e.ptrType(),
                                 e.i64Type()};
  if (shape.nextLines)
    arguments.push_back(e.ptrType());
  if (shape.asksAhead)
    arguments.push_back(e.i64Type());
  FunctionType type = e.getBuilder().getFunctionType(arguments, {});
  return getScaledKernel(
      e, name, type,
      [&](StringRef formName, const VectorIsa &isa, int64_t vscale) {
        return getKernelForm(e, formName, type, isa, shape, vscale);
      });
}
