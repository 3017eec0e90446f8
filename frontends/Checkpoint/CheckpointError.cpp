//===- CheckpointError.cpp - Which file and tensor is at fault ------------===//

#include "frontends/Checkpoint/CheckpointError.h"

#include "frontends/Json/CheckedJson.h"
#include "frontends/Json/Unsupported.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::checkpoint;

char CheckpointError::ID = 0;

void CheckpointError::log(llvm::raw_ostream &stream) const {
  stream << message;
}

std::error_code CheckpointError::convertToErrorCode() const {
  return std::make_error_code(std::errc::invalid_argument);
}

llvm::Error gemcut::checkpoint::tensorError(llvm::StringRef file,
                                            llvm::StringRef tensor,
                                            llvm::StringRef what,
                                            CheckpointError::Kind kind) {
  return llvm::make_error<CheckpointError>(
      file.str(), tensor.str(),
      (file + ": tensor " + checked_json::quoteName(tensor) + " " + what).str(),
      kind);
}

/// "'blk.0.attn_q.weight' (model.layers.0.self_attn.q_proj.weight)".
static std::string quoteNames(llvm::StringRef inFile, llvm::StringRef name) {
  std::string text = checked_json::quoteName(inFile);
  return inFile == name ? text : text + " (" + name.str() + ")";
}

llvm::Error gemcut::checkpoint::weightError(const WeightSource &weights,
                                            llvm::StringRef file,
                                            llvm::StringRef name,
                                            llvm::StringRef what,
                                            CheckpointError::Kind kind) {
  return llvm::make_error<CheckpointError>(
      file.str(), name.str(),
      (file + ": tensor " + quoteNames(weights.nameInFile(name), name) + " " +
       what)
          .str(),
      kind);
}

llvm::Error gemcut::checkpoint::notFiniteError(const WeightSource &weights,
                                               llvm::StringRef name,
                                               int64_t element, float value) {
  StoredElement place = weights.locate(name, element);
  bool isScale = place.scale && !std::isfinite(*place.scale);
  if (isScale)
    value = *place.scale;
  else if (place.scale) // their product, or what was computed from it
    place = {weights.fileOf(name), weights.nameInFile(name), element,
             std::nullopt};
  std::optional<WeightInfo> info = weights.find(name);
  std::string where = place.file.empty() ? "" : place.file + ": ";
  where += "tensor " +
           (isScale ? checked_json::quoteName(place.tensor)
                    : quoteNames(place.tensor, name)) +
           " holds " + (std::isnan(value) ? "a NaN" : "an infinity") +
           " at element " + std::to_string(place.element);
  if (isScale)
    where += ", the scale of integers of " + checked_json::quoteName(name);
  else if (info && isBlock(info->type))
    where += ", in the scale of its block";
  return llvm::make_error<CheckpointError>(
      place.file, isScale ? place.tensor : name.str(),
      where + ", expected finite weights; the checkpoint is damaged");
}

llvm::Error gemcut::checkpoint::about(llvm::Error error, llvm::StringRef file,
                                      llvm::StringRef tensor) {
  auto choose = [](llvm::StringRef known, llvm::StringRef given) {
    return (known.empty() ? given : known).str();
  };
  return llvm::handleErrors(
      std::move(error),
      [&](const CheckpointError &known) -> llvm::Error {
        return llvm::make_error<CheckpointError>(choose(known.file, file),
                                                 choose(known.tensor, tensor),
                                                 known.message, known.kind);
      },
      [&](const UnsupportedError &known) -> llvm::Error {
        return llvm::make_error<CheckpointError>(
            file.str(), tensor.str(), known.getMessage(),
            CheckpointError::Kind::Unsupported);
      },
      [&](const llvm::StringError &known) -> llvm::Error {
        return llvm::make_error<CheckpointError>(file.str(), tensor.str(),
                                                 known.getMessage());
      });
}
