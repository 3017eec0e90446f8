//===- Importer.cpp - Gemma 4 checkpoint to gemma dialect -----------------===//

#include "frontends/Gemma4/Importer.h"

#include "dialects/Gemma/GemmaOps.h"
#include "frontends/Config/TensorNames.h"
#include "frontends/Gemma4/DeclareWeights.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

#include <cmath>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::gemma4;
using checkpoint::ElementType;
using config::LayerConfig;
using config::ModelConfig;

llvm::StringMap<checkpoint::WeightInfo>
gemcut::gemma4::expectedWeights(const ModelConfig &config) {
  ElementType dtype = config.dtype == "bfloat16"  ? ElementType::BF16
                      : config.dtype == "float16" ? ElementType::F16
                                                  : ElementType::F32;
  llvm::StringMap<checkpoint::WeightInfo> weights;
  for (const config::ExpectedTensor &tensor :
       config::expectedTextTensors(config)) {
    if (tensor.dead)
      continue;
    constexpr StringRef kPrefix = "model.language_model.";
    weights[config::tensorName(kPrefix, tensor.name)] = {
        dtype, SmallVector<int64_t, 4>(ArrayRef<int64_t>(tensor.shape))};
    for (const config::ExpectedTensor &scale :
         config::activationScales(config, tensor))
      if (!StringRef(scale.name).contains(".router.")) // see DeclareWeights.cpp
        weights[config::tensorName(kPrefix, scale.name)] = {
            ElementType::F32,
            SmallVector<int64_t, 4>(ArrayRef<int64_t>(scale.shape))};
  }
  return weights;
}

std::string gemcut::gemma4::getOpNameOfGolden(StringRef golden) {
  if (golden == "final_norm")
    return "norm";
  if (golden.consume_back(".attn"))
    return (golden + ".self_attn.o_proj").str();
  if (golden.consume_back(".mlp"))
    return (golden + ".mlp.down_proj").str();
  if (golden.consume_back(".experts.out"))
    return (golden + ".experts.down_proj").str();
  return golden.str();
}

namespace {

class ModelImporter {
public:
  ModelImporter(MLIRContext &context, const ModelConfig &config,
                const checkpoint::WeightSource &weights)
      : config(config), weights(weights), builder(&context) {}

  FailureOr<OwningOpRef<ModuleOp>> run();

private:
  LogicalResult findPrefix();
  void declareCaches();

  Value buildForward(Value ids, Value positions);
  Value buildPerLayerInputs(Value ids, Value embedding);
  Value buildLayer(int64_t index, Value x);
  Value buildAttention(const LayerConfig &layer, Value x);
  /// K and V of the current layer, written to its cache.
  Value buildKvWrite(const LayerConfig &layer, Value normed);
  /// MLP and experts, with the norms behind them.
  Value buildFeedForward(Value x);
  Value buildMlp(Value x);
  Value buildExperts(Value x);
  Value buildPerLayerBlock(Value x);

  // One op each. `name` is relative to the current layer, or to the model.
  std::string fullName(const Twine &name) const;
  Location loc(const Twine &name);
  /// Creates an op at `name`, with the attribute of the current layer.
  template <typename Op, typename... Args>
  Op create(const Twine &name, Args &&...args);
  /// The tensor name + `suffix`.
  Value weight(const Twine &name, StringRef suffix = ".weight");
  Value linear(StringRef name, Value input, double scale = 1);
  /// An empty `group` is the whole row.
  Value norm(StringRef name, Value input, int64_t group = 0);
  Value rope(StringRef name, Value input, const LayerConfig &layer);
  RankedTensorType rows(int64_t columns);
  FloatAttr f32(double value) { return builder.getF32FloatAttr(value); }

  const ModelConfig &config;
  const checkpoint::WeightSource &weights;
  OpBuilder builder;
  std::string prefix;
  std::optional<int64_t> currentLayer;
  Value positions, slidingTable, fullTable, perLayerInputs;
  /// The state after the write of each layer with its own K and V.
  std::vector<Value> kvStates;
};

} // namespace

//===----------------------------------------------------------------------===//
// Checks and symbols
//===----------------------------------------------------------------------===//

