//===- AssignFormats.cpp - Storage formats from a recipe ------------------===//

#include "dialects/Gemma/StoredFormat.h"
#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Products.h"
#include "passes/Gemma/Recipe.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#define DEBUG_TYPE "gemma-assign-formats"

namespace gemcut::gemma {
#define GEN_PASS_DEF_ASSIGNFORMATSPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

/// Columns of a table's row that share a scale in formats with row scales,
/// where they divide it: a layer's share of the per-layer table of Gemma 4.
constexpr int64_t kTableBlock = 256;

/// Formats with groups along the input need whole groups.
constexpr int64_t kGroup = GEMCUT_GROUP;

/// The names of weights that a function looks rows up in, but never multiplies.
llvm::StringSet<> getTables(ModuleOp module) {
  llvm::StringSet<> tables, multiplied;
  module.walk([&](gemma::GetWeightOp get) {
    for (OpOperand &use : get->getUses()) {
      bool isTable = isa<gemma::EmbedOp>(use.getOwner());
      (isTable ? tables : multiplied).insert(get.getWeight());
    }
  });
  for (auto &name : multiplied)
    tables.erase(name.getKey());
  return tables;
}

/// What kind of layer each weight is used in; of several, the first.
llvm::StringMap<gemma::LayerKind> getLayerKinds(ModuleOp module) {
  llvm::DenseSet<int64_t> owners;
  module.walk([&](Operation *op) {
    std::optional<int64_t> layer = gemma::getLayer(op);
    if (layer &&
        isa<gemma::KvWriteOp, gemma::PrepareKvOp, gemma::PrepareQkvOp>(op))
      owners.insert(*layer);
  });
  llvm::StringMap<gemma::LayerKind> kinds;
  module.walk([&](gemma::GetWeightOp get) {
    for (Operation *user : get->getUsers())
      if (std::optional<int64_t> layer = gemma::getLayer(user))
        kinds.try_emplace(get.getWeight(), owners.contains(*layer)
                                               ? gemma::LayerKind::OwnKv
                                               : gemma::LayerKind::SharedKv);
  });
  return kinds;
}

struct AssignFormats : gemma::impl::AssignFormatsPassBase<AssignFormats> {
  using AssignFormatsPassBase::AssignFormatsPassBase;

  void runOnOperation() override {
    if (quant == "keep")
      return keep();
    std::optional<gemma::Recipe> builtin = gemma::Recipe::getBuiltin(quant);
    if (builtin)
      return assign(*builtin, /*isFile=*/false);
    if (!StringRef(quant).ends_with(".json")) {
      getOperation().emitError()
          << "unknown quantization '" << quant << "', expected keep, mobile, "
          << kFormatList << ", or the path of a recipe file that ends in .json";
      return signalPassFailure();
    }
    llvm::Expected<gemma::Recipe> recipe = gemma::Recipe::read(quant);
    if (!recipe) {
      getOperation().emitError() << llvm::toString(recipe.takeError());
      return signalPassFailure();
    }
    assign(*recipe, /*isFile=*/true);
  }

private:
  /// Quantized weights as they are stored, others in their own dtype.
  void keep() {
    for (auto weight : getOperation().getOps<gemma::WeightOp>()) {
      auto type = cast<RankedTensorType>(weight.getType());
      std::optional<Format> stored = gemma::getStoredFormat(weight);
      bool isBf16 = type.getRank() > 1 && type.getElementType().isBF16();
      setFormat(weight, stored ? *stored : isBf16 ? Format::BF16 : Format::F32);
    }
    alignProducts();
  }

  /// The place of a format in an order in which later ones keep the values of
  /// earlier ones, but for bf16; -1 for formats with other scales.
  static int getWidth(Format format) {
    constexpr Format kOrder[] = {Format::Q4_0, Format::Int8, Format::BF16,
                                 Format::F32};
    const Format *found = llvm::find(kOrder, format);
    return found == std::end(kOrder) ? -1 : int(found - kOrder);
  }

