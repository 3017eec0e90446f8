//===- LowerProgram.cpp - Kernel program -> functions on pointers ---------===//

#include "targets/Common/LowerProgram.h"

#include "runtime/abi/step.h"
#include "targets/Common/StageEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <cstddef>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

class ProgramLowering {
public:
  ProgramLowering(ModuleOp source, const VectorIsa &isa)
      : source(source), vectorIsa(isa),
        target(ModuleOp::create(source.getLoc())) {}

  FailureOr<OwningOpRef<ModuleOp>> run() {
    OpBuilder builder = OpBuilder::atBlockEnd(target->getBody());
    auto pointer = LLVM::LLVMPointerType::get(source.getContext());
    Type i64 = builder.getI64Type();
    auto declare = [&](StringRef name, TypeRange inputs, TypeRange results) {
      func::FuncOp::create(builder, source.getLoc(), name,
                           builder.getFunctionType(inputs, results))
          .setPrivate();
    };
    declare("gemcut_team_claim", {pointer, i64, i64}, {i64});
    declare("gemcut_team_barrier", {pointer, i64}, {});
    if (auto bytes =
            source->getAttrOfType<IntegerAttr>(kernel::kKvSlotBytesAttr))
      kvSlotBytes = bytes.getInt();
    for (auto function : source.getOps<func::FuncOp>())
      if (failed(lowerFunction(function)))
        return failure();
    return std::move(target);
  }

private:
  ModuleOp source;
  const VectorIsa &vectorIsa;
  OwningOpRef<ModuleOp> target;
  int64_t kvSlotBytes = 0;
  llvm::StringMap<std::string> stageFunctions; ///< by stageKey

  Type lowerType(Type type) {
    if (isa<kernel::BufferType, kernel::WeightType, kernel::CacheType>(type))
      return LLVM::LLVMPointerType::get(source.getContext());
    return type;
  }

  LogicalResult lowerFunction(func::FuncOp function) {
    auto entry = function->getAttrOfType<StringAttr>(kernel::kEntryAttr);
    OpBuilder builder = OpBuilder::atBlockEnd(target->getBody());
    auto pointer = LLVM::LLVMPointerType::get(source.getContext());
    SmallVector<Type> inputs{pointer};
    if (!entry)
      inputs.push_back(pointer);
    inputs.push_back(builder.getI64Type());
    if (!entry)
      for (Type type : function.getArgumentTypes())
        inputs.push_back(lowerType(type));
    std::string name =
        entry ? ("gemcut_" + entry.getValue() + "_" + levelName()).str()
              : function.getName().str();
    auto lowered = func::FuncOp::create(builder, function.getLoc(), name,
                                        builder.getFunctionType(inputs, {}));
    if (!entry)
      makeInternal(lowered);
    Block *block = lowered.addEntryBlock();
    builder.setInsertionPointToStart(block);

    Emitter emitter(builder, function.getLoc());
    FunctionContext context;
    context.step = block->getArgument(0);
    context.thread = block->getArgument(entry ? 1 : 2);
    context.arena = entry ? loadField(emitter, context.step,
                                      offsetof(gemcut_step, arena), pointer)
                          : block->getArgument(1);
    context.team =
        loadField(emitter, context.step, offsetof(gemcut_step, team), pointer);
    IRMapping mapping;
    if (entry) {
      if (function.getNumArguments() != 2 && function.getNumArguments() != 3)
        return function.emitOpError()
               << "is an entry point with " << function.getNumArguments()
               << " arguments, expected (rows, ids) or (rows, ids, logits)";
      mapping.map(function.getArgument(0),
                  loadField(emitter, context.step, offsetof(gemcut_step, rows),
                            builder.getI64Type()));
      mapping.map(function.getArgument(1),
                  loadField(emitter, context.step,
                            offsetof(gemcut_step, tokens), pointer));
      if (function.getNumArguments() == 3)
        mapping.map(function.getArgument(2),
                    loadField(emitter, context.step,
                              offsetof(gemcut_step, logits), pointer));
    } else {
      for (auto [index, argument] : llvm::enumerate(function.getArguments()))
        mapping.map(argument, block->getArgument(index + 3));
    }

    StageEmitter e(builder, function.getLoc(), vectorIsa, *target, context,
                   mapping, kvSlotBytes);
    for (Operation &op : function.getBody().front()) {
      e.setLoc(op.getLoc());
      if (failed(lowerOp(e, &op, mapping)))
        return failure();
    }
    return success();
  }

  StringRef levelName() const { return vectorIsa.getLevel().name; }

  static Value loadField(Emitter &e, Value step, size_t offset, Type type) {
    return e.load(type, e.at(step, int64_t(offset)), 8);
  }

  LogicalResult planned(Operation *op, IntegerAttr offset, StringRef pass) {
    if (offset)
      return success();
    return op->emitOpError() << "has no offset; run " << pass << " first";
  }

