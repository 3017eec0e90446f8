//===- AttentionKernel.cpp - Query rows over one KV head ------------------===//
//
// Formula: gemma.attention. Cache layouts: runtime/abi/packed_layout.h.
//
// Keys are walked in blocks of 32, for each block the queries (heads of rows)
// in tiles. Softmax is online: sums are relative to the largest score so far
// and rescaled when it grows. Scores and exponentials of a tile's block stay in
// the first cache; no score matrix exists.
//
// One broadcast of a query element feeds two products, those of 16 keys each
// (of two vectors of V columns, for exponentials): with one, loads would limit
// the loop. K and V lie in the order in which they are used.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/AttentionKernel.h"

#include "targets/Common/Kernels/RowMath.h"

#include "runtime/abi/packed_layout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <limits>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kVectorBytes = 64;
constexpr int64_t kBlock = GEMCUT_KV_BLOCK;
/// A lone row's cache is fetched ahead where a line takes so many products
/// (bf16, Zen 4: with 8 heads 1.4 times as fast, with 4 slower), and where
/// narrow registers pass over it twice.
constexpr int64_t kLeastFetchingProducts = 8;
/// Scores of one query with the keys of a block.
constexpr int64_t kScoreBytes = 4 * kBlock;

bool isWide(const IsaLevel &level) { return level.vectorBits >= 512; }

class AttentionKernel {
public:
  /// `merge`: the function of `getAttentionMerge`, unless results are partial.
  AttentionKernel(Emitter &e, const VectorIsa &isa, const AttentionShape &shape,
                  func::FuncOp merge, ValueRange arguments)
      : e(e), isa(isa), shape(shape), merge(merge), heads(shape.heads),
        headDim(shape.headDim), format(shape.format),
        dotBf16(format == Format::BF16 && isa.getLevel().hasBf16Dot &&
                headDim % kLanes == 0),
        dotInt8(format == Format::Int8),
        tile(getQueryTile(isa.getLevel(), heads, shape.rows)),
        vectors(isWide(isa.getLevel()) ? 2 : 1),
        partialBytes(kernel::AttentionOp::getPartialBytes(headDim)),
        query(arguments[0]), keys(arguments[1]), values(arguments[2]),
        first(arguments[3]), position(arguments[4]), rows(arguments[5]),
        begin(arguments[6]), end(arguments[7]), output(arguments[8]),
        group(arguments[9]) {
    const IsaLevel &level = isa.getLevel();
    int64_t registersPerVector = kLanes * 32 / level.vectorBits;
    int64_t sums = tile * vectors * registersPerVector;
    bool isF32 = !dotBf16 && !dotInt8;
    chains = isF32 && 2 * sums <= level.registers / 2 ? 2 : 1;
    if (shape.rows > 1)
      fetch = Fetch::NextBlock;
    else if (vectors == 1 || tile * (isF32 ? 2 : 1) >= kLeastFetchingProducts)
      fetch = Fetch::Stream;
  }

  void build() {
    int64_t mostTiles = llvm::divideCeil(shape.rows * heads, tile);
    queries = e.stack(mostTiles * tile * queryBytes());
    partials = e.stack(mostTiles * tile * partialBytes);
    largest = e.stack(mostTiles * kVectorBytes);
    scores = e.stack(tile * kScoreBytes);
    probabilities = e.stack(tile * kScoreBytes);
    factors = e.stack(kVectorBytes);
    if (dotInt8) {
      queryScales = stackScales(mostTiles * tile);
      probabilityScales = stackScales(tile);
    }

    Value count = e.mul(rows, heads);
    Value tiles = e.ceilDiv(count, tile);
    packQueries(count, e.mul(tiles, tile));
    clearPartials(tiles);
    e.loop(begin, end, 1, [&](Value block) {
      Value offset = blockOffset(block), ahead = blockOffset(e.add(block, 1));
      e.loop(e.i64(0), tiles, 1, [&](Value index) {
        addBlock(index, e.mul(block, kBlock), offset, ahead);
      });
    });
    finish(count);
  }

private:
  using Values = Emitter::Values;

