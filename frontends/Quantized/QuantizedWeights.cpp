//===- QuantizedWeights.cpp - Checkpoints that store integers -------------===//

#include "frontends/Quantized/QuantizedWeights.h"

#include "frontends/Config/TensorNames.h"
#include "frontends/Json/Unsupported.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cstring>

using namespace gemcut;
using namespace gemcut::quantized;
using checkpoint::ElementType;
using checkpoint::WeightInfo;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;
using safetensors::TensorInfo;

/// Columns that share a scale in compressed-tensors checkpoints.
static constexpr int64_t kPackedGroup = 32;

static std::string toText(ArrayRef<int64_t> shape) {
  auto texts =
      llvm::map_range(shape, [](int64_t n) { return std::to_string(n); });
  return "[" + llvm::join(texts, ", ") + "]";
}

/// "a.weight" -> "a.suffix".
static std::string sibling(StringRef name, StringRef suffix) {
  name.consume_back("weight");
  return (name + suffix).str();
}

/// Bits of a level in a tensor of bytes with `stored` columns for `columns`
/// levels, or 0.
static int bitsOf(ElementType type, int64_t stored, int64_t columns) {
  if (type == ElementType::I8)
    return stored == columns ? 8 : 0;
  if (type == ElementType::I32)
    return stored * 8 == columns ? 4 : 0;
  if (type != ElementType::U8)
    return 0;
  return stored * 4 == columns ? 2 : stored * 2 == columns ? 4 : 0;
}

Error QuantizedWeights::addMatrix(StringRef name, const TensorInfo &packed,
                                  StringRef scaleName,
                                  ArrayRef<int64_t> shape) {
  std::string where = source->fileOf(packed.name) + ": tensor '";
  int64_t rows = shape[0], columns = shape[1];
  bool fits = packed.shape.size() == 2 && packed.shape[0] == rows;
  int bits = fits ? bitsOf(packed.dtype, packed.shape[1], columns) : 0;
  if (!bits)
    return createStringError(
        where + packed.name + "' has dtype " +
        checkpoint::stringify(packed.dtype).str() + " and shape " +
        toText(packed.shape) + ", expected " + toText(shape) +
        " of integers: U8 with 2 or 4 in a byte, I8, or I32 with 8 of 4 bits");
  const TensorInfo *scales = source->findTensor(scaleName);
  if (!scales)
    return createStringError(where + scaleName.str() +
                             "' is missing; the integers of '" + packed.name +
                             "' need it");
  int64_t blocks = scales->shape.size() == 2   ? scales->shape[1]
                   : scales->shape.size() == 1 ? 1
                                               : 0;
  bool isPacked = packed.dtype == ElementType::I32;
  if (!blocks || scales->shape[0] != rows || columns % blocks ||
      (isPacked && columns / blocks != kPackedGroup) ||
      !checkpoint::isFloat(scales->dtype))
    return createStringError(
        where + scaleName.str() + "' has dtype " +
        checkpoint::stringify(scales->dtype).str() + " and shape " +
        toText(scales->shape) + ", expected floats [" + std::to_string(rows) +
        ", " +
        (isPacked ? std::to_string(columns / kPackedGroup) + "]"
                  : "blocks] for blocks of the " + std::to_string(columns) +
                        " columns"));
  WeightInfo info;
  info.type = packed.dtype;
  info.shape.assign(shape.begin(), shape.end());
  info.levels = checkpoint::LevelForm{bits, columns / blocks};
  info.bytes = packed.bytes + scales->bytes;
  matrices[name] = {&packed, scales, info};
  hidden[packed.name] = hidden[scales->name] = true;
  return Error::success();
}

Error QuantizedWeights::checkShapeTensor(StringRef name,
                                         ArrayRef<int64_t> shape) {
  const TensorInfo *stored = source->findTensor(name);
  if (!stored)
    return Error::success();
  hidden[name] = true;
  llvm::SmallVector<int64_t, 2> sizes;
  ArrayRef<uint8_t> bytes = source->bytes(*stored);
  for (size_t i = 0; i + 8 <= bytes.size() && stored->dtype == ElementType::I64;
       i += 8) {
    sizes.push_back(0);
    std::memcpy(&sizes.back(), &bytes[i], 8);
  }
  for (size_t i = 0; i + 4 <= bytes.size() && stored->dtype == ElementType::I32;
       i += 4) {
    int32_t size;
    std::memcpy(&size, &bytes[i], 4);
    sizes.push_back(size);
  }
  if (ArrayRef<int64_t>(sizes) == shape)
    return Error::success();
  return createStringError(source->fileOf(name) + ": tensor '" + name.str() +
                           "' says " + toText(sizes) + ", expected " +
                           toText(shape) + " by config.json");
}