LogicalResult ModelImporter::findPrefix() {
  for (const char *candidate :
       {"model.language_model.", "language_model.model.", "model."}) {
    prefix = candidate;
    if (weights.find(prefix + "embed_tokens.weight"))
      return success();
  }
  return emitError(builder.getUnknownLoc())
         << "no tensor 'embed_tokens.weight' with the prefix "
            "'model.language_model.', 'language_model.model.' or 'model.'";
}

void ModelImporter::declareCaches() {
  for (auto [index, layer] : llvm::enumerate(config.layers)) {
    if (!layer.ownKv)
      continue;
    auto type =
        gemma::KvType::get(builder.getContext(), layer.kvHeads, layer.headDim,
                           layer.sliding ? config.slidingWindow : 0);
    std::string name = "kv." + std::to_string(index);
    gemma::KvCacheOp::create(builder, loc("layers." + Twine(index) + ".kv"),
                             name,
                             /*sym_visibility=*/nullptr, type);
  }
}

//===----------------------------------------------------------------------===//
// Single ops
//===----------------------------------------------------------------------===//

std::string ModelImporter::fullName(const Twine &name) const {
  if (currentLayer)
    return ("layers." + Twine(*currentLayer) + "." + name).str();
  return name.str();
}

Location ModelImporter::loc(const Twine &name) {
  return NameLoc::get(builder.getStringAttr(fullName(name)));
}

template <typename Op, typename... Args>
Op ModelImporter::create(const Twine &name, Args &&...args) {
  auto op = Op::create(builder, loc(name), std::forward<Args>(args)...);
  if (currentLayer)
    op->setAttr(gemma::kLayerAttr, builder.getI64IntegerAttr(*currentLayer));
  return op;
}

RankedTensorType ModelImporter::rows(int64_t columns) {
  return RankedTensorType::get({ShapedType::kDynamic, columns},
                               builder.getF32Type());
}

Value ModelImporter::weight(const Twine &name, StringRef suffix) {
  std::string symbol = config::tensorName(prefix, fullName(name + suffix));
  auto module = builder.getBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto declaration = module.lookupSymbol<gemma::WeightOp>(symbol);
  return create<gemma::GetWeightOp>(name, declaration.getType(), symbol);
}

static int64_t columnsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

Value ModelImporter::linear(StringRef name, Value input, double scale) {
  Value matrix = weight(name);
  int64_t outputs = cast<RankedTensorType>(matrix.getType()).getDimSize(0);
  return create<gemma::LinearOp>(name, rows(outputs), input, matrix, f32(scale),
                                 /*cap=*/nullptr);
}

Value ModelImporter::norm(StringRef name, Value input, int64_t group) {
  Value multiplier = weight(name);
  return create<gemma::RmsNormOp>(
      name, input.getType(), input, multiplier, f32(config.rmsNormEps),
      builder.getI64IntegerAttr(group ? group : columnsOf(input)));
}

