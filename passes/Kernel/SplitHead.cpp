//===- SplitHead.cpp - Entry points of a two-stage head -------------------===//

#include "passes/Kernel/Passes.h"

#define DEBUG_TYPE "kernel-split-head"

namespace gemcut::kernel {
#define GEN_PASS_DEF_SPLITHEADPASS
#include "passes/Kernel/Passes.h.inc"
} // namespace gemcut::kernel

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

namespace {

struct SplitHead : kernel::impl::SplitHeadPassBase<SplitHead> {
  void runOnOperation() override {
    func::FuncOp decode;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      // Functions of layers are no entry points.
      auto entry = function->getAttrOfType<StringAttr>(kEntryAttr);
      if (entry && entry.getValue() == "decode")
        decode = function;
    }
    if (!decode) {
      getOperation().emitError("has no decode entry point, whose head a "
                               "two-stage head needs");
      return signalPassFailure();
    }
    GemvOp head = findHead(decode);
    if (failed(checkHead(decode, head)))
      return signalPassFailure();
    addRescore(decode, addBounds(decode, head), head);
  }

private:
  /// The product that writes the logits.
  static GemvOp findHead(func::FuncOp function) {
    GemvOp head;
    if (function.getNumArguments() == 3)
      for (auto gemv : function.getBody().front().getOps<GemvOp>())
        if (gemv.getOutput() == function.getArgument(2))
          head = gemv;
    return head;
  }

  static WeightAddressOp getAddress(GemvOp head) {
    return head.getWeight().getDefiningOp<WeightAddressOp>();
  }

  static LogicalResult checkHead(func::FuncOp decode, GemvOp head) {
    if (!head || !getAddress(head) || !head.getInput().getDefiningOp<AllocOp>())
      return decode.emitOpError("has no logits from one product of a packed "
                                "matrix, which a two-stage head needs");
    WeightType weight = head.getWeight().getType();
    if (weight.getFormat() != Format::Int8)
      return head.emitOpError()
             << "stores the head as " << stringifyFormat(weight.getFormat())
             << ", but a two-stage head needs int8; choose --quant int8 or a "
                "recipe that says so for the head";
    if (weight.getRows() % GEMCUT_TILE_ROWS)
      return head.emitOpError()
             << "has a vocabulary of " << weight.getRows()
             << " ids, but a two-stage head needs a multiple of "
             << GEMCUT_TILE_ROWS;
    if (getAddress(head).getWeights().size() != 1 ||
        !head.getScale().isExactlyValue(1.0) ||
        (head.getEpilogue() != Epilogue::None &&
         head.getEpilogue() != Epilogue::Softcap))
      return head.emitOpError("is more than a product and a cap, which is all "
                              "that a two-stage head can be");
    return success();
  }

  /// A public function like decode, called `name`.
  static func::FuncOp makeEntry(func::FuncOp decode, func::FuncOp entry,
                                StringRef name) {
    OpBuilder builder(decode);
    entry.setName(name);
    entry->setAttr(kEntryAttr, builder.getStringAttr(name));
    return entry;
  }

  func::FuncOp addBounds(func::FuncOp decode, GemvOp head) {
    WeightType type = head.getWeight().getType();
    auto exact = cast<FlatSymbolRefAttr>(getAddress(head).getWeights()[0]);
    auto packed = getOperation().lookupSymbol<PackedOp>(exact.getAttr());
    OpBuilder builder(decode);
    auto coarseType =
        WeightType::get(&getContext(), type.getRows(), type.getColumns(),
                        type.getFormat(), Layout::Coarse);
    std::string name = (exact.getValue() + ".coarse").str();
    builder.setInsertionPointAfter(packed);
    PackedOp coarse = packed.clone();
    coarse.setSymName(name);
    coarse.setTypeAttr(TypeAttr::get(coarseType));
    builder.insert(coarse);

    func::FuncOp bounds = makeEntry(decode, decode.clone(), "bounds");
    builder.setInsertionPointAfter(decode);
    builder.insert(bounds);
    GemvOp product = findHead(bounds);
    product.getInput().getDefiningOp()->setAttr(kKeptAttr,
                                                builder.getUnitAttr());
    builder.setInsertionPoint(product);
    Value address = WeightAddressOp::create(
        builder, product.getLoc(), coarseType,
        builder.getArrayAttr({FlatSymbolRefAttr::get(&getContext(), name)}));
    UpperBoundsOp::create(builder, product.getLoc(), product.getRows(),
                          product.getInput(), address, product.getOutput(),
                          product.getCapAttr(), PartitionAttr());
    WeightAddressOp unused = getAddress(product);
    product.erase();
    if (unused->use_empty())
      unused.erase();
    return bounds;
  }

  void addRescore(func::FuncOp decode, func::FuncOp bounds, GemvOp head) {
    WeightType type = head.getWeight().getType();
    OpBuilder builder(decode);
    builder.setInsertionPointAfter(bounds);
    auto tilesType =
        BufferType::get(&getContext(), type.getRows() / GEMCUT_TILE_ROWS, 1,
                        Element::I32, /*stride=*/0);
    auto entry = func::FuncOp::create(
        builder, head.getLoc(), "rescore",
        builder.getFunctionType(
            {builder.getI64Type(), tilesType, decode.getArgument(2).getType()},
            {}));
    makeEntry(decode, entry, "rescore");
    builder.setInsertionPointToStart(entry.addEntryBlock());
    auto input = AllocOp::create(builder, head.getLoc(),
                                 head.getInput().getType(), IntegerAttr());
    input->setAttr(kKeptAttr, builder.getUnitAttr());
    Operation *address = builder.clone(*getAddress(head));
    RescoreOp::create(builder, head.getLoc(), entry.getArgument(0),
                      entry.getArgument(1), input, address->getResult(0),
                      entry.getArgument(2), head.getCapAttr(), PartitionAttr());
    func::ReturnOp::create(builder, head.getLoc());
  }
};

} // namespace
