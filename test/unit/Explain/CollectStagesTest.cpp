//===- CollectStagesTest.cpp - The stages of a planned program ------------===//

#include "compiler/Explain/CollectStages.h"
#include "dialects/Kernel/KernelOps.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

using namespace gemcut;
using namespace gemcut::explain;

namespace {

/// An entry point for up to 8 rows with two equal layers and a head that runs
/// for the last row.
constexpr char kProgram[] = R"(
func.func private @layer(%n: i64, %x: !kernel.buffer<8 x 64, q8>,
    %w: !kernel.weight<128 x 64, int4, interleaved>, %g: !kernel.buffer<8 x 64, q8>,
    %q: !kernel.buffer<8 x 64, f32>, %c: !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>,
    %p: !kernel.buffer<8 x 2, i32>, %o: !kernel.buffer<8 x 64, f32>) {
  kernel.gemv %n, %x, %w outs %g {epilogue = #kernel.epilogue<gelu_gate>,
      partition = #kernel.partition<tiles, 3>, scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<128 x 64, int4, interleaved>,
        !kernel.buffer<8 x 64, q8> loc("layers.0.mlp.gate_up")
  kernel.attention %n, %q, %c, %p outs %o {heads = 4 : i64,
      partition = #kernel.partition<heads, 2>}
      : !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>,
        !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 64, f32>
      loc(fused["layers.0.attention", "layers.0.quantize", "layers.1.norm"])
  return
} loc("layers.0")

func.func @decode(%n: i64, %ids: !kernel.buffer<8 x 1, i32>,
    %logits: !kernel.buffer<1 x 496, f32>, %x: !kernel.buffer<8 x 64, q8>,
    %w: !kernel.weight<128 x 64, int4, interleaved>, %q: !kernel.buffer<8 x 64, f32>,
    %c: !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>, %p: !kernel.buffer<8 x 2, i32>,
    %head: !kernel.weight<496 x 64, bf16, tiles>, %table: !kernel.weight<496 x 64, int8, rows>,
    %norm: !kernel.weight<1 x 64, f32, vector>) attributes {kernel.entry = "decode"} {
  %one = arith.constant 1 : i64
  kernel.gather %n, %ids, %table outs %q {partition = #kernel.partition<rows, 2>, scale = 1.0 : f32}
      : !kernel.buffer<8 x 1, i32>, !kernel.weight<496 x 64, int8, rows>,
        !kernel.buffer<8 x 64, f32> loc("embed")
  kernel.rms_norm %n, %q, %norm outs %x {eps = 1.0e-6 : f32, group = 64 : i64,
      partition = #kernel.partition<rows, 1>}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>,
        !kernel.buffer<8 x 64, q8>
  kernel.count_rows %n {layer = 0 : i64}
  call @layer(%n, %x, %w, %x, %q, %c, %p, %q) : (i64, !kernel.buffer<8 x 64, q8>,
      !kernel.weight<128 x 64, int4, interleaved>, !kernel.buffer<8 x 64, q8>,
      !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>,
      !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 64, f32>) -> ()
  kernel.count_rows %one {layer = 1 : i64}
  call @layer(%one, %x, %w, %x, %q, %c, %p, %q) : (i64, !kernel.buffer<8 x 64, q8>,
      !kernel.weight<128 x 64, int4, interleaved>, !kernel.buffer<8 x 64, q8>,
      !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>,
      !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 64, f32>) -> ()
  kernel.gemv %one, %q, %head outs %logits {scale = 1.0 : f32,
      partition = #kernel.partition<tiles, 8>}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<496 x 64, bf16, tiles>,
        !kernel.buffer<1 x 496, f32> loc("head")
  return
} loc("forward")
)";

class CollectStages : public testing::Test {
protected:
  void SetUp() override {
    context.loadDialect<kernel::KernelDialect, mlir::func::FuncDialect,
                        mlir::arith::ArithDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(kProgram, &context);
    ASSERT_TRUE(module);
    report = collectStages(*module);
  }

  const StageKind &kindOf(size_t stage) const {
    return report.kinds[report.entries.at("decode").stages[stage].kind];
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  StageReport report;
};

TEST_F(CollectStages, ExpandsCallsInProgramOrder) {
  ASSERT_EQ(report.entries.size(), 1u);
  const EntryStages &decode = report.entries.at("decode");
  EXPECT_EQ(decode.maxRows, 8);
  // Equal layers share kinds.
  EXPECT_EQ(report.kinds.size(), 5u);
  std::vector<StageUse> expected = {{0, -1, 0}, {1, -1, 0}, {2, 0, 0},
                                    {3, 0, 0},  {2, 1, 1},  {3, 1, 1},
                                    {4, -1, 1}};
  EXPECT_EQ(decode.stages, expected);
}

TEST_F(CollectStages, CountsOneRowOfATable) {
  const StageKind &gather = kindOf(0);
  EXPECT_EQ(gather.name, "embed");
  EXPECT_EQ(gather.kernel, "gather");
  EXPECT_EQ(gather.shape, "496 x 64 int8");
  EXPECT_EQ(gather.weightBytes, 0);
  EXPECT_EQ(gather.tableBytesPerRow, 128); // 64 + 2 scales of 2, in lines
  EXPECT_EQ(gather.macsPerRow, 0);
  EXPECT_EQ(gather.partition, "rows, 2");
  EXPECT_EQ(gather.chunksPerBlock, 1);
  EXPECT_EQ(gather.rowsPerBlock, 2);
}

TEST_F(CollectStages, CountsVectorsAndActivations) {
  const StageKind &norm = kindOf(1);
  EXPECT_EQ(norm.name, "rms_norm"); // its location has no name
  EXPECT_EQ(norm.shape, "64 f32");
  EXPECT_EQ(norm.weightBytes, 256);
  EXPECT_EQ(norm.bufferBytesPerRow, 256 + 128); // f32 in, q8 out
  EXPECT_EQ(norm.arithmetic, "");
}

TEST_F(CollectStages, CountsPackedMatrices) {
  const StageKind &gateUp = kindOf(2);
  EXPECT_EQ(gateUp.name, "mlp.gate_up"); // without the layer
  EXPECT_EQ(gateUp.kernel, "gemv");
  EXPECT_EQ(gateUp.shape, "128 x 64 int4, gelu_gate");
  EXPECT_EQ(gateUp.arithmetic, "int8");
  EXPECT_EQ(gateUp.weightBytes, 8 * (64 + 1088));
  EXPECT_EQ(gateUp.macsPerRow, 128 * 64);
  EXPECT_EQ(gateUp.chunks, 2); // of 4 pairs of tiles
  EXPECT_EQ(gateUp.barriers, 1);
  const StageKind &head = kindOf(6);
  EXPECT_EQ(head.arithmetic, "f32");
  EXPECT_EQ(head.weightBytes, 31 * 16 * 64 * 2);
  EXPECT_EQ(head.chunks, 4);
}

TEST_F(CollectStages, CountsKeysAndValuesByPosition) {
  const StageKind &attention = kindOf(3);
  EXPECT_EQ(attention.name, "attention .. quantize"); // in the layer
  EXPECT_EQ(attention.shape, "2 x 16 bf16, window 4");
  EXPECT_EQ(attention.arithmetic, "bf16");
  EXPECT_EQ(attention.cacheReadBytesPerPosition, 2 * 2 * 16 * 2);
  EXPECT_EQ(attention.window, 4);
  EXPECT_EQ(attention.macsPerRowPosition, 2 * 4 * 16);
  EXPECT_EQ(attention.bufferBytesPerRow, 256 + 8 + 256); // q, positions, out
  EXPECT_EQ(attention.chunksPerBlock, 2);                // KV heads
  EXPECT_EQ(attention.rowsPerBlock, 2);
  EXPECT_EQ(attention.barriers, 1);
}

/// Attention whose keys are shared out: partial results are merged.
TEST_F(CollectStages, KnowsTheBarriersOfMergedParts) {
  auto other = mlir::parseSourceString<mlir::ModuleOp>(R"(
func.func @decode(%n: i64, %ids: !kernel.buffer<8 x 1, i32>, %q: !kernel.buffer<8 x 128, f32>,
    %c: !kernel.cache<1 x 32, bf16, window = 0, capacity = 288>, %p: !kernel.buffer<8 x 2, i32>,
    %t: !kernel.buffer<8 x 3072, f32>, %o: !kernel.buffer<8 x 128, q8>)
    attributes {kernel.entry = "decode"} {
  kernel.attention %n, %q, %c, %p partials %t outs %o {heads = 4 : i64,
      partition = #kernel.partition<keys, 4>}
      : !kernel.buffer<8 x 128, f32>, !kernel.cache<1 x 32, bf16, window = 0, capacity = 288>,
        !kernel.buffer<8 x 2, i32> partials !kernel.buffer<8 x 3072, f32>,
        !kernel.buffer<8 x 128, q8>
  return
})",
                                                       &context);
  ASSERT_TRUE(other);
  StageReport keys = collectStages(*other);
  ASSERT_EQ(keys.kinds.size(), 1u);
  EXPECT_EQ(keys.kinds[0].barriers, 2);
  EXPECT_EQ(keys.kinds[0].chunksPerBlock, kernel::AttentionOp::kMostParts);
  EXPECT_EQ(keys.kinds[0].bufferBytesPerRow,
            512 + 8 + gemcut_q8_row_bytes(128)); // without partial results
}

} // namespace