  Emitter &e;
  const VectorIsa &isa;
  const AttentionShape &shape;
  func::FuncOp merge;
  int64_t heads, headDim;
  Format format;
  bool dotBf16;    ///< products of bf16 pairs
  bool dotInt8;    ///< products of four bytes; if neither, of f32
  int64_t tile;    ///< queries of a register tile
  int64_t vectors; ///< of 16 keys or V columns, which share broadcasts
  int64_t partialBytes;
  int64_t chains; ///< independent sums per score
  /// What is fetched while a line is multiplied. The queries of several rows
  /// keep a block long enough for the same lines of V to arrive in L1 while K
  /// is multiplied, and then for the next block of K. A lone row waits for
  /// memory: its stream is fetched ahead into L2, or where a line takes few
  /// products left to the hardware, which then reads far ahead by itself.
  enum class Fetch { Nothing, Stream, NextBlock } fetch = Fetch::Nothing;
  Value query, keys, values, first, position, rows, begin, end, output, group;
  /// On the stack: (queries, D) packed and their partial results; per tile the
  /// largest scores; the scores and exponentials of a tile; its factors.
  Value queries, partials, largest, scores, probabilities, factors;
  /// For int8: what each quantized vector is multiplied by (f32), and what its
  /// dot products start from (i32).
  struct Scales {
    Value scales, biases;
  };
  Scales queryScales, probabilityScales;

  Scales stackScales(int64_t count) {
    int64_t bytes = gemcut_round_up(4 * count, kVectorBytes);
    return {e.stack(bytes), e.stack(bytes)};
  }

  int64_t elementBytes() const {
    return format == Format::F32 ? 4 : format == Format::BF16 ? 2 : 1;
  }
  int64_t blockBytes() const {
    return gemcut_kv_block_bytes(toAbi(format), headDim);
  }
  /// Bytes of a query element, and of an exponential.
  int64_t factorBytes() const { return dotInt8 ? 1 : dotBf16 ? 2 : 4; }
  int64_t queryBytes() const {
    return gemcut_round_up(headDim * factorBytes(), kVectorBytes);
  }
  /// Products go by steps of so many dimensions of K (positions of V), which
  /// take so many bytes of a block (of a whole group of its columns).
  int64_t stepElements() const { return dotInt8 ? 4 : 2; }
  int64_t stepBytes() const { return stepElements() * kBlock * elementBytes(); }

  /// The block's offset in the K and V regions, which have equal sizes.
  Value blockOffset(Value block) {
    return e.mul(e.rem(block, shape.capacity / kBlock), blockBytes());
  }

  Value partial(Value queryIndex) {
    return e.at(partials, e.mul(queryIndex, partialBytes));
  }

  /// The 16 partial sums of exponentials.
  Value totals(Value partial) {
    return e.at(partial, partialBytes - kVectorBytes);
  }

  //===--------------------------------------------------------------------===//
  // Before and after
  //===--------------------------------------------------------------------===//

  void packQueries(Value count, Value padded) {
    auto target = [&](Value index) {
      return e.at(queries, e.mul(index, queryBytes()));
    };
    int64_t bytes = factorBytes();
    e.loop(e.i64(0), count, 1, [&](Value index) {
      Value source =
          e.at(e.at(query, e.mul(e.div(index, heads), shape.queryRowBytes)),
               e.mul(e.rem(index, heads), 4 * headDim));
      if (dotInt8)
        return quantizeQuery(source, index, target(index));
      e.forColumns(headDim, [&](Value column, int64_t lanes) {
        Value x = loadColumns(e, source, column, lanes);
        if (dotBf16)
          x = e.convert(x, e.getBuilder().getBF16Type());
        e.store(x, e.at(target(index), e.mul(column, bytes)));
      });
    });
    e.loop(count, padded, 1, [&](Value index) {
      e.loop(e.i64(0), e.i64(queryBytes()), kVectorBytes, [&](Value offset) {
        e.store(e.splat(0.0f), e.at(target(index), offset), kVectorBytes);
      });
    });
  }

