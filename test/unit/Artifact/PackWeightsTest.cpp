//===- PackWeightsTest.cpp - The weight section ---------------------------===//

#include "test/unit/Artifact/PackFixture.h"

#include "compiler/Artifact/Quantize.h"

#include <cmath>
#include <cstring>
#include <map>

using namespace gemcut;
using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

/// Three experts of two gate and two up tiles, one below the other in one
/// tensor, and their matrices behind.
constexpr char kExperts[] = R"(
  kernel.packed @up {sources = ["up"], experts = 3 : i64, offset = 0 : i64}
      : !kernel.weight<192 x 64, int8, interleaved>
  kernel.packed @down {sources = ["down"], experts = 3 : i64,
                       offset = 16384 : i64} : !kernel.weight<96 x 32, int8, tiles>
)";

class PackWeights : public PackFixture {
protected:
  /// Every value of a packed matrix against the one tile or row packed by hand.
  void expectTiles(const std::string &section, int64_t offset,
                   llvm::StringRef name, gemcut_format format,
                   int64_t tileStep = 1, int64_t firstTile = 0) {
    const TestWeights::Matrix &matrix = weights.tensors.find(name)->second;
    int64_t bytes = gemcut_tile_bytes(format, matrix.columns);
    std::vector<uint8_t> tile(static_cast<size_t>(bytes));
    for (int64_t row = 0; row < matrix.rows; row += 16) {
      packTile(format, &matrix.values[size_t(row * matrix.columns)],
               std::min<int64_t>(16, matrix.rows - row), matrix.columns,
               tile.data());
      int64_t at = offset + (firstTile + row / 16 * tileStep) * bytes;
      ASSERT_EQ(std::memcmp(&section[size_t(at)], tile.data(), size_t(bytes)),
                0)
          << name.str() << " row " << row;
    }
  }
};

TEST_F(PackWeights, EveryLayoutLiesWhereThePlanSays) {
  std::string section = pack(1, 65536);
  ASSERT_EQ(int64_t(section.size()), kSectionBytes);
  expectTiles(section, 0, "odd", GEMCUT_Q4_0);
  expectTiles(section, 16384, "small", GEMCUT_INT8);
  expectTiles(section, 20480, "gate", GEMCUT_INT4, /*tileStep=*/2);
  expectTiles(section, 20480, "up", GEMCUT_INT4, 2, /*firstTile=*/1);
  expectTiles(section, 66048, "exact", GEMCUT_F32);
  expectTiles(section, 131072, "half", GEMCUT_BF16);
  expectTiles(section, 262144, "long", GEMCUT_INT8);
  EXPECT_EQ(std::memcmp(&section[65536], weights.tensors["norm"].values.data(),
                        70 * 4),
            0);
  auto rowOf = [&](int64_t offset, int64_t rowBytes, int64_t row) {
    return reinterpret_cast<const uint8_t *>(
        &section[size_t(offset + gemcut_table_row_offset(rowBytes, row))]);
  };
  const auto &table = weights.tensors["table"];
  int64_t rowBytes = gemcut_table_row_bytes(GEMCUT_INT8, 96, 1);
  for (int64_t r = 0; r < 37; ++r) {
    float most = 0;
    for (int64_t c = 0; c < 96; ++c)
      most = std::max(most, std::fabs(table.values[size_t(r * 96 + c)]));
    for (int64_t c = 0; c < 96; ++c)
      ASSERT_NEAR(
          unpackTableValue(GEMCUT_INT8, rowOf(4096, rowBytes, r), c, 96),
          table.values[size_t(r * 96 + c)], most / 250);
  }
  const auto &rows = weights.tensors["rows"];
  rowBytes = gemcut_table_row_bytes(GEMCUT_BF16, 40, 1);
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t c = 0; c < 40; ++c)
      ASSERT_NEAR(
          unpackTableValue(GEMCUT_BF16, rowOf(196608, rowBytes, r), c, 40),
          rows.values[size_t(r * 40 + c)],
          std::fabs(rows.values[size_t(r * 40 + c)]) / 256);
  // Between the tensors nothing is written.
  for (int64_t i = gemcut_tiled_bytes(GEMCUT_Q4_0, 21, 96); i < 4096; ++i)
    ASSERT_EQ(section[size_t(i)], 0) << i;
}

