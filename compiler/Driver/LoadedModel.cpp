//===- LoadedModel.cpp - Everything a checkpoint directory says -----------===//

#include "compiler/Driver/LoadedModel.h"

#include "compiler/Artifact/ArtifactReader.h"
#include "compiler/Driver/LoadGguf.h"
#include "frontends/ChatTemplate/ChatTemplate.h"
#include "frontends/Checkpoint/CheckpointError.h"
#include "frontends/Checkpoint/MappedFile.h"
#include "frontends/Checkpoint/StackedExperts.h"
#include "frontends/Gemma3/FoldedWeights.h"
#include "frontends/Gemma4/Importer.h"
#include "frontends/Gemma4/RandomWeights.h"
#include "frontends/Json/CheckedJson.h"
#include "frontends/Json/JsonFields.h"
#include "frontends/Quantized/QuantizedWeights.h"
#include "frontends/Safetensors/Checkpoint.h"
#include "frontends/Tokenizer/TokenizerTables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace gemcut;
using namespace gemcut::driver;
using llvm::createStringError;
using llvm::StringRef;

namespace {

/// Files of checkpoints are regular; what a flag names may be a pipe.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readFile(StringRef path, LoadedModel &model, bool isOfCheckpoint = true) {
  model.inputs.push_back(path.str());
  if (isOfCheckpoint)
    if (llvm::Error error = checkpoint::refuseSpecialFile(path))
      return checkpoint::about(std::move(error), path);
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return checkpoint::about(
        createStringError(path.str() +
                          ": cannot be read: " + buffer.getError().message()),
        path);
  return std::move(*buffer);
}

std::string inDirectory(StringRef directory, StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

/// The files that a MODEL argument stands for.
struct ModelFiles {
  std::string directory, config, checkpoint; ///< checkpoint empty: none
};

llvm::Expected<ModelFiles> findFiles(StringRef path,
                                     const WeightOptions &weights) {
  if (path.empty())
    return createStringError("MODEL is empty; name a checkpoint");
  if (!llvm::sys::fs::exists(path))
    return checkpoint::about(
        createStringError(path.str() + ": no such file or directory"), path);
  if (llvm::Error error = checkpoint::refuseSpecialFile(path))
    return checkpoint::about(std::move(error), path);
  ModelFiles files;
  bool isDirectory = llvm::sys::fs::is_directory(path);
  StringRef parent = llvm::sys::path::parent_path(path);
  files.directory = isDirectory      ? path.str()
                    : parent.empty() ? "."
                                     : parent.str();
  files.config = inDirectory(files.directory, "config.json");
  if (isDirectory) {
    files.checkpoint = path.str();
  } else if (path.ends_with(".safetensors")) {
    files.checkpoint = path.str();
  } else if (path.ends_with(".json")) {
    files.config = path.str();
    if (!weights.randomSeed)
      return createStringError(
          path.str() +
          ": is a configuration without weights; name the "
          "checkpoint's directory, or add --weights random to size "
          "and time the model");
  } else {
    if (llvm::Error error = artifact::refuseProgram(path))
      return std::move(error);
    return checkpoint::about(
        createStringError(path.str() +
                          ": expected a checkpoint directory, a .safetensors "
                          "or .gguf file or a config.json"),
        path);
  }
  if (!llvm::sys::fs::exists(files.config))
    return checkpoint::about(
        createStringError(files.config +
                          ": no such file; a checkpoint needs its config.json"),
        files.config);
  return files;
}

llvm::Error loadTokenizer(const ModelFiles &files, LoadedModel &model) {
  std::string path = inDirectory(files.directory, "tokenizer.json");
  if (!llvm::sys::fs::exists(path)) {
    model.warnings.push_back(
        files.directory + ": holds no tokenizer.json; the executable will take "
                          "token ids only");
    return llvm::Error::success();
  }
  tokenizer::TokenNames names;
  std::string namesPath = inDirectory(files.directory, "tokenizer_config.json");
  if (llvm::sys::fs::exists(namesPath)) {
    auto text = readFile(namesPath, model);
    if (!text)
      return text.takeError();
    auto read = tokenizer::readTokenNames((*text)->getBuffer(), namesPath);
    if (!read)
      return checkpoint::about(read.takeError(), namesPath);
    names = std::move(*read);
  }
  auto text = readFile(path, model);
  if (!text)
    return text.takeError();
  auto tables = tokenizer::compileTokenizerJson((*text)->getBuffer(), path,
                                                model.config.vocabSize, names);
  if (!tables)
    return checkpoint::about(tables.takeError(), path);
  model.tokenizer = std::move(*tables);
  return llvm::Error::success();
}

StringRef getBuiltinTemplate(const config::ModelConfig &config) {
  return chat::getBuiltinTemplate(config.offsetNorms ? chat::Family::Gemma3
                                  : config.perLayerInput
                                      ? chat::Family::Gemma4Small
                                      : chat::Family::Gemma4Large);
}

/// The chat template among a tokenizer's settings, or "": a text, or a list of
/// templates with names, of which "default" is for conversations.
std::string findStoredTemplate(const nlohmann::json &settings) {
  auto found = settings.find("chat_template");
  if (found == settings.end())
    return "";
  if (found->is_string())
    return *found;
  if (found->is_array())
    for (const nlohmann::json &entry : *found)
      if (entry.is_object() && entry.contains("name") &&
          entry["name"] == "default")
        if (auto text = entry.find("template");
            text != entry.end() && text->is_string())
          return *text;
  return "";
}

llvm::Error loadChatTemplate(const ModelFiles &files, LoadedModel &model) {
  std::string path = inDirectory(files.directory, "chat_template.jinja");
  if (llvm::sys::fs::exists(path)) {
    auto text = readFile(path, model);
    if (!text)
      return text.takeError();
    if ((*text)->getBuffer().trim().empty())
      return llvm::createStringError(
          path + ": is empty, expected a chat template; --chat-template "
                 "builtin takes that of the model's family");
    return compileTemplate((*text)->getBuffer(), path, model);
  }
  // Older checkpoints keep the template among the tokenizer's settings.
  path = inDirectory(files.directory, "tokenizer_config.json");
  if (!llvm::sys::fs::exists(path))
    return compileTemplate("", files.directory, model);
  auto text = readFile(path, model);
  if (!text)
    return text.takeError();
  auto settings = checked_json::parseJsonObject((*text)->getBuffer(), path);
  if (!settings)
    return checkpoint::about(settings.takeError(), path);
  return compileTemplate(findStoredTemplate(*settings), path, model,
                         "chat_template");
}

/// The files that hold the checkpoint's tensors.
void addCheckpointFiles(const ModelFiles &files, LoadedModel &model) {
  std::string index =
      inDirectory(files.checkpoint, "model.safetensors.index.json");
  if (llvm::sys::fs::exists(index))
    model.inputs.push_back(std::move(index));
  for (const std::string &name : model.weights->names()) {
    std::string path = model.weights->fileOf(name);
    if (!llvm::is_contained(model.inputs, path))
      model.inputs.push_back(std::move(path));
  }
}

} // namespace