  void quantizeQuery(Value source, Value index, Value target) {
    Int8Scale scale = int8Scale(e, largestMagnitude(e, source, headDim));
    Value sum = e.forColumns(
        headDim, {e.splatI32(0)},
        [&](Value column, int64_t lanes, ValueRange carried) -> Values {
          Value ints = quantizeLanes(e, loadColumns(e, source, column, lanes),
                                     scale.inverse);
          e.store(e.convert(ints, e.getBuilder().getI8Type()),
                  e.at(target, column), kLanes);
          return {e.add(carried[0], ints)};
        })[0];
    storeScale(queryScales, e.mul(index, 4), scale.scale, e.reduceAdd(sum));
  }

  /// `sum`: of the quantized vector's elements.
  void storeScale(Scales target, Value offset, Value scale, Value sum) {
    bool corrected = isa.int8NeedsCorrection();
    e.store(scale, e.at(target.scales, offset));
    e.store(corrected ? e.mul(sum, e.i32(-128)) : e.i32(0),
            e.at(target.biases, offset));
  }

  void clearPartials(Value tiles) {
    e.loop(e.i64(0), tiles, 1, [&](Value index) {
      e.store(e.splat(kLowestScore), e.at(largest, e.mul(index, kVectorBytes)),
              kVectorBytes);
    });
    e.loop(e.i64(0), e.mul(tiles, tile * partialBytes), kVectorBytes,
           [&](Value offset) {
             e.store(e.splat(0.0f), e.at(partials, offset), kVectorBytes);
           });
  }

  void finish(Value count) {
    e.loop(e.i64(0), count, 1, [&](Value index) {
      Value stats = totals(partial(index));
      Value total = e.reduceAdd(e.loadVec(stats, kLanes, kVectorBytes));
      Value most =
          e.loadF32(e.at(largest, e.add(e.mul(e.div(index, tile), kVectorBytes),
                                        e.mul(e.rem(index, tile), 4))));
      e.store(total, stats);
      e.store(most, e.at(stats, 4));
      write(index);
    });
  }

  void write(Value index) {
    Value row = e.at(output, e.mul(e.div(index, heads), shape.outputRowBytes));
    Value head = e.rem(index, heads), source = partial(index);
    if (shape.partial) {
      Value target = e.at(row, e.mul(head, partialBytes));
      e.forColumns(partialBytes / 4, [&](Value column, int64_t lanes) {
        storeColumns(e, loadColumns(e, source, column, lanes), target, column);
      });
      return;
    }
    Value target = shape.q8Columns ? row : e.at(row, e.mul(head, 4 * headDim));
    Value first = e.add(group, e.mul(head, headDim / GEMCUT_GROUP));
    func::CallOp::create(e.getBuilder(), e.getLoc(), merge,
                         ValueRange{source, e.i64(1), e.i64(0), target, first});
  }

  //===--------------------------------------------------------------------===//
  // One block of keys for one tile
  //===--------------------------------------------------------------------===//

  Value rowOf(Value queryIndex) {
    return e.min(e.div(queryIndex, heads), e.sub(rows, 1));
  }
  Value lastOf(Value row) { return e.add(position, row); }
  Value firstOf(Value row) {
    if (!shape.window)
      return first;
    return e.max(first, e.sub(lastOf(row), shape.window - 1));
  }

  /// Adds the keys from position `start`, those at `offset` of their region, to
  /// tile `index`. The next block's lie at `ahead`.
  void addBlock(Value index, Value start, Value offset, Value ahead) {
    Value head = e.mul(index, tile);
    Value top = rowOf(head), bottom = rowOf(e.add(head, tile - 1));
    Value stop = e.add(start, kBlock - 1);
    Value seen = e.bitAnd(e.lessEqual(start, lastOf(bottom)),
                          e.lessEqual(firstOf(top), stop));
    e.ifThen(seen, [&] {
      dotKeys(head, offset);
      Value whole = e.bitAnd(e.lessEqual(firstOf(bottom), start),
                             e.lessEqual(stop, lastOf(top)));
      e.ifElse(whole, [] {}, [&] { hide(head, start); });
      Value most = e.at(largest, e.mul(index, kVectorBytes));
      Value tilePartials = partial(head);
      raiseLargest(most, tilePartials);
      exponentiate(most, tilePartials,
                   e.at(e.at(values, offset), kBlock * headDim));
      addValues(tilePartials, offset, ahead);
    });
  }