Value ModelImporter::rope(StringRef name, Value input,
                          const LayerConfig &layer) {
  return create<gemma::RopeOp>(name, input.getType(), input,
                               layer.sliding ? slidingTable : fullTable,
                               builder.getI64IntegerAttr(layer.headDim));
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

/// tok = sqrt(P) * Ep[t], ctx = RMS(H^(-1/2) * Wm x0; wp) per group of P,
/// ple = 2^(-1/2) * (ctx + tok).
Value ModelImporter::buildPerLayerInputs(Value ids, Value embedding) {
  int64_t width = config.numLayers() * config.perLayerInput;
  Value token =
      create<gemma::EmbedOp>("embed_tokens_per_layer", rows(width), ids,
                             weight("embed_tokens_per_layer"),
                             f32(std::sqrt(double(config.perLayerInput))));
  Value projected = linear("per_layer_model_projection", embedding);
  Value context = create<gemma::ScaleOp>(
      "per_layer_model_projection.scaled", projected.getType(), projected,
      f32(1 / std::sqrt(double(config.hiddenSize))));
  context = norm("per_layer_projection_norm", context, config.perLayerInput);
  Value sum =
      create<gemma::AddOp>("ple.sum", context.getType(), context, token);
  return create<gemma::ScaleOp>("ple", sum.getType(), sum,
                                f32(1 / std::sqrt(2.0)));
}

Value ModelImporter::buildKvWrite(const LayerConfig &layer, Value normed) {
  Value projected = linear("self_attn.k_proj", normed);
  Value key = norm("self_attn.k_norm", projected, layer.headDim);
  key = rope("k", key, layer);
  Value value = layer.kEqV ? projected : linear("self_attn.v_proj", normed);
  if (config.valueNorm)
    value = create<gemma::RmsNormOp>("v", value.getType(), value,
                                     /*weight=*/Value(), f32(config.rmsNormEps),
                                     builder.getI64IntegerAttr(layer.headDim));
  std::string symbol = "kv." + std::to_string(*currentLayer);
  auto type =
      gemma::KvType::get(builder.getContext(), layer.kvHeads, layer.headDim,
                         layer.sliding ? config.slidingWindow : 0);
  Value cache = create<gemma::GetCacheOp>("kv", type, symbol);
  return create<gemma::KvWriteOp>("kv", type, key, value, positions, cache);
}

Value ModelImporter::buildAttention(const LayerConfig &layer, Value x) {
  Value normed = norm("input_layernorm", x);
  Value query = norm("self_attn.q_norm", linear("self_attn.q_proj", normed),
                     layer.headDim);
  query = rope("q", query, layer);
  if (layer.ownKv)
    kvStates[*currentLayer] = buildKvWrite(layer, normed);
  Value kv = kvStates[layer.kvSource];
  Value heads = create<gemma::AttentionOp>(
      "self_attn", query.getType(), query, kv, positions,
      builder.getI64IntegerAttr(config.numHeads));
  return norm("post_attention_layernorm", linear("self_attn.o_proj", heads));
}

Value ModelImporter::buildMlp(Value x) {
  Value normed = norm("pre_feedforward_layernorm", x);
  Value gate = linear("mlp.gate_proj", normed);
  Value up = linear("mlp.up_proj", normed);
  Value product = create<gemma::GeluMulOp>("mlp.act", gate.getType(), gate, up);
  return linear("mlp.down_proj", product);
}

/// r = RMS(x) * scale * H^(-1/2) chooses the experts, which read another norm
/// of x. The results of the chosen ones are summed with the router's weights.
Value ModelImporter::buildExperts(Value x) {
  Value scaled = create<gemma::RmsNormOp>(
      "router.scale", x.getType(), x, weight("router.scale", /*suffix=*/""),
      f32(config.rmsNormEps), builder.getI64IntegerAttr(columnsOf(x)));
  Value logits =
      linear("router.proj", scaled, 1 / std::sqrt(double(config.hiddenSize)));
  Value probs =
      create<gemma::SoftmaxOp>("router.probs", logits.getType(), logits);
  auto choice = create<gemma::TopExpertsOp>(
      "router.weights", rows(config.topKExperts),
      RankedTensorType::get({ShapedType::kDynamic, config.topKExperts},
                            builder.getI32Type()),
      probs, weight("router.per_expert_scale", /*suffix=*/""));
  choice->setLoc(FusedLoc::get(builder.getContext(),
                               {loc("router.weights"), loc("router.experts")}));
  Value experts = choice.getExperts();
  Value normed = norm("pre_feedforward_layernorm_2", x);
  Value product = create<gemma::ExpertGatedLinearOp>(
      "experts.gate_up_proj",
      rows(config.topKExperts * config.moeIntermediateSize), normed, experts,
      weight("experts.gate_up_proj", /*suffix=*/""));
  return create<gemma::ExpertLinearOp>(
      "experts.down_proj", x.getType(), product, experts, choice.getWeights(),
      weight("experts.down_proj", /*suffix=*/""));
}

Value ModelImporter::buildFeedForward(Value x) {
  Value dense = buildMlp(x);
  if (!config.isMoe)
    return norm("post_feedforward_layernorm", dense);
  dense = norm("post_feedforward_layernorm_1", dense);
  Value sparse = norm("post_feedforward_layernorm_2", buildExperts(x));
  Value sum =
      create<gemma::AddOp>("feedforward.sum", x.getType(), dense, sparse);
  return norm("post_feedforward_layernorm", sum);
}

/// The gate reads the residual stream itself, without a norm.
Value ModelImporter::buildPerLayerBlock(Value x) {
  Value gate = linear("per_layer_input_gate", x);
  Value input = create<gemma::SliceOp>(
      "ple", rows(config.perLayerInput), perLayerInputs,
      builder.getI64IntegerAttr(*currentLayer * config.perLayerInput));
  Value product =
      create<gemma::GeluMulOp>("ple_gate", gate.getType(), gate, input);
  return norm("post_per_layer_input_norm",
              linear("per_layer_projection", product));
}

Value ModelImporter::buildLayer(int64_t index, Value x) {
  currentLayer = index;
  const LayerConfig &layer = config.layers[index];
  auto addTo = [&](Value residual, StringRef name, Value branch) -> Value {
    return create<gemma::AddOp>(name, x.getType(), residual, branch);
  };
  x = addTo(x, "residual_attn", buildAttention(layer, x));
  x = addTo(x, config.layerScalar ? "residual_mlp" : "out",
            buildFeedForward(x));
  if (config.perLayerInput)
    x = addTo(x, "residual_ple", buildPerLayerBlock(x));
  if (config.layerScalar) {
    Value scalar = weight("layer_scalar", /*suffix=*/"");
    x = create<gemma::ScaleByOp>("out", x.getType(), x, scalar);
  }
  currentLayer.reset();
  return x;
}

Value ModelImporter::buildForward(Value ids, Value positionArgument) {
  positions = positionArgument;
  kvStates.resize(config.layers.size());
  Value table = weight("embed_tokens");
  Value x = create<gemma::EmbedOp>("embed", rows(config.hiddenSize), ids, table,
                                   f32(std::sqrt(double(config.hiddenSize))));
  if (config.perLayerInput)
    perLayerInputs = buildPerLayerInputs(ids, x);
  auto buildTable = [&](StringRef name, const config::RopeConfig &rope,
                        int64_t headDim) -> Value {
    return create<gemma::RopeTableOp>(
        name, rows(2 * rope.rotaryPairs), positions,
        builder.getI64IntegerAttr(headDim),
        builder.getI64IntegerAttr(rope.rotaryPairs), f32(rope.theta),
        f32(rope.factor));
  };
  for (const LayerConfig &layer : config.layers) {
    if (layer.sliding && !slidingTable)
      slidingTable =
          buildTable("rope.sliding", config.slidingRope, layer.headDim);
    if (!layer.sliding && !fullTable)
      fullTable = buildTable("rope.full", config.fullRope, layer.headDim);
  }
  for (int64_t index = 0; index < config.numLayers(); ++index)
    x = buildLayer(index, x);
  x = norm("norm", x);
  // A tied head is the embedding table itself, without the embedding's scale.
  Value head = config.tiedEmbeddings ? table : weight("lm_head");
  bool capped = config.finalLogitSoftcap.has_value();
  Value logits = create<gemma::LinearOp>(capped ? "lm_head" : "logits",
                                         rows(config.vocabSize), x, head,
                                         f32(1.0), /*cap=*/nullptr);
  if (capped)
    logits = create<gemma::SoftcapOp>("logits", logits.getType(), logits,
                                      f32(*config.finalLogitSoftcap));
  return logits;
}

FailureOr<OwningOpRef<ModuleOp>> ModelImporter::run() {
  if (failed(findPrefix()))
    return failure();
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder, loc("model"));
  builder.setInsertionPointToEnd(module->getBody());
  if (failed(declareWeights(builder, config, weights, prefix)))
    return failure();
  declareCaches();

  auto idsType =
      RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto positionsType =
      RankedTensorType::get({ShapedType::kDynamic}, builder.getI64Type());
  auto function =
      func::FuncOp::create(builder, loc("forward"), "forward",
                           builder.getFunctionType({idsType, positionsType},
                                                   rows(config.vocabSize)));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Value logits = buildForward(body->getArgument(0), body->getArgument(1));
  func::ReturnOp::create(builder, loc("forward"), logits);
  if (failed(verify(*module)))
    return failure();
  return module;
}

FailureOr<OwningOpRef<ModuleOp>>
gemcut::gemma4::importModel(MLIRContext &context, const ModelConfig &config,
                            const checkpoint::WeightSource &weights) {
  context.loadDialect<gemma::GemmaDialect, func::FuncDialect>();
  return ModelImporter(context, config, weights).run();
}