llvm::Error gemcut::driver::compileTemplate(StringRef text, StringRef file,
                                            LoadedModel &model,
                                            StringRef part) {
  if (text.trim().empty()) {
    text = getBuiltinTemplate(model.config);
    // Only executables that tokenize have use for one.
    if (!model.tokenizer.empty())
      model.warnings.push_back(file.str() +
                               ": holds no chat template; the builtin one of "
                               "the model's family is taken");
  }
  std::string name =
      part.empty() ? file.str() : (file + " (" + part + ")").str();
  size_t wrong = 0;
  if (!llvm::json::isUTF8(text, &wrong))
    return checkpoint::about(createStringError(name +
                                               ": is not UTF-8 from byte " +
                                               std::to_string(wrong) +
                                               " on, expected a chat "
                                               "template in UTF-8"),
                             file);
  auto program = chat::compileChatTemplate(text, name);
  if (!program)
    return checkpoint::about(program.takeError(), file);
  model.chatProgram = std::move(*program);
  return llvm::Error::success();
}

llvm::Error gemcut::driver::compileChosenTemplate(StringRef choice,
                                                  LoadedModel &model) {
  if (choice == "builtin")
    return compileTemplate(getBuiltinTemplate(model.config), choice, model);
  auto text = readFile(choice.str(), model, /*isOfCheckpoint=*/false);
  if (!text)
    return text.takeError();
  if ((*text)->getBuffer().trim().empty())
    return llvm::createStringError(choice + ": is empty, expected a chat "
                                            "template");
  return compileTemplate((*text)->getBuffer(), choice, model);
}

llvm::Error gemcut::driver::checkName(StringRef name, StringRef path) {
  if (checked_json::isPlainName(name))
    return llvm::Error::success();
  return createStringError(checked_json::quoteName(path) + ": the name " +
                           checked_json::quoteName(name) +
                           " holds control characters or is not UTF-8; rename "
                           "it, as the result carries it");
}

