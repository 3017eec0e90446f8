//===- TensorNames.h - Names of tensors in GGUF -----------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_GGUF_TENSORNAMES_H
#define GEMCUT_FRONTENDS_GGUF_TENSORNAMES_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace gemcut::gguf {

/// Name of the tensor of rotary frequency divisors, which Hugging Face
/// checkpoints do not have: the configuration is made of it.
inline constexpr llvm::StringLiteral kRopeFrequencies = "rope_freqs.weight";

/// The Hugging Face name of a tensor of a Gemma model, with the prefix
/// `model.`: "blk.3.attn_q.weight" is "model.layers.3.self_attn.q_proj.weight".
/// nullopt for a name that is none of theirs. ffn_gate_exps and ffn_up_exps,
/// the halves of experts.gate_up_proj, have no name of their own either.
std::optional<std::string> officialName(llvm::StringRef name);

/// The name in GGUF of a tensor with a Hugging Face name, the inverse of
/// officialName.
std::optional<std::string> ggufName(llvm::StringRef officialName);

} // namespace gemcut::gguf

#endif // GEMCUT_FRONTENDS_GGUF_TENSORNAMES_H
