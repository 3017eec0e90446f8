//===- DeclareWeights.cpp - A symbol for each tensor of a model -----------===//

#include "frontends/Gemma4/DeclareWeights.h"

#include "dialects/Gemma/GemmaOps.h"
#include "dialects/Gemma/StoredFormat.h"
#include "frontends/Config/TensorNames.h"
#include "frontends/Lora/RuntimeAdapters.h"

#include <limits>

using namespace mlir;
using namespace gemcut;
using checkpoint::ElementType;

namespace {

class WeightDeclarer {
public:
  WeightDeclarer(OpBuilder &builder, const config::ModelConfig &config,
                 const checkpoint::WeightSource &weights, StringRef prefix)
      : builder(builder), config(config), weights(weights), prefix(prefix) {}

  LogicalResult declareAll();

private:
  /// Says how the checkpoint stores `weight`, and what its layer rounds under.
  LogicalResult declareStorage(gemma::WeightOp weight,
                               const config::ExpectedTensor &expected,
                               const checkpoint::WeightInfo &info);
  FailureOr<std::vector<float>>
  readActivationScale(Location location, StringRef symbol, int64_t count);
  void declareAdapters(gemma::WeightOp linear);

  OpBuilder &builder;
  const config::ModelConfig &config;
  const checkpoint::WeightSource &weights;
  StringRef prefix;
};

} // namespace

static std::string toText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(shape, os);
  os << ']';
  return text;
}

/// The format that keeps the values of a quantized matrix, or for blocks with a
/// second scale or an offset comes closest; nullopt for others. `isTable`:
/// single rows are read and never multiplied. `perRow`: scales are float32, of
/// rows or blocks of a table's.
static std::optional<Format> formatOf(const checkpoint::WeightInfo &info,
                                      bool isTable, bool perRow) {
  bool isBlock = checkpoint::isBlock(info.type);
  if (info.shape.size() < 2 || info.columns() % GEMCUT_GROUP)
    return std::nullopt;
  if (!info.levels)
    return isBlock ? std::optional(Format::Int8) : std::nullopt;
  const auto [bits, group] = *info.levels;
  if (perRow)
    return group != info.columns() && !isTable ? std::nullopt
           : bits == 2                         ? std::optional(Format::Int2Row)
           : bits == 4                         ? std::optional(Format::Int4Row)
                                               : std::optional(Format::Int8Row);
  if (group != GEMCUT_GROUP)
    return std::nullopt;
  return bits > 4 || isTable ? Format::Int8 : Format::Q4_0;
}

/// The matrix that reads the same values as `name`, first of them.
static std::string firstOfProduct(StringRef name) {
  for (auto [part, first] : {std::pair("k_proj.", "q_proj."),
                             {"v_proj.", "q_proj."},
                             {"up_proj.", "gate_proj."}}) {
    auto [before, after] = name.split(part);
    if (before.size() != name.size())
      return (before + first + after).str();
  }
  return name.str();
}

/// Adapters of a linear that may change at run time are two vectors beside it.
void WeightDeclarer::declareAdapters(gemma::WeightOp linear) {
  StringRef stem = linear.getSymName();
  if (!stem.consume_back(".weight"))
    return;
  SmallVector<Attribute, 2> symbols;
  for (StringRef matrix :
       {StringRef(lora::kMatrixA), StringRef(lora::kMatrixB)}) {
    std::string name = (stem + matrix).str();
    std::optional<checkpoint::WeightInfo> info = weights.find(name);
    if (!info)
      return;
    gemma::WeightOp::create(
        builder, linear.getLoc(), name,
        RankedTensorType::get({info->elements()}, builder.getF32Type()));
    symbols.push_back(FlatSymbolRefAttr::get(builder.getContext(), name));
    linear->setAttr(gemma::kAdapterRankAttr,
                    builder.getI64IntegerAttr(info->shape[1]));
  }
  linear->setAttr(gemma::kAdapterAttr, builder.getArrayAttr(symbols));
}

LogicalResult WeightDeclarer::declareAll() {
  for (const config::ExpectedTensor &expected :
       config::expectedTextTensors(config)) {
    if (expected.dead)
      continue;
    std::string name = config::tensorName(prefix, expected.name);
    std::optional<checkpoint::WeightInfo> info = weights.find(name);
    Location location = NameLoc::get(builder.getStringAttr(expected.name));
    if (!info)
      return emitError(location)
             << "tensor '" << name << "' is missing, expected with shape "
             << toText(expected.shape);
    if (ArrayRef<int64_t>(info->shape) != ArrayRef<int64_t>(expected.shape))
      return emitError(location)
             << "tensor '" << name << "' has shape " << toText(info->shape)
             << ", but config.json demands " << toText(expected.shape);
    Type element = info->type == ElementType::BF16 ? Type(builder.getBF16Type())
                   : info->type == ElementType::F16 ? builder.getF16Type()
                                                    : builder.getF32Type();
    if (!info->isReadable())
      return emitError(location) << "tensor '" << name << "' has dtype "
                                 << checkpoint::stringify(info->type)
                                 << "; supported are F32, BF16 and F16";
    auto weight = gemma::WeightOp::create(
        builder, location, name, RankedTensorType::get(info->shape, element));
    if (failed(declareStorage(weight, expected, *info)))
      return failure();
    declareAdapters(weight);
  }
  return success();
}

