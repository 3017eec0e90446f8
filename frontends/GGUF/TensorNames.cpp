//===- TensorNames.cpp - Names of tensors in GGUF -------------------------===//

#include "frontends/GGUF/TensorNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace {

struct NamePair {
  llvm::StringLiteral gguf, official;
};

constexpr NamePair kModelNames[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output.weight", "lm_head.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"per_layer_token_embd.weight", "model.embed_tokens_per_layer.weight"},
    {"per_layer_model_proj.weight", "model.per_layer_model_projection.weight"},
    {"per_layer_proj_norm.weight", "model.per_layer_projection_norm.weight"},
};

constexpr NamePair kLayerNames[] = {
    {"attn_norm.weight", "input_layernorm.weight"},
    {"attn_q.weight", "self_attn.q_proj.weight"},
    {"attn_k.weight", "self_attn.k_proj.weight"},
    {"attn_v.weight", "self_attn.v_proj.weight"},
    {"attn_output.weight", "self_attn.o_proj.weight"},
    {"attn_q_norm.weight", "self_attn.q_norm.weight"},
    {"attn_k_norm.weight", "self_attn.k_norm.weight"},
    {"post_attention_norm.weight", "post_attention_layernorm.weight"},
    {"ffn_norm.weight", "pre_feedforward_layernorm.weight"},
    {"ffn_gate.weight", "mlp.gate_proj.weight"},
    {"ffn_up.weight", "mlp.up_proj.weight"},
    {"ffn_down.weight", "mlp.down_proj.weight"},
    {"post_ffw_norm.weight", "post_feedforward_layernorm.weight"},
    {"layer_output_scale.weight", "layer_scalar"},
    {"inp_gate.weight", "per_layer_input_gate.weight"},
    {"proj.weight", "per_layer_projection.weight"},
    {"post_norm.weight", "post_per_layer_input_norm.weight"},
    {"ffn_gate_inp.weight", "router.proj.weight"},
    {"ffn_gate_inp.scale", "router.scale"},
    {"ffn_down_exps.scale", "router.per_expert_scale"},
    {"ffn_gate_up_exps.weight", "experts.gate_up_proj"},
    {"ffn_down_exps.weight", "experts.down_proj"},
    {"post_ffw_norm_1.weight", "post_feedforward_layernorm_1.weight"},
    {"pre_ffw_norm_2.weight", "pre_feedforward_layernorm_2.weight"},
    {"post_ffw_norm_2.weight", "post_feedforward_layernorm_2.weight"},
};

} // namespace

std::optional<std::string> gemcut::gguf::officialName(StringRef name) {
  for (const NamePair &pair : kModelNames)
    if (pair.gguf == name)
      return pair.official.str();
  if (!name.consume_front("blk."))
    return std::nullopt;
  auto [layer, rest] = name.split('.');
  // As written by the tools: "blk.03" would be a second name of a tensor.
  if (layer.empty() || layer.size() > 4 ||
      !llvm::all_of(layer, llvm::isDigit) ||
      (layer.size() > 1 && layer[0] == '0'))
    return std::nullopt;
  for (const NamePair &pair : kLayerNames)
    if (pair.gguf == rest)
      return ("model.layers." + layer + "." + pair.official).str();
  return std::nullopt;
}

std::optional<std::string> gemcut::gguf::ggufName(StringRef name) {
  for (const NamePair &pair : kModelNames)
    if (pair.official == name)
      return pair.gguf.str();
  if (!name.consume_front("model.layers."))
    return std::nullopt;
  auto [layer, rest] = name.split('.');
  for (const NamePair &pair : kLayerNames)
    if (pair.official == rest)
      return ("blk." + layer + "." + pair.gguf).str();
  return std::nullopt;
}
