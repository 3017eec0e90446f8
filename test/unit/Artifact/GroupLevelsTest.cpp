//===- GroupLevelsTest.cpp - Blocks of a checkpoint, packed ---------------===//

#include "test/unit/Artifact/TestFolder.h"

#include "compiler/Artifact/PackWeights.h"
#include "compiler/Artifact/Quantize.h"
#include "compiler/Pipeline/Registration.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::artifact;
using namespace gemcut::test;
using checkpoint::ElementType;

namespace {

constexpr int64_t kRows = 20, kColumns = 96;

/// Matrices of levels that follow from their place: "q4" in groups of 32, "q8"
/// in rows, "wide" with scales that no f16 has, "least" with levels of -128,
/// "k" without levels.
class Blocks : public checkpoint::WeightSource {
public:
  static int bitsOf(llvm::StringRef name) { return name == "q4" ? 4 : 8; }
  static int levelOf(llvm::StringRef name, int64_t element) {
    int bits = bitsOf(name), least = -(1 << (bits - 1));
    int level = int(element * 7 % (1 << bits)) + least;
    return level == -128 && name != "least" ? -127 : level;
  }
  static int64_t groupOf(llvm::StringRef name) {
    return name == "q8" ? kColumns : 32;
  }
  /// Some are negative, one is 0, and none is what its levels would choose.
  static float scaleOf(llvm::StringRef name, int64_t index) {
    float scale = float(_Float16((index % 3 ? 0.01f : -0.02f) * float(index)));
    return name == "wide" ? scale * 0x1.0001p0f : scale;
  }
  static float valueOf(llvm::StringRef name, int64_t element) {
    return float(levelOf(name, element)) *
           scaleOf(name, element / groupOf(name));
  }

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override {
    checkpoint::WeightInfo info{
        name == "k" ? ElementType::Q6_K : ElementType::Q8_0, {kRows, kColumns}};
    if (name == "f")
      info.type = ElementType::F32;
    else if (name != "k")
      info.levels = checkpoint::LevelForm{bitsOf(name), groupOf(name)};
    return info;
  }
  std::vector<std::string> names() const override { return {}; }

  llvm::Error readF32(llvm::StringRef name, int64_t first,
                      llvm::MutableArrayRef<float> out) const override {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = valueOf(name, first + int64_t(i));
    return llvm::Error::success();
  }
  llvm::Error readLevels(llvm::StringRef name, int64_t firstRow,
                         llvm::MutableArrayRef<int8_t> levels,
                         llvm::MutableArrayRef<float> scales) const override {
    int64_t first = firstRow * kColumns;
    for (size_t i = 0; i < levels.size(); ++i)
      levels[i] = int8_t(levelOf(name, first + int64_t(i)));
    for (size_t i = 0; i < scales.size(); ++i)
      scales[i] = scaleOf(name, first / groupOf(name) + int64_t(i));
    return llvm::Error::success();
  }
};

/// The section of one packed tensor of `type` with these sources.
std::vector<uint8_t> pack(const std::string &sources, const std::string &type,
                          std::vector<Conversion> *conversions) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      "kernel.packed @w {sources = [" + sources +
          "], offset = 0 : i64} : "
          "!kernel.weight<" +
          type + ">",
      &context);
  EXPECT_TRUE(module);
  Blocks source;
  if (conversions)
    *conversions = findConversions(*module, source);
  TestFolder folder;
  int descriptor =
      open((folder / "w").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  EXPECT_EQ(ftruncate(descriptor, 1 << 20), 0);
  llvm::cantFail(packWeights(*module, source, descriptor, /*fileOffset=*/0,
                             /*threads=*/2, nullptr, conversions));
  std::vector<uint8_t> bytes(1 << 20);
  EXPECT_EQ(pread(descriptor, bytes.data(), bytes.size(), 0),
            ssize_t(bytes.size()));
  close(descriptor);
  return bytes;
}

/// Compares tiles with the values of `name`.
void expectTiles(const std::vector<uint8_t> &bytes, gemcut_format format,
                 llvm::StringRef name) {
  int64_t tileBytes = gemcut_tile_bytes(format, kColumns);
  for (int64_t i = 0; i < kRows * kColumns; ++i) {
    int64_t row = i / kColumns;
    EXPECT_EQ(unpackTileValue(format, &bytes[size_t(row / 16 * tileBytes)],
                              row % 16, i % kColumns, kColumns),
              Blocks::valueOf(name, i))
        << name.str() << " " << i;
  }
}

} // namespace