/// The `count` values of a scale; empty if it rounds nothing.
FailureOr<std::vector<float>>
WeightDeclarer::readActivationScale(Location location, StringRef symbol,
                                    int64_t count) {
  std::optional<checkpoint::WeightInfo> info = weights.find(symbol);
  if (!info)
    return std::vector<float>(); // none, like 0: not calibrated
  if (info->elements() != count)
    return emitError(location)
           << "tensor '" << symbol << "' has shape " << toText(info->shape)
           << ", expected " << count << " values";
  std::vector<float> scales(static_cast<size_t>(count));
  if (llvm::Error error =
          weights.readF32(symbol, 0, llvm::MutableArrayRef<float>(scales)))
    return emitError(location) << llvm::toString(std::move(error));
  for (float scale : scales)
    if (!(scale >= 0 && scale < std::numeric_limits<float>::infinity()))
      return emitError(location)
             << "tensor '" << symbol << "' holds " << scale
             << ", expected a positive scale, or 0 for none";
  if (llvm::all_of(scales, [](float scale) { return scale == 0; }))
    scales.clear();
  return scales;
}

LogicalResult
WeightDeclarer::declareStorage(gemma::WeightOp weight,
                               const config::ExpectedTensor &expected,
                               const checkpoint::WeightInfo &info) {
  Location location = weight.getLoc();
  StringRef name = expected.name;
  bool isTable = name == "embed_tokens_per_layer.weight" ||
                 (name == "embed_tokens.weight" && !config.tiedEmbeddings);
  bool perRow = config.storedAs == config::StoredAs::RowScales;
  if (std::optional<Format> stored = formatOf(info, isTable, perRow)) {
    gemma::setStoredFormat(weight, *stored);
    if (perRow && info.levels->group != info.columns())
      weight.setRowScales(info.columns() / info.levels->group);
  }
  std::vector<config::ExpectedTensor> scales =
      config::activationScales(config, expected);
  if (scales.empty())
    return success();
  int64_t inputs = scales[0].shape[0], outputs = scales[1].shape[0];
  std::string input = config::tensorName(prefix, scales[0].name);
  std::string output = config::tensorName(prefix, scales[1].name);
  // Gate and up of experts are one tensor.
  bool isExperts = expected.shape.size() == 3;
  std::string first =
      isExperts ? input
                : config::tensorName(prefix, firstOfProduct(scales[0].name));
  auto inputScale = readActivationScale(location, input, inputs);
  auto firstScale = readActivationScale(location, first, inputs);
  auto outputScale = readActivationScale(location, output, outputs);
  if (failed(inputScale) || failed(firstScale) || failed(outputScale))
    return failure();
  auto getFirst = [](const std::vector<float> &values) {
    return values.empty() ? 0.0f : values.front();
  };
  if (*inputScale != *firstScale)
    return emitError(location)
           << "tensor '" << input << "' is " << getFirst(*inputScale)
           << ", but '" << first << "', whose layer reads the same values, is "
           << getFirst(*firstScale) << "; scales that differ are not supported";
  // Their layer's input is scaled in front of it, ours behind it.
  if (name.ends_with(".router.proj.weight") &&
      !(inputScale->empty() && outputScale->empty()))
    return emitError(location)
           << "tensor '" << (inputScale->empty() ? output : input) << "' is "
           << getFirst(inputScale->empty() ? *outputScale : *inputScale)
           << ", but rounded activations of a router are not supported; "
              "expected 0 or none, as its rounding chooses other experts";
  if (!outputScale->empty())
    weight.setOutputScale(output);
  if (inputScale->empty())
    return success();
  weight.setInputScale(first);
  if (input == first)
    gemma::WeightOp::create(
        builder, location, input,
        RankedTensorType::get({inputs}, builder.getF32Type()));
  return success();
}

LogicalResult gemma4::declareWeights(OpBuilder &builder,
                                     const config::ModelConfig &config,
                                     const checkpoint::WeightSource &weights,
                                     StringRef prefix) {
  return WeightDeclarer(builder, config, weights, prefix).declareAll();
}