  /// f32 lanes of the two parts of a line of bf16 pairs; for f32, of two lines
  /// `lineBytes` apart.
  std::pair<Value, Value> loadPair(Value line, int64_t lineBytes, int64_t lanes,
                                   int64_t alignment) {
    if (format == Format::F32)
      return {e.loadVec(line, lanes, alignment),
              e.loadVec(e.at(line, lineBytes), lanes, alignment)};
    Value words = e.load(e.vecType(e.i32Type(), lanes), line, alignment);
    return {e.lowBf16ToF32(words), e.highBf16ToF32(words)};
  }

  /// Fetches a step of what follows `stream`, the lines that are multiplied,
  /// or of `next`, the next block's.
  void fetchStep(Value stream, Value next, Value step) {
    Value base = fetch == Fetch::NextBlock ? next : stream;
    Value address = e.at(base, e.mul(step, stepBytes()));
    for (int64_t line = 0; line < stepBytes(); line += kVectorBytes)
      if (fetch == Fetch::NextBlock)
        e.prefetch(e.at(address, line));
      else if (fetch == Fetch::Stream)
        e.prefetchStream(e.at(address, line), isa.getCacheAhead());
  }

  /// sums[i * count + v] += step of vector v of `line` times that of factor i,
  /// for `count` adjacent vectors of `lanes` each. Factors are `stride` apart.
  void addProducts(Values &sums, Value line, int64_t lineBytes,
                   ArrayRef<int64_t> lanes, Value factor, int64_t stride) {
    int64_t count = lanes.size(), sets = sums.size() / (tile * count);
    bool aligned = llvm::all_of(lanes, [](int64_t n) { return n == kLanes; });
    int64_t alignment = aligned ? kVectorBytes : 4;
    if (dotBf16 || dotInt8) {
      Type type = dotBf16 ? e.vecType(e.i32Type())
                          : e.vecType(e.getBuilder().getI8Type(), 4 * kLanes);
      Values words;
      for (int64_t v = 0; v < count; ++v)
        words.push_back(e.load(type, e.at(line, v * kVectorBytes), alignment));
      for (int64_t i = 0; i < tile; ++i) {
        Value word = e.loadI32(e.at(factor, i * stride));
        for (int64_t v = 0; v < count; ++v) {
          Value &sum = sums[i * count + v];
          sum = dotBf16 ? isa.dotBf16(e, sum, words[v], word)
                        : isa.dotInt8(e, sum, words[v], word);
        }
      }
      return;
    }
    SmallVector<std::pair<Value, Value>> parts;
    for (int64_t v = 0; v < count; ++v)
      parts.push_back(loadPair(e.at(line, v * kVectorBytes), lineBytes,
                               lanes[v], alignment));
    for (int64_t i = 0; i < tile; ++i)
      for (int64_t part = 0; part < 2; ++part) {
        Value x = e.loadF32(e.at(factor, i * stride + 4 * part));
        for (int64_t v = 0; v < count; ++v) {
          Value &sum = sums[(part % sets * tile + i) * count + v];
          sum = e.fma(part ? parts[v].second : parts[v].first,
                      e.broadcast(x, lanes[v]), sum);
        }
      }
  }

  //===--------------------------------------------------------------------===//
  // Scores
  //===--------------------------------------------------------------------===//

  Value scoreAt(int64_t i, int64_t vector) {
    return e.at(scores, i * kScoreBytes + vector * kVectorBytes);
  }

  /// Vectors that `vectors` dot products of each factor start from; factor i's
  /// bias is at `biases`.
  Values zeroDots(int64_t sets, Value biases, int64_t vectors) {
    if (!dotInt8)
      return Values(sets * tile * vectors, e.splat(0.0f));
    Values sums;
    for (int64_t i = 0; i < tile; ++i)
      sums.append(vectors, e.broadcast(e.loadI32(e.at(biases, 4 * i))));
    return sums;
  }

