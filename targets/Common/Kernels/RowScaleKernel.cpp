//===- RowScaleKernel.cpp - Products under one scale per row --------------===//
//
// Layouts: runtime/abi/packed_layout.h. Activations are the unsigned operand of
// the dot products, so weights keep their sign, and what the shift of 128 adds
// is a constant of the row that starts the sums.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/RowScaleKernel.h"

#include "targets/Common/Kernels/RowScaleParts.h"
#include "targets/Common/Kernels/SignedRow.h"
#include "targets/Common/Kernels/TileKernel.h"

#include "runtime/abi/packed_layout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

class RowScaleKernel {
public:
  RowScaleKernel(Emitter &e, const VectorIsa &isa,
                 const MicroKernelShape &shape, ValueRange arguments)
      : e(e), isa(isa), shape(shape), w(arguments[0]), x(arguments[1]),
        y(arguments[2]), yStride(arguments[3]),
        next(shape.nextLines ? arguments[4] : Value()),
        ahead(shape.asksAhead    ? arguments.back()
              : shape.fetchAhead ? e.i64(isa.getStreamAhead())
                                 : Value()),
        bits(gemcut_row_format_bits(toAbi(shape.format))),
        shift(isa.getFieldShift(bits)),
        tileBytes(gemcut_tile_bytes(toAbi(shape.format), shape.columns)),
        lanes(isa.getLevel().productLanes), parts(kLanes / lanes) {}

  void build() {
    if (shape.fetchAhead)
      fetchBehindHeaders(e, isa, shape, w);
    Emitter::Values sums =
        e.loop(e.i64(0), e.i64(blocksOf(shape.columns)), 1, startSums(),
               [&](Value block, ValueRange carried) {
                 Emitter::Values sums(carried);
                 addBlock(sums, block);
                 return sums;
               });
    int64_t outputs = sumCount();
    for (int64_t i = outputs; i < int64_t(sums.size()); ++i)
      sums[i % outputs] = e.add(sums[i % outputs], sums[i]);
    sums.resize(outputs);
    RowScaleResults(e, shape, w, tileBytes, shift, lanes, x, y, yStride)
        .store(sums);
  }

private:
  Emitter &e;
  const VectorIsa &isa;
  const MicroKernelShape &shape;
  Value w, x, y, yStride, next;
  Value ahead; ///< as in MicroKernel
  int64_t bits, shift, tileBytes;
  /// Steps work on `lanes` of the 16 rows of a tile, one of its `parts`.
  int64_t lanes, parts;

  int64_t sumCount() const { return shape.rows * shape.tiles * parts; }

  int64_t blockBytes() const {
    return kBlockColumns * GEMCUT_TILE_ROWS * bits / 8;
  }

  /// Independent sums of an output: dot products take four cycles, and two can
  /// start in each. Sums in words take one.
  int64_t chains() const {
    if (isa.getLevel().wordRows)
      return 1;
    int64_t outputs = sumCount() * isa.getLevel().getRegisters(lanes);
    return outputs >= 8 ? 1 : outputs >= 4 ? 2 : 4;
  }

  Emitter::Values startSums() {
    Emitter::Values sums;
    for (int64_t m = 0; m < shape.rows && isa.runNeedsCorrection(); ++m)
      for (int64_t t = 0; t < shape.tiles; ++t)
        for (int64_t p = 0; p < parts; ++p) {
          Value correction = e.load(
              e.vecType(e.i32Type(), lanes),
              e.at(w, t * tileBytes + kCorrections + 4 * lanes * p), 4 * lanes);
          sums.push_back(shift ? e.shiftLeft(correction, shift) : correction);
        }
    sums.resize(sumCount() * chains(), e.splatI32(0, lanes));
    return sums;
  }

  void addBlock(Emitter::Values &sums, Value block) {
    Value weights = e.at(e.at(w, kHeaderBytes), e.mul(block, blockBytes()));
    Value inputs = e.at(x, e.mul(block, kBlockColumns));
    if (isa.getLevel().hasShortOffsets)
      for (Value *address : {&weights, &inputs})
        *address = e.opaque(*address);
    for (int64_t m = 0; m < shape.rows && shape.inputAhead; ++m)
      e.prefetch(e.at(inputs, m * shape.inputRowBytes + shape.inputAhead));
    if (shape.fetchAhead)
      ahead = aheadOfBlock(e, isa, shape, block);
    int64_t runs = kBlockColumns / kRunColumns;
    int64_t nextBytes = shape.nextLines * kVectorBytes;
    Value others = next ? e.at(next, e.mul(block, runs * nextBytes)) : next;
    for (int64_t run = 0; run < runs; ++run) {
      addRun(sums, weights, inputs, run);
      for (int64_t line = 0; line < shape.nextLines; ++line)
        e.prefetch(e.at(others, run * nextBytes + line * kVectorBytes));
    }
  }