  /// Offset of a symbol op, which the plan has set.
  template <typename SymbolOp>
  FailureOr<int64_t> symbolOffset(Operation *user, FlatSymbolRefAttr name,
                                  StringRef pass) {
    auto symbol = source.lookupSymbol<SymbolOp>(name.getAttr());
    if (!symbol)
      return user->emitOpError() << "names unknown symbol " << name;
    if (failed(planned(symbol, symbol.getOffsetAttr(), pass)))
      return failure();
    return symbol.getOffsetAttr().getInt();
  }

  LogicalResult lowerOp(StageEmitter &e, Operation *op, IRMapping &mapping) {
    if (auto stage = dyn_cast<kernel::StageOpInterface>(op))
      return lowerStage(e, stage, mapping);
    return TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](func::ReturnOp) {
          func::ReturnOp::create(e.getBuilder(), op->getLoc());
          return success();
        })
        .Case([&](arith::ConstantOp constant) {
          e.getBuilder().clone(*op, mapping);
          return success();
        })
        .Case([&](func::CallOp call) { return lowerCall(e, call); })
        .Case([&](kernel::WeightAddressOp address) -> LogicalResult {
          auto first = cast<FlatSymbolRefAttr>(address.getWeights()[0]);
          FailureOr<int64_t> offset =
              symbolOffset<kernel::PackedOp>(op, first, "kernel-plan-weights");
          if (failed(offset))
            return failure();
          Value base = loadField(e, e.getContext().step,
                                 offsetof(gemcut_step, weights), e.ptrType());
          mapping.map(address.getResult(), e.at(base, *offset));
          return success();
        })
        .Case([&](kernel::CacheAddressOp address) -> LogicalResult {
          FailureOr<int64_t> offset = symbolOffset<kernel::CacheOp>(
              op, address.getCacheAttr(), "kernel-plan-kv");
          if (failed(offset))
            return failure();
          Value base = loadField(e, e.getContext().step,
                                 offsetof(gemcut_step, kv), e.ptrType());
          mapping.map(address.getResult(), e.at(base, *offset));
          return success();
        })
        .Case([&](kernel::AllocOp alloc) -> LogicalResult {
          if (failed(planned(op, alloc.getOffsetAttr(), "kernel-plan-buffers")))
            return failure();
          mapping.map(alloc.getResult(),
                      e.at(e.getContext().arena, int64_t(*alloc.getOffset())));
          return success();
        })
        .Case([&](kernel::ColumnsOp columns) {
          mapping.map(columns.getResult(),
                      e.at(mapping.lookup(columns.getInput()),
                           4 * int64_t(columns.getOffset())));
          return success();
        })
        .Case([&](kernel::LastRowOp last) {
          Value row = e.sub(mapping.lookup(last.getRows()), 1);
          mapping.map(last.getResult(), e.rowAddress(last.getInput(), row));
          return success();
        })
        .Case([&](kernel::CountRowsOp count) {
          lowerCountRows(e, count);
          return success();
        })
        .Default([&](Operation *) {
          return op->emitOpError("has no machine code on CPU targets");
        });
  }

  /// Calls the function of a stage with (step, frame, thread, operands).
  LogicalResult lowerStage(StageEmitter &e, kernel::StageOpInterface stage,
                           IRMapping &mapping) {
    if (!stage.getStagePartition())
      return stage->emitOpError(
          "has no partition; run kernel-partition-stages first");
    const FunctionContext &context = e.getContext();
    SmallVector<Value> arguments{context.step, context.arena, context.thread};
    for (Value operand : stage->getOperands())
      arguments.push_back(mapping.lookup(operand));
    std::string &name = stageFunctions[stageKey(stage)];
    if (name.empty()) {
      name = ("stage." + stage->getName().stripDialect() + "." +
              llvm::Twine(stageFunctions.size()))
                 .str();
      if (failed(buildStageFunction(stage, name, ValueRange(arguments))))
        return failure();
    }
    func::CallOp::create(e.getBuilder(), stage.getLoc(), TypeRange{}, name,
                         arguments);
    return success();
  }

  /// Equal for stages with equal code: the op's name, attributes and types, and
  /// which of its operands are the same value.
  static std::string stageKey(kernel::StageOpInterface stage) {
    std::string key;
    llvm::raw_string_ostream stream(key);
    stream << stage->getName() << stage->getAttrDictionary();
    ValueRange operands = stage->getOperands();
    for (Value operand : operands)
      stream << ' ' << llvm::find(operands, operand) - operands.begin() << ' '
             << operand.getType();
    return key;
  }

  LogicalResult buildStageFunction(kernel::StageOpInterface stage,
                                   StringRef name, ValueRange arguments) {
    OpBuilder builder = OpBuilder::atBlockEnd(target->getBody());
    auto function =
        func::FuncOp::create(builder, stage.getLoc(), name,
                             builder.getFunctionType(arguments.getTypes(), {}));
    makeInternal(function);
    forbidInlining(function); // linkers fold equal functions of two levels
    Block *block = function.addEntryBlock();
    builder.setInsertionPointToStart(block);
    FunctionContext context;
    context.step = block->getArgument(0);
    context.arena = block->getArgument(1);
    context.thread = block->getArgument(2);
    Emitter emitter(builder, stage.getLoc());
    context.team = loadField(emitter, context.step, offsetof(gemcut_step, team),
                             emitter.ptrType());
    IRMapping mapping;
    mapping.map(stage->getOperands(), block->getArguments().drop_front(3));
    StageEmitter e(builder, stage.getLoc(), vectorIsa, *target, context,
                   mapping, kvSlotBytes);
    if (failed(buildStage(e, stage)))
      return failure();
    func::ReturnOp::create(builder, stage.getLoc());
    return checkBarriers(stage, e.getBarrierCount());
  }

  LogicalResult buildStage(StageEmitter &e, Operation *stage) {
    return TypeSwitch<Operation *, LogicalResult>(stage)
        .Case([&](kernel::LoadRowsOp o) {
          return buildLoadRows(e, o), success();
        })
        .Case([&](kernel::GatherOp o) { return buildGather(e, o), success(); })
        .Case([&](kernel::RopeTableOp o) {
          return buildRopeTable(e, o), success();
        })
        .Case(
            [&](kernel::RmsNormOp o) { return buildRmsNorm(e, o), success(); })
        .Case([&](kernel::QuantizeOp o) {
          return buildQuantize(e, o), success();
        })
        .Case(
            [&](kernel::GeluMulOp o) { return buildGeluMul(e, o), success(); })
        .Case([&](kernel::AdaptOp o) { return buildAdapt(e, o), success(); })
        .Case([&](kernel::PleInputsOp o) {
          return buildPleInputs(e, o), success();
        })
        .Case([&](kernel::PrepareQOp o) {
          return buildPrepareQ(e, o), success();
        })
        .Case([&](kernel::PrepareKvOp o) {
          return buildPrepareKv(e, o), success();
        })
        .Case([&](kernel::PrepareQkvOp o) {
          return buildPrepareQkv(e, o), success();
        })
        .Case([&](kernel::AttentionOp o) {
          return buildAttention(e, o), success();
        })
        .Case([&](kernel::ResidualNormOp o) {
          return buildResidualNorm(e, o), success();
        })
        .Case([&](kernel::RouteOp o) { return buildRoute(e, o), success(); })
        .Case([&](kernel::GroupRowsOp o) {
          return buildGroupRows(e, o), success();
        })
        .Case([&](kernel::ExpertQuantizeOp o) {
          return buildExpertQuantize(e, o), success();
        })
        .Case([&](kernel::ExpertGatedOp o) {
          return buildExpertGated(e, o), success();
        })
        .Case([&](kernel::ExpertSumOp o) {
          return buildExpertSum(e, o), success();
        })
        .Case([&](kernel::GemvOp o) { return buildGemv(e, o), success(); })
        .Case([&](kernel::GemmOp o) { return buildGemm(e, o), success(); })
        .Case([&](kernel::UpperBoundsOp o) {
          return buildUpperBounds(e, o), success();
        })
        .Case(
            [&](kernel::RescoreOp o) { return buildRescore(e, o), success(); })
        .Default([&](Operation *) {
          return stage->emitOpError("has no machine code on CPU targets");
        });
  }

  /// Whoever times barriers takes their number from the stage.
  LogicalResult checkBarriers(kernel::StageOpInterface stage, int64_t emitted) {
    if (emitted == stage.getBarrierCount())
      return success();
    return stage->emitOpError()
           << "has " << emitted << " barriers in machine code, but says it has "
           << stage.getBarrierCount();
  }

  LogicalResult lowerCall(StageEmitter &e, func::CallOp call) {
    auto caller = call->getParentOfType<func::FuncOp>();
    auto frame = caller->getAttrOfType<IntegerAttr>(kernel::kFrameBytesAttr);
    if (!frame)
      return call.emitOpError("calls from a function without a planned frame; "
                              "run kernel-plan-buffers first");
    SmallVector<Value> arguments{e.getContext().step,
                                 e.at(e.getContext().arena, frame.getInt()),
                                 e.getContext().thread};
    for (Value operand : call.getOperands())
      arguments.push_back(e.get(operand));
    func::CallOp::create(e.getBuilder(), call.getLoc(), TypeRange{},
                         call.getCallee(), arguments);
    return success();
  }

  void lowerCountRows(StageEmitter &e, kernel::CountRowsOp count) {
    e.ifThen(e.equal(e.getContext().thread, e.i64(0)), [&] {
      Value counters =
          loadField(e, e.getContext().step, offsetof(gemcut_step, layer_rows),
                    e.ptrType());
      Value counter = e.at(counters, 8 * int64_t(count.getLayer()));
      Value before = e.load(e.i64Type(), counter, 8);
      e.store(e.add(before, e.get(count.getRows())), counter, 8);
    });
  }
};

} // namespace

FailureOr<OwningOpRef<ModuleOp>>
gemcut::targets::lowerProgram(ModuleOp kernelModule, const VectorIsa &isa) {
  return ProgramLowering(kernelModule, isa).run();
}
