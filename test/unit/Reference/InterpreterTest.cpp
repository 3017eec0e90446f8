//===- InterpreterTest.cpp - Walking functions, states, diagnostics -------===//

#include "compiler/Reference/Interpreter.h"

#include "dialects/Gemma/GemmaOps.h"
#include "frontends/Gemma4/RandomWeights.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::reference;

namespace {

/// Runs functions of a module given as text on random weights.
class InterpreterTest : public testing::Test {
protected:
  InterpreterTest() {
    context.loadDialect<gemma::GemmaDialect, mlir::func::FuncDialect>();
  }

  void parse(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    llvm::StringMap<checkpoint::WeightInfo> table;
    module->walk([&](gemma::WeightOp weight) {
      auto type = mlir::cast<mlir::RankedTensorType>(weight.getType());
      table[weight.getSymName()] = {
          checkpoint::ElementType::F32,
          llvm::SmallVector<int64_t, 4>(type.getShape())};
    });
    weights = std::make_unique<gemma4::RandomWeights>(std::move(table));
    interpreter = std::make_unique<Interpreter>(*module, *weights);
  }

  /// The single result of `function`.
  Tensor run(llvm::StringRef function, std::vector<int32_t> ids,
             std::vector<int64_t> positions) {
    auto results = interpreter->run(function, ids, positions);
    EXPECT_TRUE(mlir::succeeded(results));
    return mlir::succeeded(results) && !results->empty() ? results->front()
                                                         : Tensor();
  }

  /// The one diagnostic of a run that fails.
  std::string errorOf(llvm::StringRef function, std::vector<int32_t> ids,
                      std::vector<int64_t> positions) {
    std::vector<std::string> messages;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &d) {
      messages.push_back(d.str());
      return mlir::success();
    });
    EXPECT_TRUE(mlir::failed(interpreter->run(function, ids, positions)));
    return messages.size() == 1 ? messages[0] : "not one diagnostic";
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<checkpoint::WeightSource> weights;
  std::unique_ptr<Interpreter> interpreter;
};

} // namespace

