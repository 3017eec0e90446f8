//===- GoldenCase.cpp - A golden checkpoint, imported ---------------------===//

#include "test/unit/Reference/GoldenCase.h"

#include "frontends/Gemma3/FoldedWeights.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

using namespace gemcut;
using namespace gemcut::test;

static std::string readFile(const std::string &path) {
  auto buffer = llvm::cantFail(
      llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(path)), path.c_str());
  return buffer->getBuffer().str();
}

GoldenCase GoldenCase::load(llvm::StringRef name) {
  GoldenCase golden;
  golden.folder = std::string(GEMCUT_TEST_DATA) + "/goldens/" + name.str();
  std::vector<std::string> warnings;
  golden.config = llvm::cantFail(config::parseModelConfig(
      readFile(golden.folder + "/config.json"), "config.json", &warnings));
  std::string settings = golden.folder + "/generation_config.json";
  if (llvm::sys::fs::exists(settings))
    for (int64_t id : llvm::cantFail(config::parseGenerationConfig(
                                         readFile(settings), settings,
                                         golden.config, &warnings))
                          .suppressIds)
      golden.suppressed.push_back(int32_t(id));
  golden.golden = llvm::cantFail(
      safetensors::Checkpoint::open(golden.folder + "/golden.safetensors"));
  golden.description = llvm::cantFail(
      llvm::json::parse(readFile(golden.folder + "/golden.json")));
  const llvm::json::Object &tolerance =
      *golden.description.getAsObject()->getObject("tolerance");
  golden.logitsAbs = *tolerance.getNumber("logits_abs");
  golden.tensorsRel = *tolerance.getNumber("tensors_rel");
  return golden;
}

const llvm::json::Object &GoldenCase::run(llvm::StringRef name) const {
  return *description.getAsObject()->getObject("runs")->getObject(name);
}

std::vector<int32_t> gemcut::test::toIds(const llvm::json::Array &array) {
  std::vector<int32_t> ids;
  for (const llvm::json::Value &id : array)
    ids.push_back(*id.getAsInteger());
  return ids;
}

std::vector<int32_t> GoldenCase::ids(llvm::StringRef name) const {
  return toIds(*run(name).getArray("ids"));
}

int64_t GoldenCase::firstPosition(llvm::StringRef name) const {
  return *run(name).getInteger("first_position");
}

std::vector<float>
GoldenCase::values(const safetensors::TensorInfo &tensor) const {
  std::vector<float> values(tensor.elements());
  if (tensor.dtype == safetensors::DType::I64) {
    llvm::ArrayRef<uint8_t> bytes = golden->bytes(tensor);
    for (auto [i, value] : llvm::enumerate(values)) {
      int64_t id;
      std::memcpy(&id, bytes.data() + i * sizeof(id), sizeof(id));
      value = float(id);
    }
    return values;
  }
  llvm::cantFail(golden->readF32(tensor.name, 0, values));
  return values;
}

float GoldenCase::tolerance(llvm::StringRef name,
                            llvm::ArrayRef<float> expected) const {
  if (name.contains("logits"))
    return logitsAbs;
  float largest = 0;
  for (float value : expected)
    largest = std::max(largest, std::fabs(value));
  return tensorsRel * largest;
}

void RunnableModel::import(const config::ModelConfig &config) {
  auto imported = gemma4::importModel(context, config, *weights);
  if (failed(imported))
    llvm::report_fatal_error("a golden model cannot be imported");
  module = std::move(*imported);
  interpreter = std::make_unique<reference::Interpreter>(*module, *weights);
}

std::unique_ptr<RunnableModel>
RunnableModel::fromCheckpoint(const GoldenCase &golden) {
  if (!llvm::sys::fs::exists(golden.folder + "/model.safetensors") &&
      !llvm::sys::fs::exists(golden.folder + "/model.safetensors.index.json"))
    return fromConfig(golden);
  auto model = std::make_unique<RunnableModel>();
  model->weights = gemma3::foldWeights(
      golden.config,
      llvm::cantFail(safetensors::Checkpoint::open(golden.folder)));
  model->import(golden.config);
  return model;
}

std::unique_ptr<RunnableModel>
RunnableModel::fromConfig(const GoldenCase &golden) {
  auto model = std::make_unique<RunnableModel>();
  model->weights = gemma3::foldWeights(
      golden.config, std::make_unique<gemma4::RandomWeights>(
                         gemma4::expectedWeights(golden.config), /*seed=*/0,
                         golden.config.offsetNorms));
  model->import(golden.config);
  return model;
}

reference::Tensor RunnableModel::forward(llvm::ArrayRef<int32_t> ids,
                                         int64_t firstPosition) {
  std::vector<int64_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), firstPosition);
  auto results = interpreter->run("forward", ids, positions);
  if (failed(results) || results->size() != 1)
    llvm::report_fatal_error("@forward failed");
  return std::move(results->front());
}

reference::Observer gemcut::test::recordInto(Observed &observed) {
  return [&observed](const reference::Observation &observation) {
    for (const std::string &name : observation.names)
      observed[name] = observation.value;
    return reference::Next::Continue;
  };
}

std::vector<float> gemcut::test::headsFirst(const reference::Tensor &rows,
                                            int64_t heads) {
  std::vector<float> result;
  int64_t headDim = rows.columns / heads;
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t r = 0; r < rows.rows; ++r)
      for (float value : rows.row(r).slice(h * headDim, headDim))
        result.push_back(value);
  return result;
}

float gemcut::test::largestDifference(llvm::ArrayRef<float> a,
                                      llvm::ArrayRef<float> b) {
  if (a.size() != b.size())
    return std::numeric_limits<float>::infinity();
  float largest = 0;
  for (auto [x, y] : llvm::zip_equal(a, b)) {
    float difference = std::fabs(x - y);
    if (!std::isfinite(difference))
      return std::numeric_limits<float>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}