  /// Stores the scores of the tile's queries, of which `head` is the first,
  /// with a block's keys.
  void dotKeys(Value head, Value offset) {
    Value packed = e.at(queries, e.mul(head, queryBytes()));
    Value blockKeys = e.at(keys, offset), blockValues = e.at(values, offset);
    Value scales, biases;
    if (dotInt8) {
      scales = e.at(queryScales.scales, e.mul(head, 4));
      biases = e.at(queryScales.biases, e.mul(head, 4));
    }
    SmallVector<int64_t> lanes(vectors, kLanes);
    for (int64_t v = 0; v < kBlock / kLanes; v += vectors) {
      Values dots = e.loop(
          e.i64(0), e.i64(headDim / stepElements()), 1,
          zeroDots(chains, biases, vectors),
          [&](Value step, ValueRange carried) {
            Values sums(carried);
            Value at = e.mul(step, stepBytes());
            if (v == 0)
              fetchStep(blockKeys, blockValues, step);
            addProducts(
                sums, e.at(e.at(blockKeys, at), v * kVectorBytes),
                /*lineBytes=*/4 * kBlock, lanes,
                e.at(packed, e.mul(step, stepElements() * factorBytes())),
                queryBytes());
            return sums;
          });
      int64_t count = tile * vectors;
      for (int64_t i = 0; i < count; ++i) {
        int64_t vector = v + i % vectors;
        Value dot = chains == 2 ? e.add(dots[i], dots[count + i]) : dots[i];
        if (dotInt8) {
          Value keyScales = e.loadVec(
              e.at(blockKeys, kBlock * headDim + vector * kVectorBytes), kLanes,
              kVectorBytes);
          Value scale = e.broadcast(e.loadF32(e.at(scales, i / vectors * 4)));
          dot = e.mul(e.toF32(dot), e.mul(keyScales, scale));
        }
        e.store(dot, scoreAt(i / vectors, vector), kVectorBytes);
      }
    }
  }

  /// Gives the keys that a query of the tile does not see the score -inf.
  void hide(Value head, Value start) {
    Value hidden = e.splat(-std::numeric_limits<float>::infinity());
    e.loop(e.i64(0), e.i64(tile), 1, [&](Value i) {
      Value row = rowOf(e.add(head, i));
      auto relative = [&](Value seen) {
        // Distances beyond the block are alike; clamping makes them fit i32.
        Value distance =
            e.max(e.min(e.sub(seen, start), e.i64(kBlock)), e.i64(-1));
        return e.broadcast(e.convert(distance, e.i32Type()));
      };
      Value low = relative(firstOf(row)), high = relative(lastOf(row));
      Value lane = e.iota();
      for (int64_t v = 0; v < kBlock / kLanes; ++v) {
        Value at = e.at(e.at(scores, e.mul(i, kScoreBytes)), v * kVectorBytes);
        Value mask = e.bitAnd(e.lessEqual(low, lane), e.lessEqual(lane, high));
        e.store(e.select(mask, e.loadVec(at, kLanes, kVectorBytes), hidden), at,
                kVectorBytes);
        lane = e.add(lane, e.splatI32(kLanes));
      }
    });
  }

  //===--------------------------------------------------------------------===//
  // Softmax
  //===--------------------------------------------------------------------===//

  /// The largest lane of vector i in lane i of the result.
  Value largestOfEach(Values each) {
    each.resize(llvm::PowerOf2Ceil(each.size()), each.front());
    // Every round halves the lanes that belong to one vector.
    for (int64_t width = kLanes / 2; width; width /= 2) {
      Values next;
      for (size_t i = 0; i < std::max<size_t>(each.size() / 2, 1); ++i) {
        Value a = each.size() == 1 ? each[0] : each[2 * i];
        Value b = each.size() == 1 ? each[0] : each[2 * i + 1];
        SmallVector<int64_t> low, high;
        for (int64_t lane = 0; lane < 2 * kLanes; lane += 2 * width)
          for (int64_t j = 0; j < width; ++j) {
            low.push_back(lane + j);
            high.push_back(lane + width + j);
          }
        next.push_back(e.max(e.shuffle(a, b, low), e.shuffle(a, b, high)));
      }
      each = std::move(next);
    }
    return each.front();
  }