// Every fused op equals the elementary ops that its description names, bit for
// bit.
TEST_F(InterpreterTest, FusedOpsEqualElementaryOnes) {
  parse(R"mlir(
gemma.weight @model.embed_tokens.weight : tensor<32x64xf32>
gemma.weight @q_proj.weight : tensor<64x64xf32>
gemma.weight @k_proj.weight : tensor<32x64xf32>
gemma.weight @v_proj.weight : tensor<32x64xf32>
gemma.weight @q_norm.weight : tensor<16xf32>
gemma.weight @k_norm.weight : tensor<16xf32>
gemma.weight @gate.weight : tensor<96x64xf32>
gemma.weight @up.weight : tensor<96x64xf32>
gemma.weight @down.weight : tensor<64x96xf32>
gemma.weight @a_norm.weight : tensor<64xf32>
gemma.weight @b_norm.weight : tensor<64xf32>
gemma.weight @layer_scalar : tensor<1xf32>
gemma.kv_cache @kv.0 : !gemma.kv<2 x 16, window = 4>
gemma.kv_cache @kv.1 : !gemma.kv<2 x 16, window = 4>
gemma.kv_cache @kv.2 : !gemma.kv<2 x 16, window = 4>

func.func @elementary(%ids: tensor<?xi32>, %p: tensor<?xi64>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x32xf32>,
        tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %e = gemma.get_weight @model.embed_tokens.weight : tensor<32x64xf32>
  %wq = gemma.get_weight @q_proj.weight : tensor<64x64xf32>
  %wk = gemma.get_weight @k_proj.weight : tensor<32x64xf32>
  %wv = gemma.get_weight @v_proj.weight : tensor<32x64xf32>
  %qn = gemma.get_weight @q_norm.weight : tensor<16xf32>
  %kn = gemma.get_weight @k_norm.weight : tensor<16xf32>
  %gate = gemma.get_weight @gate.weight : tensor<96x64xf32>
  %up = gemma.get_weight @up.weight : tensor<96x64xf32>
  %down = gemma.get_weight @down.weight : tensor<64x96xf32>
  %a = gemma.get_weight @a_norm.weight : tensor<64xf32>
  %b = gemma.get_weight @b_norm.weight : tensor<64xf32>
  %ls = gemma.get_weight @layer_scalar : tensor<1xf32>
  %kv = gemma.get_cache @kv.0 : !gemma.kv<2 x 16, window = 4>
  %t = gemma.rope_table %p {head_dim = 16 : i64, pairs = 4 : i64, theta = 1.0e4 : f32}
      : tensor<?xi64> -> tensor<?x8xf32>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32} : tensor<?xi32>, tensor<32x64xf32> -> tensor<?x64xf32>
  // Projections, norms, rotation, write.
  %q0 = gemma.linear %x, [%wq] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  %k0 = gemma.linear %x, [%wk] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  %v0 = gemma.linear %x, [%wv] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  %q1 = gemma.rms_norm %q0, %qn {eps = 1.0e-6 : f32, group = 16 : i64} : tensor<?x64xf32>, tensor<16xf32> -> tensor<?x64xf32>
  %q = gemma.rope %q1, %t {head_dim = 16 : i64} : tensor<?x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  %k1 = gemma.rms_norm %k0, %kn {eps = 1.0e-6 : f32, group = 16 : i64} : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %k = gemma.rope %k1, %t {head_dim = 16 : i64} : tensor<?x32xf32>, tensor<?x8xf32> -> tensor<?x32xf32>
  %v = gemma.rms_norm %v0 {eps = 1.0e-6 : f32, group = 16 : i64} : tensor<?x32xf32> -> tensor<?x32xf32>
  %kv1 = gemma.kv_write %k, %v, %p, %kv : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16, window = 4>
  %o = gemma.attention %q, %kv1, %p {heads = 4 : i64} : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>, tensor<?xi64> -> tensor<?x64xf32>
  // Gated product.
  %g0 = gemma.linear %x, [%gate] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<96x64xf32>] -> tensor<?x96xf32>
  %u0 = gemma.linear %x, [%up] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<96x64xf32>] -> tensor<?x96xf32>
  %m0 = gemma.gelu_mul %g0, %u0 : tensor<?x96xf32>
  %y = gemma.linear %m0, [%down] {scale = 1.0 : f32} : tensor<?x96xf32>, [tensor<64x96xf32>] -> tensor<?x64xf32>
  // Modulated product.
  %mod = gemma.gelu_mul %k0, %v0 : tensor<?x32xf32>
  // Residual with norm, scalar and next norm.
  %n0 = gemma.rms_norm %y, %a {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %n1 = gemma.add %x, %n0 : tensor<?x64xf32>
  %n2 = gemma.scale_by %n1, %ls : tensor<?x64xf32>, tensor<1xf32> -> tensor<?x64xf32>
  %n3 = gemma.rms_norm %n2, %b {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  // Per-layer inputs, groups of 16.
  %p0 = gemma.rms_norm %x, %kn {eps = 1.0e-6 : f32, group = 16 : i64} : tensor<?x64xf32>, tensor<16xf32> -> tensor<?x64xf32>
  %p1 = gemma.add %p0, %y : tensor<?x64xf32>
  %p2 = gemma.scale %p1 {factor = 0.70710678 : f32} : tensor<?x64xf32>
  // Scaled and capped product.
  %c0 = gemma.scale %q0 {factor = 0.5 : f32} : tensor<?x64xf32>
  %c1 = gemma.softcap %c0 {cap = 3.0 : f32} : tensor<?x64xf32>
  return %o, %y, %n3, %mod, %p2, %c1, %n2 : tensor<?x64xf32>, tensor<?x64xf32>,
      tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

func.func @fused(%ids: tensor<?xi32>, %p: tensor<?xi64>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x32xf32>,
        tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %e = gemma.get_weight @model.embed_tokens.weight : tensor<32x64xf32>
  %wq = gemma.get_weight @q_proj.weight : tensor<64x64xf32>
  %wk = gemma.get_weight @k_proj.weight : tensor<32x64xf32>
  %wv = gemma.get_weight @v_proj.weight : tensor<32x64xf32>
  %qn = gemma.get_weight @q_norm.weight : tensor<16xf32>
  %kn = gemma.get_weight @k_norm.weight : tensor<16xf32>
  %gate = gemma.get_weight @gate.weight : tensor<96x64xf32>
  %up = gemma.get_weight @up.weight : tensor<96x64xf32>
  %down = gemma.get_weight @down.weight : tensor<64x96xf32>
  %a = gemma.get_weight @a_norm.weight : tensor<64xf32>
  %b = gemma.get_weight @b_norm.weight : tensor<64xf32>
  %ls = gemma.get_weight @layer_scalar : tensor<1xf32>
  %kv = gemma.get_cache @kv.1 : !gemma.kv<2 x 16, window = 4>
  %kv2 = gemma.get_cache @kv.2 : !gemma.kv<2 x 16, window = 4>
  %t = gemma.rope_table %p {head_dim = 16 : i64, pairs = 4 : i64, theta = 1.0e4 : f32}
      : tensor<?xi64> -> tensor<?x8xf32>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32} : tensor<?xi32>, tensor<32x64xf32> -> tensor<?x64xf32>
  %qkv = gemma.linear %x, [%wq, %wk, %wv] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<64x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>] -> tensor<?x128xf32>
  %q, %kv1 = gemma.prepare_qkv %qkv, %qn, %kn, %t, %p, %kv {eps = 1.0e-6 : f32, heads = 4 : i64}
      : tensor<?x128xf32>, tensor<16xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>,
        !gemma.kv<2 x 16, window = 4> -> tensor<?x64xf32>
  %o = gemma.attention %q, %kv1, %p {heads = 4 : i64} : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>, tensor<?xi64> -> tensor<?x64xf32>
  // The same with q apart from k and v.
  %q0 = gemma.slice %qkv {offset = 0 : i64} : tensor<?x128xf32> -> tensor<?x64xf32>
  %kv0 = gemma.slice %qkv {offset = 64 : i64} : tensor<?x128xf32> -> tensor<?x64xf32>
  %kv3 = gemma.prepare_kv %kv0, %kn, %t, %p, %kv2 {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16, window = 4>
  %q2 = gemma.prepare_q %q0, %qn, %t {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<16xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  %o2 = gemma.attention %q2, %kv3, %p {heads = 4 : i64} : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>, tensor<?xi64> -> tensor<?x64xf32>
  %m = gemma.gated_linear %x, %gate, %up : tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32> -> tensor<?x96xf32>
  %y = gemma.linear %m, [%down] {scale = 1.0 : f32} : tensor<?x96xf32>, [tensor<64x96xf32>] -> tensor<?x64xf32>
  %v0 = gemma.slice %qkv {offset = 96 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
  %mod = gemma.modulated_linear %x, %wk, %v0 : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  %n2, %n3 = gemma.residual_norm %y, %a, %x scalar %ls next %b {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<64xf32> scalar tensor<1xf32> next tensor<64xf32>
      -> tensor<?x64xf32>, tensor<?x64xf32>
  %p2 = gemma.ple_inputs %x, %y, %kn {eps = 1.0e-6 : f32, factor = 0.70710678 : f32}
      : tensor<?x64xf32>, tensor<16xf32>
  %c1 = gemma.linear %x, [%wq] {cap = 3.0 : f32, scale = 0.5 : f32} : tensor<?x64xf32>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  return %o, %y, %n3, %mod, %p2, %c1, %n2, %o2 : tensor<?x64xf32>, tensor<?x64xf32>,
      tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
)mlir");
  // Two runs, so that the second one sees cached keys and the window moves.
  for (auto [ids, positions] :
       {std::pair(std::vector<int32_t>{3, 1, 4, 1, 5},
                  std::vector<int64_t>{0, 1, 2, 3, 4}),
        std::pair(std::vector<int32_t>{9, 31}, std::vector<int64_t>{5, 6})}) {
    auto elementary = interpreter->run("elementary", ids, positions);
    auto fused = interpreter->run("fused", ids, positions);
    ASSERT_TRUE(mlir::succeeded(elementary) && mlir::succeeded(fused));
    for (size_t i = 0; i < elementary->size(); ++i) {
      EXPECT_EQ((*elementary)[i].values, (*fused)[i].values) << "result " << i;
      EXPECT_GT((*elementary)[i].values.size(), 0u);
    }
    EXPECT_EQ((*elementary)[0].values, (*fused)[7].values);
  }
}

// A q8 result of any op is the f32 result, quantized.
TEST_F(InterpreterTest, QuantizedResultsEqualQuantize) {
  parse(R"mlir(
gemma.weight @embed_tokens.weight : tensor<32x64xf32>
gemma.weight @gate.weight : tensor<64x64xf32>
gemma.weight @a_norm.weight : tensor<64xf32>
func.func @f(%ids: tensor<?xi32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>,
        tensor<?x64xf32>, tensor<?x64xf32>) {
  %e = gemma.get_weight @embed_tokens.weight : tensor<32x64xf32>
  %w = gemma.get_weight @gate.weight : tensor<64x64xf32>
  %a = gemma.get_weight @a_norm.weight : tensor<64xf32>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32} : tensor<?xi32>, tensor<32x64xf32> -> tensor<?x64xf32>
  %n = gemma.rms_norm %x, %a {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %nq = gemma.quantize %n : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %fq = gemma.rms_norm %x, %a {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64x!gemma.q8>
  %0 = gemma.linear %nq, [%w] {scale = 1.0 : f32} : tensor<?x64x!gemma.q8>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  %1 = gemma.linear %fq, [%w] {scale = 1.0 : f32} : tensor<?x64x!gemma.q8>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  // The quantized sum of a residual.
  %s, %sq = gemma.residual_norm %n, %a, %x {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>, tensor<?x64x!gemma.q8>
  %s1 = gemma.quantize %s : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %2 = gemma.linear %sq, [%w] {scale = 1.0 : f32} : tensor<?x64x!gemma.q8>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  %3 = gemma.linear %s1, [%w] {scale = 1.0 : f32} : tensor<?x64x!gemma.q8>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  %g = gemma.gated_linear %x, %w, %w : tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> -> tensor<?x64x!gemma.q8>
  %h = gemma.gated_linear %x, %w, %w : tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  %hq = gemma.quantize %h : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %4 = gemma.linear %g, [%w] {scale = 1.0 : f32} : tensor<?x64x!gemma.q8>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  %5 = gemma.linear %hq, [%w] {scale = 1.0 : f32} : tensor<?x64x!gemma.q8>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>,
      tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
)mlir");
  auto results = interpreter->run("f", {7, 8, 9}, {0, 1, 2});
  ASSERT_TRUE(mlir::succeeded(results));
  for (int i : {0, 2, 4})
    EXPECT_EQ((*results)[i].values, (*results)[i + 1].values) << i;
}

static const char *kSmallModel = R"mlir(
gemma.weight @embed_tokens.weight : tensor<8x16xf32>
gemma.kv_cache @kv.0 : !gemma.kv<1 x 16, window = 2>
func.func @step(%ids: tensor<?xi32>, %p: tensor<?xi64>) -> tensor<?x16xf32> {
  %e = gemma.get_weight @embed_tokens.weight : tensor<8x16xf32>
  %x = gemma.embed %ids, %e {scale = 1.0 : f32} : tensor<?xi32>, tensor<8x16xf32> -> tensor<?x16xf32> loc("embed")
  %kv0 = gemma.get_cache @kv.0 : !gemma.kv<1 x 16, window = 2>
  %kv1 = gemma.kv_write %x, %x, %p, %kv0 : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<1 x 16, window = 2>
  %o = gemma.attention %x, %kv1, %p {heads = 1 : i64} : tensor<?x16xf32>, !gemma.kv<1 x 16, window = 2>, tensor<?xi64> -> tensor<?x16xf32> loc("attention")
  return %o : tensor<?x16xf32>
}
func.func @last(%ids: tensor<?xi32>, %p: tensor<?xi64>) -> tensor<1x16xf32> {
  %i = gemma.select_last %ids : tensor<?xi32> -> tensor<1xi32>
  %e = gemma.get_weight @embed_tokens.weight : tensor<8x16xf32>
  %x = gemma.embed %i, %e {scale = 1.0 : f32} : tensor<1xi32>, tensor<8x16xf32> -> tensor<1x16xf32>
  return %x : tensor<1x16xf32>
}
func.func @stale(%ids: tensor<?xi32>, %p: tensor<?xi64>) -> tensor<?x16xf32> {
  %e = gemma.get_weight @embed_tokens.weight : tensor<8x16xf32>
  %x = gemma.embed %ids, %e {scale = 1.0 : f32} : tensor<?xi32>, tensor<8x16xf32> -> tensor<?x16xf32>
  %kv0 = gemma.get_cache @kv.0 : !gemma.kv<1 x 16, window = 2>
  %kv1 = gemma.kv_write %x, %x, %p, %kv0 : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<1 x 16, window = 2>
  %o = gemma.attention %x, %kv0, %p {heads = 1 : i64} : tensor<?x16xf32>, !gemma.kv<1 x 16, window = 2>, tensor<?xi64> -> tensor<?x16xf32>
  return %o : tensor<?x16xf32>
}
func.func private @layer(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %y = gemma.scale %x {factor = 2.0 : f32} : tensor<?x16xf32> loc("layers.3.out")
  return %y : tensor<?x16xf32>
}
func.func @calls(%ids: tensor<?xi32>) -> tensor<?x16xf32> {
  %e = gemma.get_weight @embed_tokens.weight : tensor<8x16xf32>
  %x = gemma.embed %ids, %e {scale = 1.0 : f32} : tensor<?xi32>, tensor<8x16xf32> -> tensor<?x16xf32> loc("embed")
  %y = func.call @layer(%x) {gemma.layer = 3 : i64} : (tensor<?x16xf32>) -> tensor<?x16xf32>
  %z = func.call @layer(%y) {gemma.layer = 12 : i64} : (tensor<?x16xf32>) -> tensor<?x16xf32>
  return %z : tensor<?x16xf32>
}
func.func @one(%ids: tensor<1xi32>) -> tensor<1xi32> {
  return %ids : tensor<1xi32>
}
)mlir";

// The second run sees what the first one wrote, within the window, and forgets
// it on reset. Two keys x and y with query y: softmax of the scores x.y and
// y.y.
TEST_F(InterpreterTest, StatePersistsUntilReset) {
  parse(kSmallModel);
  Tensor x = run("step", {3}, {100});
  Tensor y = run("last", {4}, {0});
  Tensor both = run("step", {4}, {101});
  double xy = 0, yy = 0;
  for (int i = 0; i < 16; ++i) {
    xy += double(x.values[i]) * y.values[i];
    yy += double(y.values[i]) * y.values[i];
  }
  double p = 1 / (1 + std::exp(yy - xy));
  for (int i = 0; i < 16; ++i)
    EXPECT_FLOAT_EQ(both.values[i], p * x.values[i] + (1 - p) * y.values[i]);
  EXPECT_EQ(interpreter->getCache("kv.0")->entries.size(), 2u);
  // Position 103 has no neighbour within a window of 2, and 50 sees no later
  // key.
  EXPECT_EQ(run("step", {4}, {103}).values, y.values);
  EXPECT_EQ(run("step", {4}, {50}).values, y.values);
  interpreter->resetState();
  EXPECT_EQ(interpreter->getCache("kv.0"), nullptr);
  EXPECT_EQ(run("step", {4}, {101}).values, y.values);
}

TEST_F(InterpreterTest, ObserverSeesRowTensorsAndStops) {
  parse(kSmallModel);
  std::vector<std::string> seen;
  interpreter->setObserver([&](const Observation &observation) {
    seen.insert(seen.end(), observation.names.begin(), observation.names.end());
    return observation.names.front() == "layers.3.out" ? Next::Stop
                                                       : Next::Continue;
  });
  run("step", {1}, {0});
  EXPECT_EQ(seen, (std::vector<std::string>{"embed", "attention"}));
  seen.clear();
  auto stopped = interpreter->run("calls", {1}, {0});
  ASSERT_TRUE(mlir::succeeded(stopped));
  EXPECT_TRUE(stopped->empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"embed", "layers.3.out"}));
}

// A function that several layers share has each caller's names.
TEST_F(InterpreterTest, CallsRenameLayers) {
  parse(kSmallModel);
  std::vector<std::string> seen;
  interpreter->setObserver([&](const Observation &observation) {
    seen.push_back(observation.names.front());
    return Next::Continue;
  });
  run("calls", {1}, {0});
  EXPECT_EQ(seen, (std::vector<std::string>{"embed", "layers.3.out",
                                            "layers.12.out"}));
}

TEST_F(InterpreterTest, DiagnosesWhatItCannotRun) {
  parse(kSmallModel);
  EXPECT_EQ(errorOf("nothing", {1}, {0}), "has no function 'nothing' to run");
  EXPECT_EQ(errorOf("step", {}, {}),
            "'func.func' op needs at least one id and as many positions, found "
            "0 ids and 0 positions");
  EXPECT_EQ(errorOf("step", {1, 2}, {0}),
            "'func.func' op needs at least one id and as many positions, found "
            "2 ids and 1 positions");
  EXPECT_EQ(
      errorOf("step", {8}, {0}),
      "'gemma.embed' op token id 8 (row 0) is outside the vocabulary of 8 "
      "of 'embed_tokens.weight'");
  EXPECT_EQ(errorOf("step", {-1}, {0}),
            "'gemma.embed' op token id -1 (row 0) is outside the vocabulary of "
            "8 of 'embed_tokens.weight'");
  EXPECT_EQ(errorOf("stale", {1}, {0}),
            "'gemma.attention' op uses a KV state that a later kv_write has "
            "already replaced");
  EXPECT_EQ(
      errorOf("layer", {1}, {0}),
      "'func.func' op takes a 'tensor<?x16xf32>'; only functions of token "
      "ids (i32) and positions (i64) can be run from outside");
  EXPECT_EQ(errorOf("one", {1, 2}, {0, 1}),
            "'func.func' op takes a 'tensor<1xi32>', but the run has 2 rows");
  EXPECT_EQ(
      errorOf("one", {1}, {0}),
      "'func.func' op returns something other than row tensors and cannot "
      "be run from outside");
}

TEST_F(InterpreterTest, DiagnosesForeignOps) {
  parse(R"mlir(
func.func @f(%ids: tensor<?xi32>) -> tensor<?xi32> {
  %c = func.constant @f : (tensor<?xi32>) -> tensor<?xi32>
  return %ids : tensor<?xi32>
}
func.func private @external(tensor<?xi32>) -> tensor<?xi32>
)mlir");
  EXPECT_EQ(errorOf("f", {1}, {0}),
            "'func.constant' op cannot be interpreted; supported are the gemma "
            "dialect, func.call and func.return");
  EXPECT_EQ(errorOf("external", {1}, {0}),
            "'func.func' op cannot be interpreted: its body must be one block");
}

TEST_F(InterpreterTest, DiagnosesMissingWeights) {
  parse(kSmallModel);
  interpreter = nullptr;
  weights = std::make_unique<gemma4::RandomWeights>(
      llvm::StringMap<checkpoint::WeightInfo>());
  interpreter = std::make_unique<Interpreter>(*module, *weights);
  EXPECT_EQ(errorOf("step", {1}, {0}),
            "'gemma.embed' op there is no tensor 'embed_tokens.weight'");
}