Error QuantizedWeights::addParts(StringRef name, ArrayRef<int64_t> shape) {
  for (const char *part : {"weight_zero_point", "weight_g_idx"})
    if (source->findTensor(sibling(name, part)))
      return gemcut::makeUnsupported(
          source->fileOf(sibling(name, part)) + ": tensor '" +
          sibling(name, part) +
          "' belongs to a scheme that is not supported; supported are "
          "symmetric weights with columns in order");
  for (const char *part : {"input_activation_scale", "output_activation_scale"})
    if (const TensorInfo *scale = source->findTensor(sibling(name, part))) {
      if (scale->dtype != ElementType::F32 || scale->bytes != 4)
        return createStringError(
            source->fileOf(scale->name) + ": tensor '" + scale->name +
            "' has dtype " + checkpoint::stringify(scale->dtype).str() +
            " and shape " + toText(scale->shape) + ", expected one F32");
      activationScales[scale->name] = scale;
    }
  if (const TensorInfo *packed =
          source->findTensor(sibling(name, "weight_packed"))) {
    if (source->findTensor(name))
      return createStringError(source->fileOf(name) + ": tensor '" +
                               name.str() + "' is there beside '" +
                               packed->name + "', expected one of them");
    if (Error error = checkShapeTensor(sibling(name, "weight_shape"), shape))
      return error;
    return addMatrix(name, *packed, sibling(name, "weight_scale"), shape);
  }
  if (const TensorInfo *table =
          source->findTensor(sibling(name, "embedding_quantized")))
    return addMatrix(name, *table, sibling(name, "embedding_scale"), shape);
  const TensorInfo *stored = source->findTensor(name);
  if (stored && !checkpoint::isFloat(stored->dtype))
    return addMatrix(name, *stored, sibling(name, "weight_scale"), shape);
  return Error::success();
}

Error QuantizedWeights::checkStacked(StringRef name) const {
  for (const std::string &stored :
       {name.str(), (name + "_packed").str(), (name + ".weight").str(),
        (name + ".weight_packed").str()})
    if (const TensorInfo *tensor = source->findTensor(stored);
        tensor && !checkpoint::isFloat(tensor->dtype))
      return gemcut::makeUnsupported(
          source->fileOf(stored) + ": tensor '" + stored + "' has dtype " +
          checkpoint::stringify(tensor->dtype).str() +
          ", but the method scales linear layers and does not say how integers "
          "of all experts in one tensor are scaled; expected experts one by "
          "one ('" +
          name.rsplit('.').first.str() +
          ".0.gate_proj.weight' and so on), or floats");
  return Error::success();
}

llvm::Expected<std::unique_ptr<checkpoint::WeightSource>>
QuantizedWeights::open(std::unique_ptr<safetensors::Checkpoint> source,
                       const config::ModelConfig &config) {
  if (config.storedAs == config::StoredAs::Floats)
    return source;
  std::unique_ptr<QuantizedWeights> weights(
      new QuantizedWeights(std::move(source)));
  const safetensors::Checkpoint &files = *weights->source;
  std::vector<config::ExpectedTensor> matrices =
      config::expectedTextTensors(config);
  llvm::append_range(matrices, config::singleExpertTensors(config));
  for (const config::ExpectedTensor &expected : matrices)
    for (const std::string &name : config::candidateNames(expected.name)) {
      if (expected.shape.size() == 3) {
        if (Error error = weights->checkStacked(name))
          return std::move(error);
      } else if (expected.shape.size() == 2) {
        if (Error error = weights->addParts(name, expected.shape))
          return std::move(error);
      }
    }
  for (const TensorInfo &tensor : files.tensors()) {
    StringRef name = tensor.name;
    if (name.ends_with(".k_cache_scale") || name.ends_with(".v_cache_scale"))
      weights->hidden[name] = true;
  }
  return weights;
}

std::optional<WeightInfo> QuantizedWeights::find(StringRef name) const {
  if (auto matrix = matrices.find(name); matrix != matrices.end())
    return matrix->second.info;
  if (hidden.contains(name))
    return std::nullopt;
  std::optional<WeightInfo> info = source->find(name);
  if (info && activationScales.contains(name))
    info->shape = {1};
  return info;
}

