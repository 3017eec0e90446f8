//===- ConvertGemmaToKernel.cpp - Layers to stages, module level ----------===//

#include "passes/GemmaToKernel/ProgramConversion.h"

#define DEBUG_TYPE "gemma-convert-to-kernel"

namespace gemcut {
#define GEN_PASS_DEF_CONVERTGEMMATOKERNELPASS
#include "passes/GemmaToKernel/Passes.h.inc"
} // namespace gemcut

using namespace mlir;
using namespace gemcut;
using namespace gemcut::gemma_to_kernel;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

ProgramConversion::ProgramConversion(ModuleOp source, Format kvFormat)
    : source(source), kvFormat(kvFormat),
      target(ModuleOp::create(source.getLoc())), sourceSymbols(source),
      targetSymbols(*target) {}

kernel::BufferType ProgramConversion::getBufferType(Type type,
                                                    int64_t maxRows) const {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() == 0)
    return {};
  int64_t rows = tensor.isDynamicDim(0) ? maxRows : tensor.getDimSize(0);
  MLIRContext *context = type.getContext();
  Type element = tensor.getElementType();
  if (tensor.getRank() == 1 && element.isInteger(32))
    return kernel::BufferType::get(context, rows, 1, kernel::Element::I32, 0);
  if (tensor.getRank() == 1 && element.isInteger(64))
    return kernel::BufferType::get(context, rows, 2, kernel::Element::I32, 0);
  if (tensor.getRank() != 2 || tensor.isDynamicDim(1) ||
      !(element.isF32() || gemma::isInt8Rows(element)))
    return {};
  kernel::Element stored = element.isF32()               ? kernel::Element::F32
                           : isa<gemma::U8Type>(element) ? kernel::Element::U8
                                                         : kernel::Element::Q8;
  return kernel::BufferType::get(context, rows, tensor.getDimSize(1), stored,
                                 0);
}

