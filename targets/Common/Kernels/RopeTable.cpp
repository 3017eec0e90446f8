//===- RopeTable.cpp - Cosines and sines of rotation angles ---------------===//
//
// Formula: gemma.rope_table. The angle is an f32 product by definition; its
// sine and cosine are computed in f64 and rounded once.
//
//===----------------------------------------------------------------------===//

#include "dialects/Gemma/GemmaOps.h"
#include "targets/Common/Kernels/RowMath.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

/// f64 lanes of a register of 16 f32 lanes.
static constexpr int64_t kF64Lanes = kLanes / 2;

/// Address of a constant array with the frequencies of `op`, made on first use
/// and shared by all tables of its shape.
static Value frequencyTable(StageEmitter &e, kernel::RopeTableOp op) {
  OpBuilder &builder = e.getBuilder();
  float theta = op.getTheta().convertToFloat();
  float factor = op.getFactor().convertToFloat();
  std::string name =
      ("gemcut_rope_frequencies_d" + llvm::Twine(op.getHeadDim()) + "_p" +
       llvm::Twine(op.getPairs()) + "_t" +
       llvm::Twine(llvm::bit_cast<uint32_t>(theta)) + "_f" +
       llvm::Twine(llvm::bit_cast<uint32_t>(factor)))
          .str();
  auto module =
      builder.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(name)) {
    SmallVector<float> values =
        gemma::ropeFrequencies(theta, op.getHeadDim(), op.getPairs(), factor);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    auto attribute = DenseElementsAttr::get(
        RankedTensorType::get({int64_t(values.size())}, e.f32Type()),
        ArrayRef<float>(values));
    LLVM::GlobalOp::create(
        builder, e.getLoc(),
        LLVM::LLVMArrayType::get(e.f32Type(), unsigned(values.size())),
        /*isConstant=*/true, LLVM::Linkage::Private, name, attribute,
        /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(builder, e.getLoc(), e.ptrType(), name);
}

void gemcut::targets::buildRopeTable(StageEmitter &e, kernel::RopeTableOp op) {
  int64_t pairs = op.getPairs();
  Value frequencies = frequencyTable(e, op);
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    Value position =
        e.loadI32(e.at(e.rowAddress(op.getPositions(), row), /*bytes=*/4));
    Value cosines = e.rowAddress(op.getOutput(), row);
    Value sines = e.at(cosines, 4 * pairs);
    auto rotate = [&](Value pair, int64_t lanes) {
      Value f = loadColumns(e, frequencies, pair, lanes);
      Value angle = e.mul(e.broadcast(e.toF32(position), lanes), f);
      auto [sine, cosine] =
          e.sinCos(e.convert(angle, e.getBuilder().getF64Type()));
      storeColumns(e, e.toF32(cosine), cosines, pair);
      storeColumns(e, e.toF32(sine), sines, pair);
    };
    int64_t full = pairs / kF64Lanes * kF64Lanes;
    e.loop(e.i64(0), e.i64(full), kF64Lanes,
           [&](Value pair) { rotate(pair, kF64Lanes); });
    if (pairs > full)
      rotate(e.i64(full), pairs - full);
  });
}