std::vector<std::string> QuantizedWeights::names() const {
  std::vector<std::string> names;
  for (const TensorInfo &tensor : source->tensors())
    if (!hidden.contains(tensor.name))
      names.push_back(tensor.name);
  for (const auto &matrix : matrices)
    names.push_back(matrix.getKey().str());
  llvm::sort(names);
  return names;
}

std::string QuantizedWeights::fileOf(StringRef name) const {
  auto matrix = matrices.find(name);
  return source->fileOf(
      matrix == matrices.end() ? name : StringRef(matrix->second.packed->name));
}

void QuantizedWeights::unpack(const Matrix &matrix, int64_t first,
                              int64_t count, int8_t *out) const {
  const uint8_t *bytes = source->bytes(*matrix.packed).data();
  int bits = matrix.info.levels->bits;
  if (bits == 8) {
    std::memcpy(out, bytes + first, size_t(count));
    return;
  }
  // Rows are whole bytes, so that elements can be counted through.
  int64_t perByte = 8 / bits;
  int mask = (1 << bits) - 1, zeroPoint = 1 << (bits - 1);
  for (int64_t i = 0; i < count; ++i) {
    int64_t element = first + i;
    int field = bytes[element / perByte] >> element % perByte * bits;
    out[i] = int8_t((field & mask) - zeroPoint);
  }
}

void QuantizedWeights::readScales(const Matrix &matrix, int64_t first,
                                  int64_t count, float *out) const {
  // 2 bytes of BF16 and F16, 4 of F32.
  int64_t size = matrix.scales->dtype == ElementType::F32 ? 4 : 2;
  checkpoint::decodeFloats(matrix.scales->dtype,
                           source->bytes(*matrix.scales).data() + first * size,
                           count, out);
}

checkpoint::StoredElement QuantizedWeights::locate(StringRef name,
                                                   int64_t element) const {
  auto found = matrices.find(name);
  if (found == matrices.end())
    return source->locate(name, element);
  const Matrix &matrix = found->second;
  int64_t group = element / matrix.info.levels->group;
  float scale;
  readScales(matrix, group, 1, &scale);
  const std::string &stored = matrix.scales->name;
  return {source->fileOf(stored), stored, group, scale};
}

Error QuantizedWeights::readF32(StringRef name, int64_t firstElement,
                                llvm::MutableArrayRef<float> out) const {
  auto found = matrices.find(name);
  if (found == matrices.end())
    return source->readF32(name, firstElement, out);
  const Matrix &matrix = found->second;
  if (Error error =
          checkRead(name, matrix.info, firstElement, int64_t(out.size())))
    return error;
  if (out.empty())
    return Error::success();
  std::vector<int8_t> levels(out.size());
  unpack(matrix, firstElement, int64_t(out.size()), levels.data());
  int64_t group = matrix.info.levels->group, firstGroup = firstElement / group;
  int64_t lastGroup = (firstElement + int64_t(out.size()) - 1) / group;
  std::vector<float> scales(size_t(lastGroup - firstGroup + 1));
  readScales(matrix, firstGroup, int64_t(scales.size()), scales.data());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = float(levels[i]) *
             scales[size_t((firstElement + int64_t(i)) / group - firstGroup)];
  return Error::success();
}

Error QuantizedWeights::readLevels(StringRef name, int64_t firstRow,
                                   llvm::MutableArrayRef<int8_t> levels,
                                   llvm::MutableArrayRef<float> scales) const {
  auto found = matrices.find(name);
  if (found == matrices.end())
    return WeightSource::readLevels(name, firstRow, levels, scales);
  const Matrix &matrix = found->second;
  if (Error error = checkLevels(name, matrix.info, firstRow, levels.size(),
                                scales.size()))
    return error;
  int64_t columns = matrix.info.columns();
  unpack(matrix, firstRow * columns, int64_t(levels.size()), levels.data());
  readScales(matrix, firstRow * (columns / matrix.info.levels->group),
             int64_t(scales.size()), scales.data());
  return Error::success();
}

void QuantizedWeights::done(StringRef name) const {
  auto matrix = matrices.find(name);
  source->done(
      matrix == matrices.end() ? name : StringRef(matrix->second.packed->name));
}
