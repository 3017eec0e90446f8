//===- KeptWeightsTest.cpp - Integers of a checkpoint, packed -------------===//

#include "test/unit/Artifact/TestFolder.h"

#include "compiler/Artifact/PackWeights.h"
#include "compiler/Artifact/Quantize.h"
#include "compiler/Pipeline/Registration.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

/// Matrices of levels that follow from their place, and scalars of 0.5.
class Levels : public checkpoint::WeightSource {
public:
  static int levelOf(int64_t element, int bits) {
    return int(element * 7 % (1 << bits)) - (1 << (bits - 1));
  }
  /// Some scales are negative, and none is what its row's levels would choose.
  static float scaleOf(int64_t index) {
    return (index % 3 ? 0.01f : -0.02f) * float(1 + index);
  }

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override {
    checkpoint::WeightInfo info;
    if (name == "scale") {
      info.shape = {1};
      return info;
    }
    info.shape = {20, 96};
    bool isTable = name == "table";
    info.levels = checkpoint::LevelForm{isTable ? 4 : 2, isTable ? 32 : 96};
    return info;
  }
  std::vector<std::string> names() const override { return {}; }

  llvm::Error readF32(llvm::StringRef name, int64_t first,
                      llvm::MutableArrayRef<float> out) const override {
    EXPECT_EQ(name, "scale") << "levels are not to be found again from values";
    out[0] = 0.5f;
    return llvm::Error::success();
  }

  llvm::Error readLevels(llvm::StringRef name, int64_t firstRow,
                         llvm::MutableArrayRef<int8_t> levels,
                         llvm::MutableArrayRef<float> scales) const override {
    checkpoint::LevelForm form = *find(name)->levels;
    for (size_t i = 0; i < levels.size(); ++i)
      levels[i] = int8_t(levelOf(firstRow * 96 + int64_t(i), form.bits));
    for (size_t i = 0; i < scales.size(); ++i)
      scales[i] = scaleOf(firstRow * (96 / form.group) + int64_t(i));
    return llvm::Error::success();
  }
};

TEST(KeptWeights, LevelsAndScalesAreThoseOfTheCheckpoint) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
kernel.packed @table {sources = ["table"], offset = 0 : i64}
    : !kernel.weight<20 x 96, int4_row, rows, scales = 3>
kernel.packed @pair {sources = ["a", "b"], offset = 4096 : i64,
    output_scales = ["", "scale"]} : !kernel.weight<40 x 96, int2_row, interleaved>
)",
                                                        &context);
  ASSERT_TRUE(module);
  TestFolder folder;
  std::string path = folder / "section";
  int descriptor = open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR, 0600);
  llvm::Error error =
      packWeights(*module, Levels(), descriptor, /*fileOffset=*/0,
                  /*threads=*/2, /*progress=*/nullptr);
  close(descriptor);
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  std::string section = readText(path);
  auto bytes = reinterpret_cast<const uint8_t *>(section.data());

  int64_t rowBytes = gemcut_table_row_bytes(GEMCUT_INT4_ROW, 96, 3);
  for (int64_t row = 0; row < 20; ++row)
    for (int64_t c = 0; c < 96; ++c)
      ASSERT_EQ(unpackTableValue(GEMCUT_INT4_ROW,
                                 bytes + gemcut_table_row_offset(rowBytes, row),
                                 c, 96, 3),
                float(Levels::levelOf(row * 96 + c, 4)) *
                    Levels::scaleOf(row * 3 + c / 32));

  int64_t tileBytes = gemcut_tile_bytes(GEMCUT_INT2_ROW, 96);
  for (int64_t row = 0; row < 20; ++row)
    for (int64_t matrix = 0; matrix < 2; ++matrix) {
      const uint8_t *tile = bytes + 4096 + (row / 16 * 2 + matrix) * tileBytes;
      for (int64_t c = 0; c < 96; ++c)
        ASSERT_EQ(unpackTileValue(GEMCUT_INT2_ROW, tile, row % 16, c, 96),
                  float(Levels::levelOf(row * 96 + c, 2)) *
                      Levels::scaleOf(row));
      gemcut_row_tile_header header;
      std::memcpy(&header, tile, sizeof(header));
      EXPECT_EQ(header.output_scales[row % 16], matrix ? 0.5f : 0.0f);
    }
}

} // namespace