  /// A part of a vector of weights of tile `tile`, and with the first one the
  /// line ahead of it on its way.
  Value loadPart(Value weights, int64_t tile, int64_t vector, int64_t part) {
    int64_t line = tile * tileBytes + kVectorBytes * vector;
    if (ahead && part == 0)
      e.prefetchFar(e.at(e.at(weights, ahead), line));
    return e.load(e.vecType(e.getBuilder().getI8Type(), 4 * lanes),
                  e.at(weights, line + 4 * lanes * part), 4 * lanes);
  }

  /// Four columns of an input row; see MicroKernel.
  Value inputBytes(Value inputs, int64_t m, int64_t column) {
    Value row = e.at(inputs, m * shape.inputRowBytes);
    if (!isa.getLevel().indexedRows)
      return e.loadI32(e.at(row, column));
    int64_t lane = column % kLanes / 4;
    return e.extract(isa.loadInputs(e, e.at(row, column - 4 * lane)), lane);
  }

  /// Adds a field of part `p` of the tiles, the run's step `step`.
  void addField(Emitter::Values &sums, ValueRange packed, Value inputs,
                Field field, int64_t step, int64_t p) {
    Emitter::Values quants;
    for (Value vector : packed)
      quants.push_back(isa.unpackField(e, vector, bits, field.field));
    int64_t chain = step % chains() * sumCount();
    for (int64_t m = 0; m < shape.rows; ++m) {
      Value input = inputBytes(inputs, m, field.column);
      for (int64_t t = 0; t < shape.tiles; ++t) {
        Value &sum = sums[chain + (m * shape.tiles + t) * parts + p];
        sum = isa.dotRun(e, sum, quants[t], input, bits);
      }
    }
  }

  void addRun(Emitter::Values &sums, Value weights, Value inputs, int64_t run) {
    Emitter::Values partial;
    for (Value sum : sums)
      partial.push_back(isa.startRun(e, sum, bits));
    SmallVector<Field> fields = fieldsOf(bits, run);
    int64_t perVector = 8 / bits;
    for (int64_t first = 0; first < int64_t(fields.size()); first += perVector)
      for (int64_t p = 0; p < parts; ++p) {
        // Loads stay next to their uses: accumulators leave few registers.
        e.keepOrder();
        Emitter::Values packed;
        for (int64_t t = 0; t < shape.tiles; ++t)
          packed.push_back(loadPart(weights, t, fields[first].vector, p));
        for (int64_t step = first; step < first + perVector; ++step)
          addField(partial, packed, inputs, fields[step], step, p);
      }
    for (auto [sum, part] : llvm::zip_equal(sums, partial))
      sum = isa.finishRun(e, sum, part, bits);
  }
};

//===----------------------------------------------------------------------===//
// Matrix registers
//===----------------------------------------------------------------------===//

/// Registers: sums, inputs and weights of full blocks, and sums and inputs of
/// the tail's. The next block's loads need not wait for a product.
constexpr int64_t kSums = 0, kInputs[2] = {1, 2}, kWeights[2] = {3, 4};
constexpr int64_t kTailSums = 5, kTailInputs[2] = {6, 7};
constexpr int64_t kPanelBlockBytes = kBlockColumns * GEMCUT_TILE_ROWS;

void unpackTile(Emitter &e, const VectorIsa &isa, Format format,
                int64_t columns, Value w, Value panel) {
  int64_t bits = gemcut_row_format_bits(toAbi(format));
  int64_t shift = isa.getFieldShift(bits);
  int64_t blockBytes = kBlockColumns * GEMCUT_TILE_ROWS * bits / 8;
  Type bytes = e.vecType(e.getBuilder().getI8Type(), kVectorBytes);
  for (int64_t part : {kScales, kCorrections, kOutputScales}) {
    Value lanes = e.load(e.vecType(e.i32Type()), e.at(w, part), 64);
    if (part == kCorrections && shift)
      lanes = e.shiftLeft(lanes, shift);
    e.store(lanes, e.at(panel, part), 64);
  }
  e.loop(e.i64(0), e.i64(blocksOf(columns)), 1, [&](Value block) {
    Value source = e.at(e.at(w, kHeaderBytes), e.mul(block, blockBytes));
    Value target =
        e.at(e.at(panel, kHeaderBytes), e.mul(block, kPanelBlockBytes));
    for (int64_t run = 0; run < kBlockColumns / kRunColumns; ++run)
      for (Field field : fieldsOf(bits, run)) {
        Value packed =
            e.load(bytes, e.at(source, kVectorBytes * field.vector), 64);
        e.store(isa.unpackField(e, packed, bits, field.field),
                e.at(target, field.column / 4 * kVectorBytes), 64);
      }
  });
}

