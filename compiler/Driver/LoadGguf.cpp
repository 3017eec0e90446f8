//===- LoadGguf.cpp - Everything a GGUF file says -------------------------===//

#include "compiler/Driver/LoadGguf.h"

#include "frontends/GGUF/ModelMetadata.h"
#include "frontends/GGUF/Vocabulary.h"
#include "frontends/Gemma4/Importer.h"
#include "frontends/Gemma4/RandomWeights.h"
#include "frontends/Tokenizer/TokenizerTables.h"

#include "llvm/Support/Path.h"

using namespace gemcut;
using namespace gemcut::driver;
using llvm::Error;
using llvm::StringRef;

/// Errors of the parsers of JSON files name this.
static std::string describeMetadata(StringRef path) {
  return (path + " (metadata)").str();
}

static Error readConfigs(const gguf::Checkpoint &checkpoint, StringRef path,
                         LoadedModel &model) {
  auto config = gguf::readModelConfig(checkpoint, &model.warnings);
  if (!config)
    return config.takeError();
  model.config = std::move(*config);
  auto text = gguf::makeGenerationJson(checkpoint);
  if (!text)
    return text.takeError();
  auto generation = config::parseGenerationConfig(
      *text, describeMetadata(path), model.config, &model.warnings);
  if (!generation)
    return generation.takeError();
  model.generation = std::move(*generation);
  return Error::success();
}

static Error readChatTemplate(const gguf::Metadata &metadata, StringRef path,
                              LoadedModel &model) {
  auto chat = metadata.string("tokenizer.chat_template", "");
  if (!chat)
    return chat.takeError();
  return compileTemplate(*chat, path.str(), model, "tokenizer.chat_template");
}

static Error readTokenizer(const gguf::Metadata &metadata, StringRef path,
                           LoadedModel &model) {
  if (!gguf::hasVocabulary(metadata)) {
    model.warnings.push_back(
        path.str() +
        ": holds no vocabulary; the executable will take token ids only");
    return Error::success();
  }
  auto vocabulary = gguf::readVocabulary(metadata);
  if (!vocabulary)
    return vocabulary.takeError();
  auto tables = tokenizer::compileTokenizer(*vocabulary, describeMetadata(path),
                                            model.config.vocabSize,
                                            tokenizer::TokenNames());
  if (!tables)
    return tables.takeError();
  model.tokenizer = std::move(*tables);
  return Error::success();
}

static bool hasBlockMatrices(const checkpoint::WeightSource &weights) {
  return llvm::any_of(weights.names(), [&](const std::string &name) {
    auto info = weights.find(name);
    return info->shape.size() > 1 && checkpoint::isBlock(info->type);
  });
}

llvm::Expected<LoadedModel>
gemcut::driver::loadGguf(StringRef path, const WeightOptions &weights,
                         StringRef chatTemplate) {
  auto opened = gguf::Checkpoint::open(path);
  if (!opened)
    return opened.takeError();
  std::unique_ptr<gguf::Checkpoint> checkpoint = std::move(*opened);
  LoadedModel model;
  model.name = llvm::sys::path::stem(path).str();
  if (Error error = checkName(model.name, path))
    return std::move(error);
  model.inputs = checkpoint->files();
  if (Error error = readConfigs(*checkpoint, path, model))
    return std::move(error);
  if (Error error = readTokenizer(checkpoint->metadata(), path, model))
    return std::move(error);
  if (Error error = chatTemplate.empty()
                        ? readChatTemplate(checkpoint->metadata(), path, model)
                        : compileChosenTemplate(chatTemplate, model))
    return std::move(error);
  if (weights.randomSeed) {
    model.weights = std::make_unique<gemma4::RandomWeights>(
        gemma4::expectedWeights(model.config), *weights.randomSeed,
        model.config.offsetNorms);
  } else {
    auto check = config::checkTensors(model.config, *checkpoint, path);
    if (!check)
      return check.takeError();
    model.check = std::move(*check);
    model.weights = std::move(checkpoint);
    model.keepsFormats = hasBlockMatrices(*model.weights);
  }
  if (Error error = adaptWeights(path, weights, model))
    return std::move(error);
  return model;
}