llvm::Error gemcut::driver::adaptWeights(StringRef path,
                                         const WeightOptions &weights,
                                         LoadedModel &model) {
  auto prefix = config::findTextPrefix(*model.weights, path);
  if (!prefix)
    return prefix.takeError();
  auto merged = lora::mergeAdapters(std::move(model.weights), *prefix,
                                    weights.loras, &model.inputs);
  if (!merged)
    return merged.takeError();
  auto adapted = lora::addAdapters(std::move(*merged), *prefix,
                                   weights.runtimeLoras, &model.inputs);
  if (!adapted)
    return adapted.takeError();
  model.weights = std::move(*adapted);
  model.weights = gemma3::foldWeights(model.config, std::move(model.weights));
  // Sums of blocks and adapters have no format of their own.
  model.keepsFormats &= weights.loras.empty();
  return llvm::Error::success();
}

llvm::Expected<LoadedModel>
gemcut::driver::loadModel(StringRef path, const WeightOptions &weights,
                          StringRef quant, StringRef chatTemplate) {
  if (path.ends_with(".gguf")) {
    auto model = loadGguf(path, weights, chatTemplate);
    if (!model)
      return checkpoint::about(model.takeError(), path);
    return model;
  }
  auto files = findFiles(path, weights);
  if (!files)
    return files.takeError();
  LoadedModel model;
  llvm::SmallString<256> absolute(files->directory);
  llvm::sys::fs::make_absolute(absolute);
  llvm::sys::path::remove_dots(absolute, /*remove_dot_dot=*/true);
  model.name = llvm::sys::path::filename(absolute).str();
  if (llvm::Error error = checkName(model.name, path))
    return std::move(error);
  auto text = readFile(files->config, model);
  if (!text)
    return text.takeError();
  auto config = config::parseModelConfig((*text)->getBuffer(), files->config,
                                         &model.warnings);
  if (!config)
    return checkpoint::about(config.takeError(), files->config);
  model.config = std::move(*config);
  if (model.config.hasVisionTower || model.config.hasAudioTower)
    model.warnings.push_back(
        files->config +
        ": the vision and audio towers are not compiled yet; the "
        "executable takes text");

  std::string generation =
      inDirectory(files->directory, "generation_config.json");
  if (llvm::sys::fs::exists(generation)) {
    auto text = readFile(generation, model);
    if (!text)
      return text.takeError();
    auto parsed = config::parseGenerationConfig(
        (*text)->getBuffer(), generation, model.config, &model.warnings);
    if (!parsed)
      return checkpoint::about(parsed.takeError(), generation);
    model.generation = std::move(*parsed);
  } else {
    model.generation = config::defaultGenerationConfig(model.config);
  }

  if (weights.randomSeed) {
    if (quant == "mobile") {
      model.config.storedAs = config::StoredAs::RowScales;
      model.config.tiedEmbeddings = false;
    }
    model.isRandomMobile = model.config.storedAs == config::StoredAs::RowScales;
    model.weights = std::make_unique<gemma4::RandomWeights>(
        gemma4::expectedWeights(model.config), *weights.randomSeed,
        model.config.offsetNorms);
  } else {
    if (llvm::Error error = safetensors::refuseShard(files->checkpoint))
      return checkpoint::about(std::move(error), files->checkpoint);
    auto checkpoint = safetensors::Checkpoint::open(files->checkpoint);
    if (!checkpoint)
      return checkpoint::about(checkpoint.takeError(), files->checkpoint);
    auto matrices =
        quantized::QuantizedWeights::open(std::move(*checkpoint), model.config);
    if (!matrices)
      return checkpoint::about(matrices.takeError(), files->checkpoint);
    model.weights = std::move(*matrices);
    model.keepsFormats = model.config.storedAs != config::StoredAs::Floats;
    addCheckpointFiles(*files, model);
    auto stacked = checkpoint::StackedExperts::stack(std::move(model.weights));
    if (!stacked)
      return checkpoint::about(stacked.takeError(), files->checkpoint);
    model.weights = std::move(*stacked);
    auto check =
        config::checkTensors(model.config, *model.weights, files->checkpoint);
    if (!check)
      return checkpoint::about(check.takeError(), files->checkpoint);
    model.check = std::move(*check);
  }
  if (llvm::Error error = adaptWeights(path, weights, model))
    return std::move(error);

  if (llvm::Error error = loadTokenizer(*files, model))
    return std::move(error);
  if (llvm::Error error = chatTemplate.empty()
                              ? loadChatTemplate(*files, model)
                              : compileChosenTemplate(chatTemplate, model))
    return std::move(error);
  return model;
}
