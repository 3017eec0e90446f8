//===- TensorNames.cpp - What a checkpoint must hold ----------------------===//

#include "frontends/Config/TensorNames.h"
#include "frontends/Checkpoint/CheckpointError.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace gemcut;
using namespace gemcut::config;
using llvm::createStringError;
using llvm::StringRef;

static constexpr llvm::StringLiteral kPrefixes[] = {
    "model.language_model.", "language_model.model.", "model."};

namespace {
enum class Tower { None, Vision, Audio };
} // namespace

static Tower towerOf(llvm::StringRef name) {
  name.consume_front("model.");
  for (llvm::StringRef part : {"vision_tower.", "embed_vision.",
                               "vision_embedder.", "multi_modal_projector."})
    if (name.starts_with(part))
      return Tower::Vision;
  for (llvm::StringRef part : {"audio_tower.", "embed_audio."})
    if (name.starts_with(part))
      return Tower::Audio;
  return Tower::None;
}

static constexpr llvm::StringLiteral kHead = "lm_head.weight";

std::string gemcut::config::tensorName(llvm::StringRef prefix,
                                       llvm::StringRef name) {
  if (name.starts_with("lm_head.") && prefix.consume_back("model."))
    return (prefix == "language_model." ? prefix + name : name).str();
  return (prefix + name).str();
}

std::vector<std::string> gemcut::config::candidateNames(llvm::StringRef name) {
  std::vector<std::string> names;
  for (llvm::StringRef prefix : kPrefixes) {
    std::string candidate = tensorName(prefix, name);
    if (!llvm::is_contained(names, candidate))
      names.push_back(candidate);
  }
  return names;
}

std::vector<ExpectedTensor>
gemcut::config::activationScales(const ModelConfig &config,
                                 const ExpectedTensor &matrix) {
  StringRef name = matrix.name;
  if (config.storedAs != StoredAs::RowScales)
    return {};
  if (matrix.shape.size() == 3) {
    int64_t experts = matrix.shape[0];
    int64_t matrices = name.ends_with("gate_up_proj") ? 2 : 1;
    return {{(name + ".input_activation_scale").str(), {experts}},
            {(name + ".output_activation_scale").str(), {experts * matrices}}};
  }
  bool isLayer = name.starts_with("layers.") && !name.contains("norm");
  if (!name.consume_back("weight") || !(isLayer || matrix.name == kHead))
    return {};
  return {{(name + "input_activation_scale").str(), {1}},
          {(name + "output_activation_scale").str(), {1}}};
}

std::vector<ExpectedTensor>
gemcut::config::expectedTextTensors(const ModelConfig &c) {
  std::vector<ExpectedTensor> tensors;
  int64_t hidden = c.hiddenSize, p = c.perLayerInput, count = c.numLayers();
  auto add = [&](const std::string &name, std::initializer_list<int64_t> shape,
                 bool dead = false) { tensors.push_back({name, shape, dead}); };
  add("embed_tokens.weight", {c.vocabSize, hidden});
  add("norm.weight", {hidden});
  if (!c.tiedEmbeddings)
    add(kHead.str(), {c.vocabSize, hidden});
  if (p) {
    add("embed_tokens_per_layer.weight", {c.perLayerVocabSize, count * p});
    add("per_layer_model_projection.weight", {count * p, hidden});
    add("per_layer_projection_norm.weight", {p});
  }
  for (int64_t i = 0; i < count; ++i) {
    const LayerConfig &l = c.layers[i];
    std::string layer = "layers." + std::to_string(i) + ".";
    for (const char *norm :
         {"input_layernorm", "post_attention_layernorm",
          "pre_feedforward_layernorm", "post_feedforward_layernorm"})
      add(layer + norm + ".weight", {hidden});
    if (c.layerScalar)
      add(layer + "layer_scalar", {1});
    int64_t width = c.numHeads * l.headDim, kvWidth = l.kvHeads * l.headDim;
    add(layer + "self_attn.q_proj.weight", {width, hidden});
    add(layer + "self_attn.q_norm.weight", {l.headDim});
    add(layer + "self_attn.o_proj.weight", {hidden, width});
    add(layer + "self_attn.k_proj.weight", {kvWidth, hidden}, !l.ownKv);
    add(layer + "self_attn.k_norm.weight", {l.headDim}, !l.ownKv);
    if (!l.kEqV)
      add(layer + "self_attn.v_proj.weight", {kvWidth, hidden}, !l.ownKv);
    add(layer + "mlp.gate_proj.weight", {l.intermediateSize, hidden});
    add(layer + "mlp.up_proj.weight", {l.intermediateSize, hidden});
    add(layer + "mlp.down_proj.weight", {hidden, l.intermediateSize});
    if (p) {
      add(layer + "per_layer_input_gate.weight", {p, hidden});
      add(layer + "per_layer_projection.weight", {hidden, p});
      add(layer + "post_per_layer_input_norm.weight", {hidden});
    }
    if (c.isMoe) {
      int64_t experts = c.numExperts, inner = c.moeIntermediateSize;
      add(layer + "router.proj.weight", {experts, hidden});
      add(layer + "router.scale", {hidden});
      add(layer + "router.per_expert_scale", {experts});
      add(layer + "experts.gate_up_proj", {experts, 2 * inner, hidden});
      add(layer + "experts.down_proj", {experts, hidden, inner});
      for (const char *norm :
           {"post_feedforward_layernorm_1", "pre_feedforward_layernorm_2",
            "post_feedforward_layernorm_2"})
        add(layer + norm + ".weight", {hidden});
    }
  }
  return tensors;
}