void buildTileProduct(Emitter &e, const VectorIsa &isa,
                      const MicroKernelShape &shape, ValueRange arguments) {
  const TileIsa &tiles = *isa.getTiles();
  Value panel = arguments[0], x = arguments[1];
  bool tail = shape.rows == kTileTailRows;
  int64_t sums = tail ? kTailSums : kSums;
  const int64_t *inputs = tail ? kTailInputs : kInputs;
  Value dots = e.stack(shape.rows * kVectorBytes);
  auto addBlock = [&](Value block, int64_t buffer) {
    Value weights =
        e.at(e.at(panel, kHeaderBytes), e.mul(block, kPanelBlockBytes));
    tiles.load(e, inputs[buffer], e.at(x, e.mul(block, kBlockColumns)),
               shape.inputRowBytes);
    tiles.load(e, kWeights[buffer], weights, kVectorBytes);
    tiles.dotUint8(e, sums, inputs[buffer], kWeights[buffer]);
  };
  tiles.zero(e, sums);
  int64_t blocks = blocksOf(shape.columns);
  e.loop(e.i64(0), e.i64(blocks / 2 * 2), 2, [&](Value block) {
    addBlock(block, 0);
    addBlock(e.add(block, 1), 1);
  });
  if (blocks % 2)
    addBlock(e.i64(blocks - 1), 0);
  tiles.store(e, sums, dots, kVectorBytes);
  Value correction =
      e.load(e.vecType(e.i32Type()), e.at(panel, kCorrections), 64);
  Emitter::Values results;
  for (int64_t m = 0; m < shape.rows; ++m)
    results.push_back(
        e.add(e.load(e.vecType(e.i32Type()), e.at(dots, m * kVectorBytes), 64),
              correction));
  int64_t shift =
      isa.getFieldShift(gemcut_row_format_bits(toAbi(shape.format)));
  RowScaleResults(e, shape, panel, /*tileBytes=*/0, shift, kLanes, x,
                  arguments[2], arguments[3])
      .store(results);
}

func::FuncOp getPrivate(StageEmitter &e, const llvm::Twine &name,
                        int64_t pointers, bool stride,
                        function_ref<void(Emitter &, ValueRange)> fill) {
  SmallVector<Type> types(pointers, e.ptrType());
  if (stride)
    types.push_back(e.i64Type());
  func::FuncOp function = e.getOrCreateFunction(
      name.str(), e.getBuilder().getFunctionType(types, {}),
      [&](Emitter &body, ValueRange arguments) {
        fill(body, arguments);
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  // Shared by every stage of this shape; inlined copies would fill the cache.
  function->setAttr("passthrough",
                    e.getBuilder().getStrArrayAttr({"noinline"}));
  return function;
}

} // namespace

void gemcut::targets::buildRowScaleKernel(Emitter &e, const VectorIsa &isa,
                                          const MicroKernelShape &shape,
                                          ValueRange arguments) {
  if (shape.signedRow)
    buildSignedRowKernel(e, isa, shape, arguments);
  else
    RowScaleKernel(e, isa, shape, arguments).build();
}

int64_t gemcut::targets::rowScalePanelBytes(int64_t columns) {
  return kHeaderBytes + blocksOf(columns) * kPanelBlockBytes;
}

void gemcut::targets::configureRowScaleTiles(Emitter &e, const TileIsa &tiles) {
  TileShape shapes[8];
  shapes[kSums] = {kTileRows, kVectorBytes};
  shapes[kTailSums] = {kTileTailRows, kVectorBytes};
  for (int64_t buffer = 0; buffer < 2; ++buffer) {
    shapes[kInputs[buffer]] = {kTileRows, kBlockColumns};
    shapes[kTailInputs[buffer]] = {kTileTailRows, kBlockColumns};
    shapes[kWeights[buffer]] = {kBlockColumns / 4, kVectorBytes};
  }
  tiles.configure(e, shapes);
}

func::FuncOp gemcut::targets::getRowScaleUnpacker(StageEmitter &e,
                                                  Format format,
                                                  int64_t columns) {
  return getPrivate(
      e,
      "gemcut_unpack_" + stringifyFormat(format) + "_k" + llvm::Twine(columns),
      /*pointers=*/2, /*stride=*/false, [&](Emitter &body, ValueRange args) {
        unpackTile(body, e.getIsa(), format, columns, args[0], args[1]);
      });
}

func::FuncOp
gemcut::targets::getRowScaleTileKernel(StageEmitter &e,
                                       const MicroKernelShape &shape) {
  return getPrivate(
      e,
      "gemcut_tile_dot_" + stringifyFormat(shape.format) + "_k" +
          llvm::Twine(shape.columns) + "_m" + llvm::Twine(shape.rows),
      /*pointers=*/3, /*stride=*/true, [&](Emitter &body, ValueRange args) {
        buildTileProduct(body, e.getIsa(), shape, args);
      });
}
