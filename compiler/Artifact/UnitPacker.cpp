//===- UnitPacker.cpp - Rows of the checkpoint to packed bytes ------------===//

#include "compiler/Artifact/UnitPacker.h"

#include "compiler/Artifact/Quantize.h"

#include <cmath>
#include <cstring>

using namespace gemcut;
using namespace gemcut::artifact;

void RoundingErrors::add(float value, float packed) {
  double difference = double(packed) - double(value);
  squaredErrors += difference * difference;
  largestError = std::max(largestError, std::fabs(difference));
  squares += double(value) * double(value);
}

void RoundingErrors::add(const RoundingErrors &others) {
  squaredErrors += others.squaredErrors;
  largestError = std::max(largestError, others.largestError);
  squares += others.squares;
}

double RoundingErrors::getRelative() const {
  return squaredErrors > 0 ? std::sqrt(squaredErrors / squares) : 0;
}

llvm::Expected<uint64_t> UnitPacker::pack(PackSource &source,
                                          const PackUnit &unit,
                                          const ColumnErrors *columnErrors,
                                          RoundingErrors *errors) {
  if (llvm::Error failure = readUnit(weights, source, unit, read))
    return std::move(failure);
  if (!read.scales.empty())
    errors = nullptr;
  auto packUnit = [&]() -> llvm::Error {
    switch (source.getType().getLayout()) {
    case kernel::Layout::Vector:
      return packVector(source);
    case kernel::Layout::Rows:
      return packTableRows(source, unit, errors);
    default:
      return packTiles(source, unit, columnErrors, errors);
    }
  };
  if (llvm::Error failure = packUnit())
    return std::move(failure);
  return packed.size();
}

llvm::Error UnitPacker::write(PackSource &source, const uint8_t *bytes,
                              size_t count, uint64_t offset) {
  return output ? output->write(bytes, count,
                                uint64_t(*source.op.getOffset()) + offset)
                : llvm::Error::success();
}

const float *UnitPacker::getScales(int64_t row, const PackUnit &unit) const {
  size_t rowScales = read.scales.size() / size_t(unit.rows);
  return read.scales.empty() ? nullptr : &read.scales[size_t(row) * rowScales];
}

llvm::Error UnitPacker::packVector(PackSource &source) {
  packed.assign(size_t(source.getType().getByteSize()), 0);
  std::memcpy(packed.data(), read.values.data(), read.values.size() * 4);
  return write(source, packed.data(), packed.size(), 0);
}

llvm::Error UnitPacker::packTableRows(PackSource &source, const PackUnit &unit,
                                      RoundingErrors *errors) {
  kernel::WeightType type = source.getType();
  gemcut_format format = toAbi(type.getFormat());
  int64_t columns = type.getColumns(), rowBytes = type.getTableRowBytes();
  auto offsetOf = [&](int64_t row) {
    return row < type.getRows() ? gemcut_table_row_offset(rowBytes, row)
                                : type.getByteSize();
  };
  int64_t start = offsetOf(unit.row);
  packed.assign(size_t(offsetOf(unit.row + unit.rows) - start), 0);
  for (int64_t r = 0; r < unit.rows; ++r) {
    const float *row = &read.values[size_t(r * columns)];
    uint8_t *out = &packed[size_t(offsetOf(unit.row + r) - start)];
    packTableRow(format, row, columns, out, type.getScales(),
                 {getScales(r, unit)});
    if (errors)
      for (int64_t c = 0; c < columns; ++c)
        errors->add(row[c], unpackTableValue(format, out, c, columns,
                                             type.getScales()));
  }
  return write(source, packed.data(), packed.size(), uint64_t(start));
}

llvm::Error UnitPacker::packTiles(PackSource &source, const PackUnit &unit,
                                  const ColumnErrors *columnErrors,
                                  RoundingErrors *errors) {
  llvm::Expected<std::vector<float>> outputScales =
      readOutputScales(weights, source);
  if (!outputScales)
    return outputScales.takeError();
  // Rows of a matrix of one scale; tiles never hold rows of two.
  kernel::WeightType type = source.getType();
  int64_t matrixRows = type.getRows() / int64_t(source.op.getSources().size()) /
                       int64_t(outputScales->size());
  gemcut_format format = toAbi(type.getFormat());
  int64_t columns = type.getColumns();
  int64_t tileBytes = gemcut_tile_bytes(format, columns);
  int64_t tiles = (unit.rows + GEMCUT_TILE_ROWS - 1) / GEMCUT_TILE_ROWS;
  packed.resize(size_t(tiles * tileBytes));
  for (int64_t t = 0; t < tiles; ++t) {
    int64_t row = t * GEMCUT_TILE_ROWS;
    int64_t rows = std::min<int64_t>(GEMCUT_TILE_ROWS, unit.rows - row);
    const float *first = &read.values[size_t(row * columns)];
    uint8_t *tile = &packed[size_t(t * tileBytes)];
    packTile(format, first, rows, columns, tile,
             {getScales(row, unit),
              (*outputScales)[size_t((unit.row + row) / matrixRows)]},
             columnErrors);
    if (errors)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          errors->add(first[r * columns + c],
                      unpackTileValue(format, tile, r, c, columns));
  }
  if (type.getLayout() == kernel::Layout::Coarse) {
    std::vector<uint8_t> exact = std::move(packed);
    int64_t coarseBytes = gemcut_coarse_tile_bytes(columns);
    packed.resize(size_t(tiles * coarseBytes));
    for (int64_t t = 0; t < tiles; ++t)
      packCoarseTile(&exact[size_t(t * tileBytes)], columns,
                     &packed[size_t(t * coarseBytes)]);
  }
  return writeTiles(source, unit, tiles);
}

llvm::Error UnitPacker::writeTiles(PackSource &source, const PackUnit &unit,
                                   int64_t tiles) {
  int64_t tileBytes = int64_t(packed.size()) / tiles;
  if (unit.tileStep == 1)
    return write(source, packed.data(), packed.size(),
                 uint64_t(unit.firstTile * tileBytes));
  for (int64_t t = 0; t < tiles; ++t) {
    int64_t place = unit.firstTile + t * unit.tileStep;
    if (llvm::Error failure =
            write(source, &packed[size_t(t * tileBytes)], size_t(tileBytes),
                  uint64_t(place * tileBytes)))
      return failure;
  }
  return llvm::Error::success();
}