  void raiseLargest(Value most, Value tilePartials) {
    Values candidates;
    for (int64_t i = 0; i < tile; ++i)
      candidates.push_back(
          e.max(e.loadVec(scoreAt(i, 0), kLanes, kVectorBytes),
                e.loadVec(scoreAt(i, 1), kLanes, kVectorBytes)));
    Value candidate = largestOfEach(candidates);
    Value before = e.loadVec(most, kLanes, kVectorBytes);
    e.ifThen(e.any(e.less(before, candidate)), [&] {
      Value after = e.max(before, candidate);
      e.store(after, most, kVectorBytes);
      e.store(e.exp(e.sub(before, after)), factors, kVectorBytes);
      e.loop(e.i64(0), e.i64(tile), 1, [&](Value i) {
        Value factor = e.loadF32(e.at(factors, e.mul(i, 4)));
        Value sums = e.at(tilePartials, e.mul(i, partialBytes));
        e.ifThen(e.less(factor, e.f32(1.0f)), [&] {
          e.forColumns(partialBytes / 4, [&](Value column, int64_t lanes) {
            storeColumns(e,
                         e.mul(loadColumns(e, sums, column, lanes),
                               e.broadcast(factor, lanes)),
                         sums, column);
          });
        });
      });
    });
  }

  /// `valueScales`: those of the block's values, for int8.
  void exponentiate(Value most, Value tilePartials, Value valueScales) {
    for (int64_t i = 0; i < tile; ++i) {
      Value base = e.broadcast(e.loadF32(e.at(most, 4 * i)));
      Value total = totals(e.at(tilePartials, i * partialBytes));
      Value sum = e.loadVec(total, kLanes, kVectorBytes);
      Values terms;
      for (int64_t v = 0; v < kBlock / kLanes; ++v) {
        Value p =
            e.exp(e.sub(e.loadVec(scoreAt(i, v), kLanes, kVectorBytes), base));
        sum = e.add(sum, p);
        terms.push_back(p);
      }
      e.store(sum, total, kVectorBytes);
      if (dotInt8)
        quantizeTerms(i, terms, valueScales);
      for (int64_t v = 0; v < kBlock / kLanes; ++v) {
        Value p = terms[v];
        if (dotBf16)
          p = e.convert(p, e.getBuilder().getBF16Type());
        e.store(p,
                e.at(probabilities, factorBytes() * (i * kBlock + v * kLanes)),
                kLanes * factorBytes());
      }
    }
  }

  /// Multiplies query i's exponentials by the scales of the values and rounds
  /// them to 0 .. 127 of a common scale.
  void quantizeTerms(int64_t i, Values &terms, Value valueScales) {
    for (int64_t v = 0; v < kBlock / kLanes; ++v)
      terms[v] = e.mul(terms[v], e.loadVec(e.at(valueScales, v * kVectorBytes),
                                           kLanes, kVectorBytes));
    Int8Scale scale = int8Scale(e, e.reduceMax(e.max(terms[0], terms[1])));
    Value sum = e.splatI32(0);
    for (Value &term : terms) {
      Value ints = quantizeLanes(e, term, scale.inverse);
      sum = e.add(sum, ints);
      term = e.convert(ints, e.getBuilder().getI8Type());
    }
    storeScale(probabilityScales, e.i64(4 * i), scale.scale, e.reduceAdd(sum));
  }

  //===--------------------------------------------------------------------===//
  // Weighted values
  //===--------------------------------------------------------------------===//