// In the source an expert's gate tiles stand above its up tiles; packed, they
// alternate.
TEST_F(PackWeights, HalvesOfEveryExpertAlternate) {
  parse(kExperts);
  weights.add("up", 192, 64);
  weights.add("down", 96, 32);
  std::string section = pack(3, 0);
  ASSERT_EQ(int64_t(section.size()), kSectionBytes);
  expectTiles(section, 16384, "down", GEMCUT_INT8);
  const TestWeights::Matrix &matrix = weights.tensors["up"];
  int64_t bytes = gemcut_tile_bytes(GEMCUT_INT8, 64);
  std::vector<uint8_t> tile(static_cast<size_t>(bytes));
  for (int64_t expert = 0; expert < 3; ++expert)
    for (int64_t half : {0, 1})
      for (int64_t t : {0, 1}) {
        int64_t row = 64 * expert + 32 * half + 16 * t;
        packTile(GEMCUT_INT8, &matrix.values[size_t(row * 64)], 16, 64,
                 tile.data());
        int64_t place = 4 * expert + 2 * t + half;
        ASSERT_EQ(std::memcmp(&section[size_t(place * bytes)], tile.data(),
                              size_t(bytes)),
                  0)
            << "expert " << expert << " half " << half << " tile " << t;
      }
}

// Every matrix of every expert has an output scale of its own.
TEST_F(PackWeights, OutputScalesAreThoseOfTheMatrix) {
  parse(R"(
  kernel.packed @up {sources = ["up"], experts = 3 : i64, offset = 0 : i64,
                     output_scales = ["up.out"]}
      : !kernel.weight<192 x 64, int4_row, interleaved>
  kernel.packed @down {sources = ["down"], experts = 3 : i64,
                       output_scales = ["down.out"], offset = 16384 : i64}
      : !kernel.weight<96 x 32, int2_row, tiles>)");
  weights.add("up", 192, 64);
  weights.add("down", 96, 32);
  weights.add("up.out", 1, 6).values = {1, 2, 3, 0, 5, 6};
  weights.add("down.out", 1, 3).values = {7, 0, 9};
  std::string section = pack(2, 0);
  gemcut_row_tile_header header;
  for (int64_t expert = 0; expert < 3; ++expert)
    for (int64_t t : {0, 1}) {
      for (int64_t half : {0, 1}) {
        int64_t place = 4 * expert + 2 * t + half;
        std::memcpy(
            &header,
            &section[size_t(place * gemcut_tile_bytes(GEMCUT_INT4_ROW, 64))],
            sizeof(header));
        EXPECT_EQ(header.output_scales[15],
                  weights.tensors["up.out"].values[size_t(2 * expert + half)]);
      }
      int64_t tileBytes = gemcut_tile_bytes(GEMCUT_INT2_ROW, 32);
      std::memcpy(&header,
                  &section[size_t(16384 + (2 * expert + t) * tileBytes)],
                  sizeof(header));
      EXPECT_EQ(header.output_scales[0],
                weights.tensors["down.out"].values[size_t(expert)]);
    }
}

/// 24 rows are one tile and a half: each matrix fills its own tiles.
TEST_F(PackWeights, InterleavedMatricesMayEndInPartOfATile) {
  parse(R"(kernel.packed @pair {sources = ["a", "b"], offset = 0 : i64}
               : !kernel.weight<48 x 64, int8, interleaved>)");
  weights.add("a", 24, 64);
  weights.add("b", 24, 64);
  std::string section = pack(2, 0);
  expectTiles(section, 0, "a", GEMCUT_INT8, 2);
  expectTiles(section, 0, "b", GEMCUT_INT8, 2, 1);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back().first, 4u * 1088);
  EXPECT_EQ(progress.back().second, 4u * 1088);
}

TEST_F(PackWeights, ThreadsDoNotChangeTheBytes) {
  std::string one = pack(1, 0);
  ASSERT_FALSE(one.empty());
  for (unsigned threads : {2u, 3u, 8u, 0u})
    EXPECT_TRUE(pack(threads, 0) == one) << threads;
}

