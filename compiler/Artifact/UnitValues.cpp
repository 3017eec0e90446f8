//===- UnitValues.cpp - What packing reads of the checkpoint --------------===//

#include "compiler/Artifact/UnitValues.h"

#include "compiler/Artifact/Quantize.h"
#include "frontends/Checkpoint/CheckpointError.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::artifact;
using llvm::StringRef;

bool gemcut::artifact::isQuantized(const checkpoint::WeightSource &weights,
                                   StringRef name) {
  std::optional<checkpoint::WeightInfo> info = weights.find(name);
  return info && (info->levels || checkpoint::isBlock(info->type));
}

/// NaN, infinities and values beyond the format's range.
static llvm::Error checkValues(const checkpoint::WeightSource &weights,
                               kernel::WeightType type, StringRef name,
                               int64_t first, llvm::ArrayRef<float> values) {
  gemcut_format format = toAbi(type.getFormat());
  int64_t bad = findUnstorable(format, values.data(), int64_t(values.size()));
  if (bad < 0)
    return llvm::Error::success();
  float value = values[size_t(bad)];
  if (!std::isfinite(value))
    return checkpoint::notFiniteError(weights, name, first + bad, value);
  std::string file = weights.fileOf(name);
  return llvm::createStringError(
      (file.empty() ? "" : file + ": ") + "tensor '" + name.str() + "' holds " +
      std::to_string(value) + " at element " + std::to_string(first + bad) +
      ", which is too large for " + stringifyFormat(type.getFormat()).str() +
      "; store this tensor as f32 with a recipe");
}

/// Whether levels of the checkpoint can be levels of the packed tensor.
static bool canKeepLevels(kernel::WeightType type, checkpoint::LevelForm form) {
  gemcut_format format = toAbi(type.getFormat());
  if (int64_t bits = gemcut_row_format_bits(format))
    return form == checkpoint::LevelForm{int(bits),
                                         type.getColumns() / type.getScales()};
  // Formats whose groups of 32 have an f16 scale.
  int bits = format == GEMCUT_Q4_0 ? 4 : format == GEMCUT_INT8 ? 8 : 0;
  return form.bits <= bits && form.group % GEMCUT_GROUP == 0;
}

/// Reads values, and scales if levels are kept.
static llvm::Error readValues(const checkpoint::WeightSource &weights,
                              kernel::WeightType type, StringRef name,
                              int64_t row, UnitValues &out) {
  std::vector<float> &values = out.values;
  std::optional<checkpoint::WeightInfo> info = weights.find(name);
  if (!info || !info->levels || !canKeepLevels(type, *info->levels))
    return weights.readF32(name, row * type.getColumns(), values);
  auto group = size_t(info->levels->group);
  std::vector<int8_t> levels(values.size());
  std::vector<float> stored(values.size() / group);
  if (llvm::Error failure = weights.readLevels(name, row, levels, stored))
    return failure;
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(levels[i]) * stored[i / group];
  if (gemcut_row_format_bits(toAbi(type.getFormat()))) {
    out.scales = std::move(stored);
    return llvm::Error::success();
  }
  // Kernels multiply levels of int8 by signs: -128 has no opposite.
  if (llvm::all_of(stored, isGroupScale) &&
      !llvm::is_contained(levels, int8_t(-128))) {
    out.scales.resize(values.size() / GEMCUT_GROUP);
    for (size_t i = 0; i < out.scales.size(); ++i)
      out.scales[i] = stored[i * GEMCUT_GROUP / group];
  }
  return llvm::Error::success();
}

llvm::Error gemcut::artifact::readUnit(const checkpoint::WeightSource &weights,
                                       PackSource &source, const PackUnit &unit,
                                       UnitValues &out) {
  kernel::WeightType type = source.getType();
  out.values.resize(size_t(unit.rows * type.getColumns()));
  out.scales.clear();
  llvm::Error unusable = readValues(weights, type, source.name, unit.row, out);
  if (!unusable)
    unusable = checkValues(weights, type, source.name,
                           unit.row * type.getColumns(), out.values);
  if (unusable)
    return checkpoint::about(std::move(unusable), weights.fileOf(source.name),
                             source.name);
  return llvm::Error::success();
}

llvm::Expected<std::vector<float>>
gemcut::artifact::readOutputScales(const checkpoint::WeightSource &weights,
                                   PackSource &source) {
  std::vector<float> scales(1);
  kernel::PackedOp op = source.op;
  std::optional<mlir::ArrayAttr> names = op.getOutputScales();
  if (!names)
    return scales;
  StringRef name =
      llvm::cast<mlir::StringAttr>((*names)[source.index]).getValue();
  if (name.empty())
    return scales;
  bool isPair = source.getType().getLayout() == kernel::Layout::Interleaved;
  if (op.getExperts())
    scales.resize(size_t(*op.getExperts() * (isPair ? 2 : 1)));
  if (llvm::Error failure =
          weights.readF32(name, 0, llvm::MutableArrayRef<float>(scales)))
    return std::move(failure);
  return scales;
}