kernel::CacheType ProgramConversion::getCacheType(gemma::KvType type) const {
  return kernel::CacheType::get(type.getContext(), type.getHeads(),
                                type.getHeadDim(), kvFormat, type.getWindow(),
                                /*capacity=*/0);
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

/// "a.gate_proj.weight" and "a.up_proj.weight" -> "a.gate_up_proj.weight".
static std::string joinNames(StringRef first, StringRef second) {
  size_t limit = std::min(first.size(), second.size());
  size_t prefix = 0;
  while (prefix < limit && first[prefix] == second[prefix])
    ++prefix;
  prefix = first.take_front(prefix).rfind('.') + 1; // npos + 1 = 0
  size_t suffix = 0;
  while (suffix < limit - prefix &&
         first[first.size() - 1 - suffix] == second[second.size() - 1 - suffix])
    ++suffix;
  return (first.drop_back(suffix) + "_" + second.drop_front(prefix)).str();
}

FailureOr<kernel::PackedOp>
ProgramConversion::declarePacked(Operation *user, Location loc, StringRef name,
                                 MutableArrayRef<gemma::WeightOp> sources,
                                 kernel::Layout layout, bool hasExperts) {
  MLIRContext *context = source.getContext();
  auto tensor = cast<RankedTensorType>(sources.front().getType());
  bool vector = layout == kernel::Layout::Vector;
  for (gemma::WeightOp weight : sources) {
    if (vector)
      continue;
    if (!weight.getFormat())
      return weight.emitOpError(
          "has no format; run gemma-assign-formats first");
    if (weight.getFormat() != sources.front().getFormat())
      return user->emitOpError()
             << "reads '" << sources.front().getSymName() << "' as "
             << stringifyFormat(sources.front().getFormat()->getValue())
             << " and '" << weight.getSymName() << "' as "
             << stringifyFormat(weight.getFormat()->getValue())
             << "; weights of one product need the same format";
  }
  Format format =
      vector ? Format::F32 : sources.front().getFormat()->getValue();
  if (layout == kernel::Layout::Rows && isNibbles(format))
    return sources.front().emitOpError()
           << "is a table of single rows, which cannot be "
           << stringifyFormat(format)
           << "; a recipe gives it int8, bf16 or f32";
  int64_t rows = vector ? 1 : int64_t(sources.size());
  IntegerAttr experts;
  OpBuilder builder(context);
  if (hasExperts) {
    experts = builder.getI64IntegerAttr(tensor.getDimSize(0));
    int64_t unit = layout == kernel::Layout::Interleaved ? 2 * GEMCUT_TILE_ROWS
                                                         : GEMCUT_TILE_ROWS;
    if (tensor.getDimSize(1) % unit)
      return sources.front().emitOpError()
             << "has experts of " << tensor.getDimSize(1)
             << " rows, which are no multiple of the " << unit
             << " that are packed together";
  }
  if (!vector)
    for (int64_t size : tensor.getShape().drop_back())
      rows *= size;
  auto type = kernel::WeightType::getChecked(
      [&] { return sources.front().emitOpError(); }, context, rows,
      tensor.getShape().back(), format, layout,
      layout == kernel::Layout::Rows
          ? int64_t(sources.front().getRowScales().value_or(1))
          : 1);
  if (!type)
    return failure();
  SmallVector<StringRef> names, outputScales;
  bool rounds = false;
  for (gemma::WeightOp weight : sources) {
    names.push_back(weight.getSymName());
    outputScales.push_back(weight.getOutputScale().value_or(""));
    rounds |= !outputScales.back().empty();
  }
  auto op = kernel::PackedOp::create(
      builder, loc, builder.getStringAttr(name), StringAttr(),
      builder.getStrArrayAttr(names), experts, IntegerAttr(),
      TypeAttr::get(type),
      rounds ? builder.getStrArrayAttr(outputScales) : ArrayAttr());
  targetSymbols.insert(op);
  return op;
}

FailureOr<std::pair<ArrayAttr, kernel::WeightType>>
ProgramConversion::getPacked(Operation *user, const WeightGroup &group) {
  SmallVector<gemma::WeightOp> sources;
  for (Value value : group.values)
    sources.push_back(sourceSymbols.lookup<gemma::WeightOp>(
        value.getDefiningOp<gemma::GetWeightOp>().getWeight()));

  kernel::Layout layout = kernel::Layout::Tiles;
  bool hasExperts =
      group.use == WeightUse::Experts || group.use == WeightUse::GatedExperts;
  if (group.use == WeightUse::Gated || group.use == WeightUse::GatedExperts)
    layout = kernel::Layout::Interleaved;
  if (group.use == WeightUse::Vector)
    layout = kernel::Layout::Vector;
  if (group.use == WeightUse::Table &&
      !groups.isMultiplied(sources.front().getSymName()))
    layout = kernel::Layout::Rows;

  // A gated pair is one packed tensor, any other group one for each weight.
  // Experts are a single weight.
  SmallVector<SmallVector<gemma::WeightOp>> parts;
  if (layout == kernel::Layout::Interleaved)
    parts.push_back(sources);
  else
    for (gemma::WeightOp weight : sources)
      parts.push_back({weight});

  SmallVector<Attribute> symbols;
  kernel::WeightType type;
  int64_t rows = 0;
  for (MutableArrayRef<gemma::WeightOp> part : parts) {
    std::string name = part.front().getSymName().str();
    if (part.size() == 2)
      name = joinNames(name, part.back().getSymName());
    auto key =
        StringAttr::get(source.getContext(),
                        name + "|" + kernel::stringifyLayout(layout).str());
    if (!packed.contains(key)) {
      auto op = declarePacked(user, part.front().getLoc(), name, part, layout,
                              hasExperts);
      if (failed(op))
        return failure();
      packed[key] = *op;
    }
    kernel::PackedOp op = packed[key];
    auto partType = cast<kernel::WeightType>(op.getType());
    if (type && (type.getFormat() != partType.getFormat() ||
                 type.getColumns() != partType.getColumns()))
      return user->emitOpError()
             << "reads '" << sources.front().getSymName() << "' as " << type
             << " and '" << name << "' as " << partType
             << "; weights of one product need the same format";
    type = partType;
    rows += partType.getRows();
    symbols.push_back(FlatSymbolRefAttr::get(op.getSymNameAttr()));
  }
  type = kernel::WeightType::get(source.getContext(), rows, type.getColumns(),
                                 type.getFormat(), type.getLayout(),
                                 type.getScales());
  return std::make_pair(ArrayAttr::get(source.getContext(), symbols), type);
}

FlatSymbolRefAttr ProgramConversion::getCache(FlatSymbolRefAttr name) {
  kernel::CacheOp &cache = caches[name.getAttr()];
  if (!cache) {
    OpBuilder builder(source.getContext());
    auto declared = sourceSymbols.lookup<gemma::KvCacheOp>(name.getAttr());
    auto type = cast<gemma::KvType>(declared.getType());
    cache = kernel::CacheOp::create(builder, declared.getLoc(), name.getAttr(),
                                    StringAttr(), IntegerAttr(),
                                    TypeAttr::get(getCacheType(type)));
    targetSymbols.insert(cache);
  }
  return FlatSymbolRefAttr::get(cache.getSymNameAttr());
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

FailureOr<func::FuncOp>
ProgramConversion::getFunction(func::FuncOp function, int64_t maxRows,
                               ArrayRef<Type> argumentTypes) {
  for (Instance &known : instances)
    if (known.source == function && known.maxRows == maxRows &&
        ArrayRef<Type>(known.argumentTypes) == argumentTypes)
      return known.target;
  OpBuilder builder(source.getContext());
  auto converted =
      func::FuncOp::create(builder, function.getLoc(), function.getName(),
                           builder.getFunctionType(argumentTypes, {}));
  converted.setPrivate();
  targetSymbols.insert(converted);
  instances.push_back(
      {function, maxRows, llvm::to_vector(argumentTypes), converted});
  if (failed(FunctionConversion(*this, function, converted, maxRows)
                 .convertLayer()))
    return failure();
  return converted;
}

LogicalResult ProgramConversion::convertEntry(func::FuncOp entry) {
  if (entry.isExternal())
    return entry.emitOpError("is an entry point without a body");
  auto name = entry->getAttrOfType<StringAttr>(gemma::kEntryAttr);
  auto maxRows = entry->getAttrOfType<IntegerAttr>(gemma::kMaxRowsAttr);
  if (!name || !maxRows || maxRows.getInt() <= 0)
    return entry.emitOpError()
           << "is an entry point and needs a string " << gemma::kEntryAttr
           << " and a positive " << gemma::kMaxRowsAttr;
  int64_t rows = maxRows.getInt();
  kernel::BufferType ids, positions, logits;
  for (Type type : entry.getArgumentTypes()) {
    auto buffer = getBufferType(type, rows);
    if (buffer && buffer.getElement() == kernel::Element::I32)
      (buffer.getColumns() == 1 ? ids : positions) = buffer;
  }
  Operation *terminator = entry.getBody().front().getTerminator();
  if (entry.getNumResults() == 1)
    logits = getBufferType(entry.getResultTypes().front(), rows);
  bool keepsLogits = entry.getNumResults() == 1;
  bool typed = keepsLogits
                   ? logits && logits.getElement() == kernel::Element::F32
                   : entry.getNumResults() == 0;
  if (entry.getNumArguments() != 2 || !ids || !positions || !typed)
    return entry.emitOpError()
           << "has type " << entry.getFunctionType()
           << ", expected an entry point (tensor<?xi32>, tensor<?xi64>) -> "
              "tensor<?xVxf32> or nothing: ids, positions, logits";
  FailureOr<SmallVector<ResultSource>> results = getResultSources(entry);
  if (failed(results))
    return failure();
  if (keepsLogits && results->front().kind != ResultSource::Output)
    return terminator->emitOpError("returns logits that no stage computes");

  OpBuilder builder(source.getContext());
  SmallVector<Type> arguments{builder.getI64Type(), ids};
  if (keepsLogits)
    arguments.push_back(logits);
  auto converted =
      func::FuncOp::create(builder, entry.getLoc(), entry.getName(),
                           builder.getFunctionType(arguments, {}));
  converted->setAttr(kernel::kEntryAttr, name);
  targetSymbols.insert(converted);
  return FunctionConversion(*this, entry, converted, rows).convertEntry();
}

LogicalResult ProgramConversion::run() {
  if (failed(groups.analyze(source)))
    return failure();
  for (auto function : source.getOps<func::FuncOp>())
    if (function->hasAttr(gemma::kEntryAttr) && failed(convertEntry(function)))
      return failure();
  // Packed tensors in order of use, then caches, entries, and what they call.
  Block *body = target->getBody();
  Block::iterator start = body->begin();
  SmallVector<Operation *> order;
  for (auto &[name, op] : packed)
    order.push_back(op);
  for (auto &[name, op] : caches)
    order.push_back(op);
  for (auto function : body->getOps<func::FuncOp>())
    if (function->hasAttr(kernel::kEntryAttr))
      order.push_back(function);
  for (Operation *op : order)
    if (Block::iterator(op) == start)
      ++start;
    else
      op->moveBefore(body, start);
  return success();
}

namespace {

struct ConvertGemmaToKernel
    : gemcut::impl::ConvertGemmaToKernelPassBase<ConvertGemmaToKernel> {
  using ConvertGemmaToKernelPassBase::ConvertGemmaToKernelPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<Format> format = symbolizeFormat(kv);
    if (!format || (*format != Format::BF16 && *format != Format::F32 &&
                    *format != Format::Int8)) {
      module.emitError() << "kv caches cannot be '" << kv
                         << "', expected bf16, f32 or int8";
      return signalPassFailure();
    }
    for (auto cache : module.getOps<gemma::KvCacheOp>()) {
      int64_t headDim = cast<gemma::KvType>(cache.getType()).getHeadDim();
      if (*format == Format::Int8 && headDim % 16) {
        cache.emitError() << "has a head_dim of " << headDim
                          << "; kv caches in int8 need a multiple of 16";
        return signalPassFailure();
      }
    }
    if (context <= 0) {
      module.emitError() << "context must be positive, found "
                         << int64_t(context);
      return signalPassFailure();
    }
    ProgramConversion conversion(module, *format);
    if (failed(conversion.run()))
      return signalPassFailure();
    numStages += conversion.getStageCount();
    numPacked += conversion.getPackedCount();
    llvm::StringSet<> read;
    conversion.getTarget().walk([&](kernel::PackedOp op) {
      for (auto name : op.getSources().getAsRange<StringAttr>())
        read.insert(name.getValue());
    });
    for (auto weight : module.getOps<gemma::WeightOp>())
      if (!read.contains(weight.getSymName()))
        ++numDeadWeights;
    module.getBodyRegion().takeBody(conversion.getTarget().getBodyRegion());
    Builder builder(&getContext());
    module->setAttr(kernel::kContextAttr, builder.getI64IntegerAttr(context));
  }
};

} // namespace