/// Errors are those of tiles packed by hand, whatever the threads, and formats
/// that hold every value have none.
TEST_F(PackWeights, MeasuresErrors) {
  auto errors = measureErrors(*module, weights, /*threads=*/3, nullptr);
  ASSERT_TRUE(bool(errors));
  auto one = measureErrors(*module, weights, /*threads=*/1, nullptr);
  ASSERT_TRUE(bool(one));
  std::map<std::string, TensorError> byName;
  for (const TensorError &error : *errors)
    byName[error.tensor] = error;
  EXPECT_FALSE(byName.count("norm")) << "vectors are exact";
  EXPECT_EQ(byName["exact"].relativeError, 0);
  for (auto [name, format] :
       {std::pair("gate", GEMCUT_INT4), std::pair("odd", GEMCUT_Q4_0),
        std::pair("long", GEMCUT_INT8)}) {
    const TestWeights::Matrix &matrix = weights.tensors.find(name)->second;
    std::vector<uint8_t> tile(
        size_t(gemcut_tile_bytes(format, matrix.columns)));
    double sum = 0, square = 0, largest = 0;
    for (int64_t row = 0; row < matrix.rows; row += 16) {
      const float *values = &matrix.values[size_t(row * matrix.columns)];
      int64_t rows = std::min<int64_t>(16, matrix.rows - row);
      packTile(format, values, rows, matrix.columns, tile.data());
      for (int64_t i = 0; i < rows * matrix.columns; ++i) {
        double error =
            double(unpackTileValue(format, tile.data(), i / matrix.columns,
                                   i % matrix.columns, matrix.columns)) -
            values[i];
        sum += error * error;
        square += double(values[i]) * values[i];
        largest = std::max(largest, std::fabs(error));
      }
    }
    EXPECT_EQ(byName[name].values, matrix.rows * matrix.columns) << name;
    EXPECT_NEAR(byName[name].relativeError / std::sqrt(sum / square), 1, 1e-9)
        << name;
    EXPECT_EQ(byName[name].largestError, largest) << name;
  }
  for (size_t i = 0; i < errors->size(); ++i)
    EXPECT_EQ((*errors)[i].relativeError, (*one)[i].relativeError);
}

/// What is said of a tensor's inputs reaches its tiles of int4, and no others.
TEST_F(PackWeights, RoundsInt4UnderColumnErrors) {
  int64_t columns = weights.tensors["gate"].columns;
  InputMoments moments(columns, 32);
  for (int64_t b = 0; b < moments.blocks(); ++b)
    for (int64_t i = 0; i < moments.width(b); ++i)
      for (int64_t j = 0; j < moments.width(b); ++j)
        moments.at(b)[i * moments.width(b) + j] = i == j ? 1.0f : 0.8f;
  auto costs = std::make_shared<const ColumnErrors>(moments);
  std::map<std::string, int> asked;
  auto measure = [&](const ColumnErrorsOf &columnErrors) {
    auto errors =
        measureErrors(*module, weights, /*threads=*/1, nullptr, columnErrors);
    std::map<std::string, double> byName;
    for (const TensorError &error : *errors)
      byName[error.tensor] = error.relativeError;
    return byName;
  };
  auto plain = measure({});
  auto rounded = measure([&](llvm::StringRef tensor) {
    ++asked[tensor.str()];
    return tensor == "gate" ? costs : nullptr;
  });
  // Feeding errors back costs plain squared error.
  EXPECT_GT(rounded["gate"], plain["gate"]);
  EXPECT_EQ(rounded["up"], plain["up"]);
  EXPECT_EQ(rounded["long"], plain["long"]);
  EXPECT_TRUE(asked.count("up"));
  EXPECT_FALSE(asked.count("long"));
}

TEST_F(PackWeights, ReportsProgressInOrderUpToTheTotal) {
  pack(3, 0);
  ASSERT_FALSE(progress.empty());
  uint64_t before = 0;
  for (auto [done, total] : progress) {
    EXPECT_GT(done, before);
    EXPECT_EQ(total, progress.back().second);
    before = done;
  }
  EXPECT_EQ(progress.back().first, progress.back().second);
}

TEST_F(PackWeights, ReadsPiecesAndReleasesEveryTensor) {
  pack(2, 0);
  EXPECT_LE(weights.longestRead, int64_t(1) << 20);
  for (const auto &tensor : weights.tensors)
    EXPECT_GE(weights.released.lookup(tensor.getKey()), 1)
        << tensor.getKey().str();
}

} // namespace
