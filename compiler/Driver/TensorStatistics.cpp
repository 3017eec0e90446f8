//===- TensorStatistics.cpp - What the values of tensors are like ---------===//

#include "compiler/Driver/TensorStatistics.h"

#include "compiler/Driver/LoadedModel.h"
#include "frontends/Checkpoint/CheckpointError.h"

#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

using namespace gemcut;
using namespace gemcut::driver;

/// Values that are read at a time.
static constexpr int64_t kBlock = 1 << 18;

static llvm::Error measure(const checkpoint::WeightSource &weights,
                           TensorStatistics &tensor) {
  int64_t count = 1;
  for (int64_t size : tensor.shape)
    count *= size;
  double sum = 0, squares = 0, fourths = 0;
  std::vector<float> values;
  for (int64_t at = 0; at < count; at += kBlock) {
    values.resize(size_t(std::min(kBlock, count - at)));
    if (llvm::Error error = weights.readF32(tensor.name, at, values))
      return checkpoint::about(std::move(error), weights.fileOf(tensor.name),
                               tensor.name);
    for (double value : values) {
      double square = value * value;
      sum += value;
      squares += square;
      fourths += square * square;
      tensor.absMax = std::max(tensor.absMax, std::abs(value));
    }
  }
  weights.done(tensor.name);
  tensor.mean = sum / double(count);
  tensor.rms = std::sqrt(squares / double(count));
  if (squares > 0)
    tensor.kurtosis = double(count) * fourths / (squares * squares);
  return llvm::Error::success();
}

llvm::Expected<std::vector<TensorStatistics>>
gemcut::driver::measureTensors(const std::string &path, Reporter &reporter) {
  auto model = loadModel(path, {});
  if (!model)
    return model.takeError();
  for (const std::string &warning : model->warnings)
    reporter.note(warning);
  const checkpoint::WeightSource &weights = *model->weights;
  auto prefix = config::findTextPrefix(weights, path);
  if (!prefix)
    return checkpoint::about(prefix.takeError(), path);
  std::vector<TensorStatistics> tensors;
  uint64_t total = 0, done = 0;
  for (const std::string &name : weights.names()) {
    checkpoint::WeightInfo info = *weights.find(name);
    if (info.shape.size() < 2 || !info.isReadable() ||
        !llvm::StringRef(name).starts_with(*prefix))
      continue;
    TensorStatistics &tensor = tensors.emplace_back();
    tensor.name = name;
    tensor.dtype = checkpoint::stringify(info.type).str();
    tensor.shape.assign(info.shape.begin(), info.shape.end());
    total += info.bytes;
  }
  Activity activity(reporter, "reading weights");
  std::mutex mutex;
  llvm::Error first = llvm::Error::success();
  std::atomic<size_t> next{0};
  std::atomic<bool> isStopped{false};
  auto work = [&] {
    for (size_t i; !isStopped && (i = next++) < tensors.size();) {
      llvm::Error error = measure(weights, tensors[i]);
      std::lock_guard<std::mutex> lock(mutex);
      if (!error) {
        done += weights.find(tensors[i].name)->bytes;
        error = activity.update(done, total);
      }
      if (!error)
        continue;
      isStopped = true;
      first = llvm::joinErrors(std::move(first), std::move(error));
    }
  };
  std::vector<std::thread> pool;
  for (unsigned t = 1; t < std::thread::hardware_concurrency(); ++t)
    pool.emplace_back(work);
  work();
  for (std::thread &thread : pool)
    thread.join();
  if (first)
    return std::move(first);
  return tensors;
}
