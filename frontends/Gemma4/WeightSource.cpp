//===- WeightSource.cpp - Where weight values come from -------------------===//

#include "frontends/Gemma4/WeightSource.h"

using namespace gemcut::gemma4;
using gemcut::safetensors::Checkpoint;
using gemcut::safetensors::DType;

int64_t WeightInfo::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

WeightSource::~WeightSource() = default;

llvm::Error gemcut::gemma4::checkRead(llvm::StringRef name,
                                      const std::optional<WeightInfo> &info,
                                      int64_t firstElement, int64_t count) {
  if (!info)
    return llvm::createStringError("there is no tensor '%s'",
                                   name.str().c_str());
  if (info->dtype != DType::F32 && info->dtype != DType::BF16 &&
      info->dtype != DType::F16)
    return llvm::createStringError(
        "tensor '%s' has dtype %s; supported are F32, BF16 and F16",
        name.str().c_str(), stringifyDType(info->dtype).str().c_str());
  if (firstElement < 0 || firstElement > info->elements() - count)
    return llvm::createStringError(
        "elements %lld to %lld are outside tensor '%s' of %lld",
        (long long)firstElement, (long long)(firstElement + count),
        name.str().c_str(), (long long)info->elements());
  return llvm::Error::success();
}

std::optional<WeightInfo> CheckpointWeights::find(llvm::StringRef name) const {
  const safetensors::TensorInfo *tensor = checkpoint.find(name);
  if (!tensor)
    return std::nullopt;
  return WeightInfo{tensor->dtype, tensor->shape};
}

llvm::Error CheckpointWeights::readF32(llvm::StringRef name,
                                       int64_t firstElement,
                                       llvm::MutableArrayRef<float> out) const {
  if (llvm::Error error = checkRead(name, find(name), firstElement, out.size()))
    return error;
  checkpoint.readF32(*checkpoint.find(name), firstElement, out);
  return llvm::Error::success();
}

void CheckpointWeights::done(llvm::StringRef name) const {
  if (const safetensors::TensorInfo *tensor = checkpoint.find(name))
    checkpoint.release(*tensor);
}