// Every value is that of the checkpoint, under scales of 0 too.
TEST(GroupLevels, AreKept) {
  std::vector<Conversion> conversions;
  expectTiles(pack(R"("q4")", "20 x 96, q4_0, tiles", &conversions),
              GEMCUT_Q4_0, "q4");
  ASSERT_EQ(conversions.size(), 1u);
  EXPECT_EQ(conversions[0].tensor, "q4");
  EXPECT_EQ(conversions[0].relativeError, 0);
  expectTiles(pack(R"("q8")", "20 x 96, int8, tiles", &conversions),
              GEMCUT_INT8, "q8");
  EXPECT_EQ(conversions[0].relativeError, 0);
  // int8 has room for the levels of four bits.
  expectTiles(pack(R"("q4")", "20 x 96, int8, tiles", &conversions),
              GEMCUT_INT8, "q4");
  EXPECT_EQ(conversions[0].relativeError, 0);
}

TEST(GroupLevels, AreKeptInTables) {
  std::vector<Conversion> conversions;
  std::vector<uint8_t> bytes =
      pack(R"("q8")", "20 x 96, int8, rows", &conversions);
  int64_t rowBytes = gemcut_table_row_bytes(GEMCUT_INT8, kColumns, 1);
  for (int64_t i = 0; i < kRows * kColumns; ++i)
    EXPECT_EQ(
        unpackTableValue(
            GEMCUT_INT8,
            &bytes[size_t(gemcut_table_row_offset(rowBytes, i / kColumns))],
            i % kColumns, kColumns),
        Blocks::valueOf("q8", i));
  EXPECT_EQ(conversions[0].relativeError, 0);
}

// Other blocks, levels of -128, and those under scales that are no f16, are
// rounded, and the error is told; floats are not listed.
TEST(GroupLevels, ErrorsOfTheOthersAreMeasured) {
  std::vector<Conversion> conversions;
  std::vector<uint8_t> bytes =
      pack(R"("f", "k")", "40 x 96, int8, interleaved", &conversions);
  ASSERT_EQ(conversions.size(), 1u);
  EXPECT_EQ(conversions[0].tensor, "k");
  double error = 0, square = 0;
  int64_t tileBytes = gemcut_tile_bytes(GEMCUT_INT8, kColumns);
  for (int64_t i = 0; i < kRows * kColumns; ++i) {
    int64_t row = i / kColumns, tile = row / 16 * 2 + 1;
    double value = Blocks::valueOf("k", i);
    double packed =
        unpackTileValue(GEMCUT_INT8, &bytes[size_t(tile * tileBytes)], row % 16,
                        i % kColumns, kColumns);
    error += (packed - value) * (packed - value);
    square += value * value;
  }
  EXPECT_GT(error, 0);
  EXPECT_NEAR(conversions[0].relativeError, std::sqrt(error / square), 1e-9);
  pack(R"("wide")", "20 x 96, int8, tiles", &conversions);
  EXPECT_GT(conversions[0].relativeError, 1e-6);
  EXPECT_LT(conversions[0].relativeError, 0.01);
  pack(R"("least")", "20 x 96, int8, tiles", &conversions);
  EXPECT_GT(conversions[0].relativeError, 1e-6);
  EXPECT_LT(conversions[0].relativeError, 0.01);
  pack(R"("q8")", "20 x 96, q4_0, tiles", &conversions);
  EXPECT_GT(conversions[0].relativeError, 0.01);
}

TEST(GroupLevels, ScalesOfGroupsAreHalves) {
  EXPECT_TRUE(isGroupScale(0));
  EXPECT_TRUE(isGroupScale(-0.5f));
  EXPECT_TRUE(isGroupScale(0x1p-24f));
  EXPECT_FALSE(isGroupScale(0x1p-25f));
  EXPECT_FALSE(isGroupScale(0x1.001p0f));
  EXPECT_FALSE(isGroupScale(65536));
  EXPECT_FALSE(isGroupScale(std::numeric_limits<float>::infinity()));
  EXPECT_FALSE(isGroupScale(std::numeric_limits<float>::quiet_NaN()));
}