std::vector<ExpectedTensor>
gemcut::config::singleExpertTensors(const ModelConfig &c) {
  std::vector<ExpectedTensor> tensors;
  int64_t hidden = c.hiddenSize, inner = c.moeIntermediateSize;
  for (int64_t i = 0; i < (c.isMoe ? c.numLayers() : 0); ++i)
    for (int64_t e = 0; e < c.numExperts; ++e) {
      std::string expert =
          "layers." + std::to_string(i) + ".experts." + std::to_string(e) + ".";
      tensors.push_back({expert + "gate_proj.weight", {inner, hidden}});
      tensors.push_back({expert + "up_proj.weight", {inner, hidden}});
      tensors.push_back({expert + "down_proj.weight", {hidden, inner}});
    }
  return tensors;
}

llvm::Expected<std::string>
gemcut::config::findTextPrefix(const checkpoint::WeightSource &weights,
                               llvm::StringRef checkpointPath) {
  for (llvm::StringRef prefix : kPrefixes)
    if (weights.find((prefix + "embed_tokens.weight").str()))
      return prefix.str();
  return createStringError(
      checkpointPath.str() +
      ": holds no embed_tokens.weight under any known prefix (" +
      llvm::join(llvm::ArrayRef(kPrefixes), ", ") +
      "); this is not a Gemma checkpoint");
}

static std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  return "[" +
         llvm::join(llvm::map_range(
                        shape, [](int64_t n) { return std::to_string(n); }),
                    ", ") +
         "]";
}

llvm::Expected<TensorCheck>
gemcut::config::checkTensors(const ModelConfig &config,
                             const checkpoint::WeightSource &weights,
                             llvm::StringRef checkpointPath) {
  auto prefix = findTextPrefix(weights, checkpointPath);
  if (!prefix)
    return prefix.takeError();
  TensorCheck check;
  check.prefix = *prefix;
  llvm::StringSet<> known;
  for (const ExpectedTensor &expected : expectedTextTensors(config)) {
    std::string name = tensorName(*prefix, expected.name);
    known.insert(name);
    for (const ExpectedTensor &scale : activationScales(config, expected))
      known.insert(tensorName(*prefix, scale.name));
    std::optional<checkpoint::WeightInfo> found = weights.find(name);
    if (expected.dead) {
      check.deadTensors += found.has_value();
      check.skippedBytes += found ? found->bytes : 0;
      continue;
    }
    if (!found)
      return checkpoint::weightError(weights, checkpointPath, name,
                                     "is missing, expected with shape " +
                                         shapeText(expected.shape));
    if (llvm::ArrayRef<int64_t>(found->shape) !=
        llvm::ArrayRef<int64_t>(expected.shape))
      return checkpoint::weightError(
          weights, weights.fileOf(name), name,
          "has shape " + shapeText(found->shape) + ", expected " +
              shapeText(expected.shape) + " by the configuration");
    if (!found->isReadable())
      return checkpoint::weightError(
          weights, weights.fileOf(name), name,
          ("has dtype " + checkpoint::stringify(found->type) +
           ", supported are BF16, F16 and F32")
              .str(),
          checkpoint::CheckpointError::Kind::Unsupported);
  }
  for (const std::string &name : weights.names()) {
    if (known.contains(name))
      continue;
    Tower tower = towerOf(name);
    if (tower == Tower::None)
      return checkpoint::weightError(
          weights, weights.fileOf(name), name,
          llvm::StringRef(name).ends_with("lm_head.weight")
              ? "is a separate output head, but the configuration ties it to "
                "the embeddings"
              : "is not part of the model that the configuration describes");
    ++(tower == Tower::Vision ? check.visionTensors : check.audioTensors);
    ++check.towerTensors;
    check.skippedBytes += weights.find(name)->bytes;
  }
  return check;
}

std::string TensorCheck::describeSkipped() const {
  if (!deadTensors && !towerTensors)
    return "";
  return llvm::formatv("{0} unused key and value, {1} vision and {2} audio "
                       "tensors ({3:F1} MB) are skipped",
                       deadTensors, visionTensors, audioTensors,
                       double(skippedBytes) / 1e6);
}