  /// The weights of one product need one format: the first that keeps the
  /// values of all. Others are left to gemma-verify-formats.
  void alignProducts() {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](Operation *op) {
      SmallVector<gemma::WeightOp> weights;
      for (Value operand : gemma::getProductWeights(op))
        if (auto get = operand.getDefiningOp<gemma::GetWeightOp>())
          weights.push_back(symbols.lookup<gemma::WeightOp>(get.getWeight()));
      int least = INT_MAX, most = -1;
      for (gemma::WeightOp weight : weights) {
        int width = getWidth(weight.getFormat()->getValue());
        least = std::min(least, width);
        most = std::max(most, width);
      }
      if (weights.empty() || least == most || least < 0)
        return;
      // bf16 has no room for a level and a scale.
      Format format =
          most == getWidth(Format::Int8) ? Format::Int8 : Format::F32;
      for (gemma::WeightOp weight : weights)
        weight.setFormatAttr(gemma::FormatAttr::get(&getContext(), format));
    });
  }

  void setFormat(gemma::WeightOp weight, Format format) {
    weight.setFormatAttr(gemma::FormatAttr::get(&getContext(), format));
    ++numAssigned;
    // Other formats have no place for these, and activations of their own.
    if (!hasRowScales(format)) {
      weight.removeRowScalesAttr();
      weight.removeInputScaleAttr();
      weight.removeOutputScaleAttr();
    }
  }

  void assign(const gemma::Recipe &recipe, bool isFile) {
    llvm::StringSet<> tables = getTables(getOperation());
    llvm::StringMap<gemma::LayerKind> kinds = getLayerKinds(getOperation());
    std::vector<bool> decides(recipe.getRules().size());
    bool anyWrong = false;
    for (auto weight : getOperation().getOps<gemma::WeightOp>()) {
      StringRef name = weight.getSymName();
      gemma::LayerKind kind = kinds.lookup(name);
      std::optional<size_t> rule = recipe.findRule(name, kind);
      Format format = Format::F32;
      if (hasChoice(weight))
        format = *symbolizeFormat(recipe.getFormat(name, kind));
      if (rule && recipe.getRules()[*rule].format == stringifyFormat(format))
        decides[*rule] = true;
      // A default of four bits means "small", and tables go down to int8.
      if (!rule && isNibbles(format) && tables.contains(name))
        format = Format::Int8;
      if (failed(check(weight, format, tables.contains(name), recipe))) {
        anyWrong = true;
        continue;
      }
      setFormat(weight, format);
      if (hasRowScales(format) && tables.contains(name))
        setRowScales(weight);
    }
    // A built-in recipe serves every model, so its rules may find nothing.
    if (isFile)
      for (auto [rule, hasEffect] : llvm::zip_equal(recipe.getRules(), decides))
        if (!hasEffect)
          noteIdle(rule, recipe, kinds);
    if (anyWrong)
      signalPassFailure();
  }

  /// Vectors are f32 whatever a recipe says.
  static bool hasChoice(gemma::WeightOp weight) {
    return cast<RankedTensorType>(weight.getType()).getRank() > 1;
  }

  /// Says why a rule decides nothing.
  void noteIdle(const gemma::RecipeRule &rule, const gemma::Recipe &recipe,
                const llvm::StringMap<gemma::LayerKind> &kinds) {
    gemma::WeightOp example;
    for (auto weight : getOperation().getOps<gemma::WeightOp>()) {
      StringRef name = weight.getSymName();
      if (rule.matches(name, kinds.lookup(name)) &&
          (!example || hasChoice(weight)))
        example = weight;
    }
    auto remark = getOperation().emitRemark()
                  << "rule '" << gemma::RecipeRule::shorten(rule.pattern)
                  << "' of recipe '" << recipe.getName() << "' ";
    if (!example)
      remark << "matches no weight";
    else if (hasChoice(example))
      remark << "has no effect: earlier rules match all of its weights";
    else
      remark << "has no effect: it matches only vectors such as '"
             << example.getSymName() << "', which are always f32";
  }

  /// The blocks of the checkpoint where it has this format, else our own.
  static void setRowScales(gemma::WeightOp weight) {
    if (gemma::getStoredFormat(weight) == weight.getFormat()->getValue())
      return;
    int64_t columns =
        cast<RankedTensorType>(weight.getType()).getShape().back();
    weight.setRowScales(columns % kTableBlock ? 1 : columns / kTableBlock);
  }

  static LogicalResult check(gemma::WeightOp weight, Format format,
                             bool isTable, const gemma::Recipe &recipe) {
    if (!isQuantized(format))
      return success();
    int64_t inputs = cast<RankedTensorType>(weight.getType()).getShape().back();
    if (inputs % kGroup)
      return weight.emitOpError()
             << "cannot be " << stringifyFormat(format) << " as recipe '"
             << recipe.getName() << "' wants: '" << weight.getSymName()
             << "' has " << inputs
             << " inputs, and quantized formats need a multiple of " << kGroup
             << "; give it bf16 or f32";
    if (isNibbles(format) && isTable)
      return weight.emitOpError()
             << "cannot be " << stringifyFormat(format) << " as recipe '"
             << recipe.getName() << "' wants: '" << weight.getSymName()
             << "' is a table that single rows are read from; give it int8, "
                "bf16 or f32";
    return success();
  }
};

} // namespace
