//===- WeightSource.cpp - The tensors of a model --------------------------===//

#include "frontends/Checkpoint/WeightSource.h"

#include "llvm/ADT/Twine.h"

using namespace gemcut::checkpoint;
using llvm::createStringError;
using llvm::Twine;

int64_t WeightInfo::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

WeightSource::~WeightSource() = default;

llvm::Error
WeightSource::readLevels(llvm::StringRef name, int64_t firstRow,
                         llvm::MutableArrayRef<int8_t> levels,
                         llvm::MutableArrayRef<float> scales) const {
  return createStringError("tensor '" + name + "' is not stored as levels");
}

llvm::Error gemcut::checkpoint::checkRead(llvm::StringRef name,
                                          const std::optional<WeightInfo> &info,
                                          int64_t firstElement, int64_t count) {
  if (!info)
    return createStringError("there is no tensor '" + name + "'");
  if (!info->isReadable())
    return createStringError("tensor '" + name + "' has dtype " +
                             stringify(info->type) +
                             "; supported are F32, BF16 and F16");
  if (firstElement < 0 || firstElement > info->elements() - count)
    return createStringError("elements " + Twine(firstElement) + " to " +
                             Twine(firstElement + count) +
                             " are outside tensor '" + name + "' of " +
                             Twine(info->elements()));
  return llvm::Error::success();
}

llvm::Error gemcut::checkpoint::checkLevels(
    llvm::StringRef name, const std::optional<WeightInfo> &info,
    int64_t firstRow, size_t levels, size_t scales) {
  if (!info)
    return createStringError("there is no tensor '" + name + "'");
  if (!info->levels)
    return createStringError("tensor '" + name + "' has dtype " +
                             stringify(info->type) +
                             ", which is not stored as levels");
  int64_t columns = info->columns(), rows = int64_t(levels) / columns;
  if (int64_t(levels) % columns ||
      int64_t(scales) != rows * (columns / info->levels->group))
    return createStringError("tensor '" + name + "' has rows of " +
                             Twine(columns) + " levels in groups of " +
                             Twine(info->levels->group) + ", but " +
                             Twine(levels) + " levels and " + Twine(scales) +
                             " scales are asked for");
  if (firstRow < 0 || firstRow > info->elements() / columns - rows)
    return createStringError("rows " + Twine(firstRow) + " to " +
                             Twine(firstRow + rows) + " are outside tensor '" +
                             name + "' of " +
                             Twine(info->elements() / columns));
  return llvm::Error::success();
}
