//===- GoldenCase.h - A golden checkpoint, imported -------------*- C++ -*-===//

#ifndef GEMCUT_TEST_UNIT_REFERENCE_GOLDENCASE_H
#define GEMCUT_TEST_UNIT_REFERENCE_GOLDENCASE_H

#include "compiler/Reference/Interpreter.h"
#include "frontends/Gemma4/Importer.h"
#include "frontends/Gemma4/RandomWeights.h"
#include "frontends/Safetensors/Checkpoint.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/JSON.h"

#include <map>
#include <memory>

namespace gemcut::test {

/// What a golden run expects: golden.safetensors and golden.json of one folder.
struct GoldenCase {
  std::string folder;
  config::ModelConfig config;
  std::unique_ptr<safetensors::Checkpoint> golden;
  llvm::json::Value description = nullptr;
  float logitsAbs = 0, tensorsRel = 0;
  std::vector<int32_t> suppressed; ///< ids that continuations never choose

  /// Reads the case `name` below test/data/goldens; aborts if it is damaged.
  static GoldenCase load(llvm::StringRef name);

  const llvm::json::Object &run(llvm::StringRef name) const;
  std::vector<int32_t> ids(llvm::StringRef run) const;
  int64_t firstPosition(llvm::StringRef run) const;
  /// All values of a golden tensor; ids become floats.
  std::vector<float> values(const safetensors::TensorInfo &tensor) const;
  /// Allowed difference to the golden tensor `name` (without its run).
  float tolerance(llvm::StringRef name, llvm::ArrayRef<float> expected) const;
};

/// Every element of a JSON array of ids.
std::vector<int32_t> toIds(const llvm::json::Array &array);

/// A model that can be run: module, weights and interpreter.
struct RunnableModel {
  mlir::MLIRContext context;
  std::unique_ptr<checkpoint::WeightSource> weights;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<reference::Interpreter> interpreter;

  /// The checkpoint stored with `golden`, or fromConfig if none is.
  static std::unique_ptr<RunnableModel>
  fromCheckpoint(const GoldenCase &golden);
  /// Random weights of seed 0 for the configuration of `golden`.
  static std::unique_ptr<RunnableModel> fromConfig(const GoldenCase &golden);

  /// Logits of `ids` at consecutive positions.
  reference::Tensor forward(llvm::ArrayRef<int32_t> ids, int64_t firstPosition);

  void import(const config::ModelConfig &config);
};

/// Row tensors by name, as observed in one run.
using Observed = std::map<std::string, reference::Tensor>;
reference::Observer recordInto(Observed &observed);

/// `rows` (token, heads * headDim) as the golden caches are: (head, token,
/// dim).
std::vector<float> headsFirst(const reference::Tensor &rows, int64_t heads);

/// Largest |a - b|; infinity if sizes differ or a value is no number.
float largestDifference(llvm::ArrayRef<float> a, llvm::ArrayRef<float> b);

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_REFERENCE_GOLDENCASE_H
