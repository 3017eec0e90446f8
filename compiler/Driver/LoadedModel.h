//===- LoadedModel.h - Everything a checkpoint directory says ---*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_LOADEDMODEL_H
#define GEMCUT_COMPILER_DRIVER_LOADEDMODEL_H

#include "compiler/Driver/Options.h"
#include "frontends/Checkpoint/WeightSource.h"
#include "frontends/Config/ModelConfig.h"
#include "frontends/Config/TensorNames.h"

#include <memory>

namespace gemcut::driver {

struct LoadedModel {
  std::string name; ///< of the directory or GGUF file, for people
  config::ModelConfig config;
  config::GenerationConfig generation;
  config::TensorCheck check;
  /// As the graph reads them: adapters merged, Gemma 3's norms folded.
  std::unique_ptr<checkpoint::WeightSource> weights;
  /// The checkpoint is quantized, and its formats are kept by default: not
  /// where adapters are merged.
  bool keepsFormats = false;
  /// Invented in the form of the mobile releases: by default it also has their
  /// bit widths.
  bool isRandomMobile = false;
  std::vector<uint8_t> tokenizer; ///< compiled tables; empty: none was found
  /// The compiled chat template (runtime/abi/chat_program.h): that of the
  /// checkpoint, else the one of the model's family.
  std::vector<uint8_t> chatProgram;
  std::vector<std::string> warnings; ///< one sentence each
  std::vector<std::string> inputs;   ///< paths of all files that were read
};

/// Compiles the chat template `text` of `file`, or of a `part` of it, which
/// errors name; an empty one stands for that of the model's family, where those
/// without per-layer embeddings count as large, and is a warning where the
/// model has a tokenizer.
llvm::Error compileTemplate(llvm::StringRef text, llvm::StringRef file,
                            LoadedModel &model, llvm::StringRef part = "");

/// Compiles the template that `choice` asks for instead of the checkpoint's:
/// the file of this path, or "builtin" for that of the model's family.
llvm::Error compileChosenTemplate(llvm::StringRef choice, LoadedModel &model);

/// Fails if `name`, the name of what is at `path`, cannot be in a line of text
/// and in JSON: executables and reports carry it.
llvm::Error checkName(llvm::StringRef name, llvm::StringRef path);

/// Merges the adapters that `weights` names into the model's weights, which are
/// those of `path`, and folds Gemma 3's norms.
llvm::Error adaptWeights(llvm::StringRef path, const WeightOptions &weights,
                         LoadedModel &model);

/// Reads `path`: a checkpoint directory, a .safetensors file with config.json
/// beside it, a .gguf file, or a config.json (random weights only). With a
/// random seed the checkpoint's tensors are not opened; with `quant` "mobile"
/// they are invented in the form of the mobile releases, which round
/// activations under scales of their own and have a head beside the embeddings.
/// A `chatTemplate` that is not empty is used instead of the checkpoint's
/// (compileChosenTemplate). One error for whatever is missing, malformed or not
/// supported.
llvm::Expected<LoadedModel> loadModel(llvm::StringRef path,
                                      const WeightOptions &weights,
                                      llvm::StringRef quant = "",
                                      llvm::StringRef chatTemplate = "");

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_LOADEDMODEL_H