  void addValues(Value tilePartials, Value offset, Value ahead) {
    Value blockValues = e.at(values, offset), nextKeys = e.at(keys, ahead);
    SmallVector<int64_t> lanes(vectors, kLanes);
    int64_t groups = headDim / kBlock, rest = headDim % kBlock;
    int64_t groupBytes = kBlock * kBlock * elementBytes();
    e.loop(e.i64(0), e.i64(groups), 1, [&](Value group) {
      Value at = e.mul(group, groupBytes);
      for (int64_t v = 0; v < kBlock / kLanes; v += vectors)
        addColumns(e.add(e.mul(group, kBlock), v * kLanes), lanes,
                   e.at(e.at(blockValues, at), v * kVectorBytes),
                   /*lineBytes=*/4 * kBlock,
                   v == 0 ? e.at(nextKeys, at) : Value(), tilePartials);
    });
    int64_t lineBytes = rest * 4;
    for (int64_t v = 0; v * kLanes < rest; ++v)
      addColumns(e.i64(groups * kBlock + v * kLanes),
                 {std::min(kLanes, rest - v * kLanes)},
                 e.at(blockValues, groups * groupBytes + v * kVectorBytes),
                 lineBytes, /*nextKeys=*/Value(), tilePartials);
  }

  /// Adds columns `column` ... of V, whose lines (of one position in f32, of
  /// two in bf16, of four in int8) begin at `lines`, times the exponentials.
  void addColumns(Value column, ArrayRef<int64_t> lanes, Value lines,
                  int64_t lineBytes, Value nextKeys, Value tilePartials) {
    int64_t count = lanes.size();
    auto sumAt = [&](int64_t i, int64_t v) {
      return e.at(e.at(tilePartials, e.mul(column, 4)),
                  i * partialBytes + v * kVectorBytes);
    };
    // Integer products are added when they are complete.
    Values before;
    for (int64_t i = 0; i < tile && !dotInt8; ++i)
      for (int64_t v = 0; v < count; ++v)
        before.push_back(e.loadVec(sumAt(i, v), lanes[v]));
    int64_t stride = format == Format::F32 ? 2 * lineBytes : lineBytes;
    Values sums = e.loop(
        e.i64(0), e.i64(kBlock / stepElements()), 1,
        dotInt8 ? zeroDots(1, probabilityScales.biases, count) : before,
        [&](Value step, ValueRange carried) {
          Values sums(carried);
          if (nextKeys)
            fetchStep(lines, nextKeys, step);
          addProducts(
              sums, e.at(lines, e.mul(step, stride)), lineBytes, lanes,
              e.at(probabilities, e.mul(step, stepElements() * factorBytes())),
              kBlock * factorBytes());
          return sums;
        });
    for (int64_t i = 0; i < tile; ++i)
      for (int64_t v = 0; v < count; ++v) {
        Value sum = sums[i * count + v], target = sumAt(i, v);
        if (dotInt8) {
          Value scale = e.loadF32(e.at(probabilityScales.scales, 4 * i));
          sum = e.fma(e.toF32(sum), e.broadcast(scale), e.loadVec(target));
        }
        e.store(sum, target);
      }
  }
};

} // namespace

int64_t gemcut::targets::getQueryTile(const IsaLevel &level, int64_t heads,
                                      int64_t rows) {
  // With two vectors of keys each: half of the registers.
  int64_t most = isWide(level) ? 8 : 4;
  if (heads < most)
    return heads * std::min(rows, most / heads);
  while (heads % most)
    --most;
  return most;
}

func::FuncOp gemcut::targets::getAttention(StageEmitter &e,
                                           const AttentionShape &shape) {
  std::string name =
      ("gemcut_attention_" + stringifyFormat(shape.format) + "_h" +
       llvm::Twine(shape.heads) + "_d" + llvm::Twine(shape.headDim) + "_w" +
       llvm::Twine(shape.window) + "_c" + llvm::Twine(shape.capacity) + "_r" +
       llvm::Twine(shape.rows) + "_q" + llvm::Twine(shape.queryRowBytes) +
       "_o" + llvm::Twine(shape.outputRowBytes) +
       (shape.partial ? "_partial" : "_g" + llvm::Twine(shape.q8Columns)))
          .str();
  func::FuncOp merge;
  if (!shape.partial)
    merge = getAttentionMerge(e, shape.headDim, shape.q8Columns);
  Type ptr = e.ptrType(), i64 = e.i64Type();
  FunctionType type = e.getBuilder().getFunctionType(
      {ptr, ptr, ptr, i64, i64, i64, i64, i64, ptr, i64}, {});
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        AttentionKernel(body, e.getIsa(), shape, merge, arguments).build();
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  forbidInlining(function);
  return function;
}
