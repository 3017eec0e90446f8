//===- SveIsa.cpp - Products in scalable registers ------------------------===//
//
// Vectors of a fixed number of lanes are the scalable ones that instructions
// take: in functions for one vector length, LLVM makes nothing of the casts.
//
//===----------------------------------------------------------------------===//

#include "targets/AArch64/SveIsa.h"

#include "targets/AArch64/Registers.h"
#include "targets/Common/Intrinsics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace gemcut::targets;

/// `lanes` elements for every 128 bits.
static VectorType scalableType(Type element, int64_t lanes) {
  return VectorType::get({lanes}, element, {true});
}

/// A vector that fills a register as the scalable type of its elements.
static Value toScalable(Emitter &e, Value vector) {
  Type element = cast<VectorType>(vector.getType()).getElementType();
  VectorType type =
      scalableType(element, 128 / int64_t(element.getIntOrFloatBitWidth()));
  Value poison =
      LLVM::PoisonOp::create(e.getBuilder(), e.getLoc(), type).getResult();
  return LLVM::vector_insert::create(e.getBuilder(), e.getLoc(), poison, vector,
                                     /*pos=*/0);
}

static Value toFixed(Emitter &e, Value scalable, Type type) {
  return LLVM::vector_extract::create(e.getBuilder(), e.getLoc(), type,
                                      scalable, /*pos=*/0);
}

/// Four bytes of inputs: a lane of the first 128 bits of a vector whose other
/// 128 bits repeat them.
static std::pair<Value, int64_t> findLane(Emitter &e, Value x, int64_t lanes) {
  if (auto extract = x.getDefiningOp<vector::ExtractOp>())
    if (lanesOf(extract.getSource()) == lanes)
      return {extract.getSource(), extract.getStaticPosition()[0]};
  return {e.broadcast(x, lanes), 0};
}

/// `name`: of an instruction that takes `w` and four bytes of a lane.
static Value dotByLane(Emitter &e, StringRef name, Value acc, Value w,
                       Value x) {
  auto [vector, lane] = findLane(e, x, lanesOf(acc));
  Value inputs = e.bitcast(vector, w.getType());
  Value sum =
      callIntrinsic(e, ("llvm.aarch64.sve." + name + ".lane.nxv4i32").str(),
                    scalableType(e.i32Type(), kRegisterLanes),
                    {toScalable(e, acc), toScalable(e, w),
                     toScalable(e, inputs), e.i32(int32_t(lane))});
  return toFixed(e, sum, acc.getType());
}

Value SveIsa::loadInputs(Emitter &e, Value address) const {
  VectorType mask = scalableType(e.getBuilder().getI1Type(), kRegisterLanes);
  Value all = arith::ConstantOp::create(e.getBuilder(), e.getLoc(),
                                        DenseElementsAttr::get(mask, true));
  Value repeated =
      callIntrinsic(e, "llvm.aarch64.sve.ld1rq.nxv4i32",
                    scalableType(e.i32Type(), kRegisterLanes), {all, address});
  return toFixed(e, repeated, e.vecType(e.i32Type(), getLevel().productLanes));
}

Value SveIsa::lowNibbles(Emitter &e, Value bytes) const {
  // An immediate mask would overwrite the bytes, of which the other nibbles are
  // needed, too.
  Value mask = e.opaque(toScalable(e, e.splatByte(0x0F, lanesOf(bytes))));
  return e.bitAnd(bytes, toFixed(e, mask, bytes.getType()));
}

Value SveIsa::dotSigned(Emitter &e, Value acc, Value w, Value x) const {
  return dotByLane(e, "sdot", acc, w, x);
}

Value SveIsa::dotUnsignedWeights(Emitter &e, Value acc, Value w,
                                 Value x) const {
  return dotByLane(e, "usdot", acc, w, x);
}

Value SveIsa::dotUnsignedInputs(Emitter &e, Value acc, Value w, Value x) const {
  return dotByLane(e, "sudot", acc, w, x);
}

Value SveIsa::dotPairs(Emitter &e, Value acc, Value x, Value w) const {
  Value sum = callIntrinsic(e, "llvm.aarch64.sve.smmla.nxv4i32",
                            scalableType(e.i32Type(), kRegisterLanes),
                            {toScalable(e, acc),
                             toScalable(e, e.bitcast(x, w.getType())),
                             toScalable(e, w)});
  return toFixed(e, sum, acc.getType());
}

std::pair<Value, Value> SveIsa::pairRows(Emitter &e, Value first,
                                         Value second) const {
  // As shuffles, those of equal lanes would be built in memory.
  Type i64 = e.i64Type();
  VectorType halves = e.vecType(i64, lanesOf(first) / 2);
  auto transpose = [&](StringRef name) {
    Value result = callIntrinsic(e, name, scalableType(i64, 2),
                                 {toScalable(e, e.bitcast(first, halves)),
                                  toScalable(e, e.bitcast(second, halves))});
    return e.bitcast(toFixed(e, result, halves), first.getType());
  };
  return {transpose("llvm.aarch64.sve.trn1.nxv2i64"),
          transpose("llvm.aarch64.sve.trn2.nxv2i64")};
}

SveLevelIsa::SveLevelIsa(const IsaLevel &level) : I8mmIsa(level) {
  for (int64_t vscale : {2, 4}) {
    IsaLevel form = level;
    form.vectorBits = 128 * vscale;
    form.productLanes = kRegisterLanes * vscale;
    // The fewer registers take a tile's sums, the more are left for inputs.
    form.indexedRows = 4;
    form.hasShortOffsets = true;
    isas.push_back(std::make_unique<SveIsa>(form));
    forms.push_back({vscale, isas.back().get()});
  }
}
