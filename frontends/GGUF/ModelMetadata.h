//===- ModelMetadata.h - Metadata as configuration files --------*- C++ -*-===//
//
// Says with the keys of config.json and generation_config.json what the
// metadata of a GGUF file say, so that one parser checks both.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GGUF_MODELMETADATA_H
#define GEMCUT_FRONTENDS_GGUF_MODELMETADATA_H

#include "frontends/Config/ModelConfig.h"
#include "frontends/GGUF/Checkpoint.h"

namespace gemcut::gguf {

/// The text of a config.json of a text-only model, for parseModelConfig. Sizes
/// that metadata do not repeat come from tensors: the vocabulary, layers
/// without a value projection (K = V), and the share of rotated pairs from
/// rope_freqs, whose values are checked. Errors name the file and the key or
/// tensor: an architecture that is not supported, a missing or mistyped key,
/// keys that contradict each other.
llvm::Expected<std::string> makeConfigJson(const Checkpoint &checkpoint);

/// The same for the architecture gemma3. Its norms are stored as 1 + w, other
/// than in safetensors: the parsed configuration's offsetNorms does not hold.
llvm::Expected<std::string> makeGemma3ConfigJson(const Checkpoint &checkpoint);

/// Parses the configuration of a file, for the weights as they are in it.
/// Errors as those of makeConfigJson and parseModelConfig.
llvm::Expected<config::ModelConfig>
readModelConfig(const Checkpoint &checkpoint,
                std::vector<std::string> *warnings);

/// The text of a generation_config.json: stop tokens (those that the file names
/// and those of the chat format, by content), suppressed ones and
/// general.sampling.*, if any.
llvm::Expected<std::string> makeGenerationJson(const Checkpoint &checkpoint);

} // namespace gemcut::gguf

#endif // GEMCUT_FRONTENDS_GGUF_MODELMETADATA_H
