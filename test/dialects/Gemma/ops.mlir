// RUN: gemcut-opt %s | gemcut-opt | FileCheck %s
// RUN: gemcut-opt %s --mlir-print-op-generic | gemcut-opt | FileCheck %s

// Symbols: names of any checkpoint, every stored type, every format.
// CHECK: gemma.weight @model.norm.weight : tensor<64xf32>
gemma.weight @model.norm.weight : tensor<64xf32>
// CHECK: gemma.weight @"odd name" {format = #gemma.format<int4>} : tensor<96x64xbf16>
gemma.weight @"odd name" {format = #gemma.format<int4>} : tensor<96x64xbf16>
// CHECK: gemma.weight @half {format = #gemma.format<int8>} : tensor<8x64xf16>
gemma.weight @half {format = #gemma.format<int8>} : tensor<8x64xf16>
// CHECK: gemma.weight @brain {format = #gemma.format<bf16>} : tensor<8x64xbf16>
gemma.weight @brain {format = #gemma.format<bf16>} : tensor<8x64xbf16>
// CHECK: gemma.weight @single {format = #gemma.format<f32>} : tensor<8x64xf32>
gemma.weight @single {format = #gemma.format<f32>} : tensor<8x64xf32>
// CHECK: gemma.kv_cache @kv.0 : !gemma.kv<2 x 16, window = 4>
gemma.kv_cache @kv.0 : !gemma.kv<2 x 16, window = 4>
// A window of 0 sees everything and is not printed.
// CHECK: gemma.kv_cache @kv.1 : !gemma.kv<1 x 512>
gemma.kv_cache @kv.1 : !gemma.kv<1 x 512, window = 0>

// CHECK-LABEL: func.func @symbols
func.func @symbols() -> (tensor<64xf32>, !gemma.kv<2 x 16, window = 4>) {
  // CHECK: gemma.get_weight @model.norm.weight : tensor<64xf32>
  %w = gemma.get_weight @model.norm.weight : tensor<64xf32>
  // CHECK: gemma.get_cache @kv.0 : <2 x 16, window = 4>
  %kv = gemma.get_cache @kv.0 : !gemma.kv<2 x 16, window = 4>
  return %w, %kv : tensor<64xf32>, !gemma.kv<2 x 16, window = 4>
}

// CHECK-LABEL: func.func @elementary
func.func @elementary(%ids: tensor<?xi32>, %positions: tensor<?xi64>,
                      %table: tensor<256x64xbf16>, %wq: tensor<64x64xf32>,
                      %wk: tensor<32x64xf16>, %norm: tensor<64xf32>,
                      %head: tensor<16xf32>, %scalar: tensor<1xbf16>,
                      %kv: !gemma.kv<2 x 16, window = 4>)
    -> (tensor<1x64xf32>, tensor<1xi32>, tensor<1xi64>) {
  // CHECK: gemma.embed %{{.*}}, %{{.*}} {scale = 8.000000e+00 : f32} : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  %x = gemma.embed %ids, %table {scale = 8.0 : f32} : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  // CHECK: gemma.linear %{{.*}}, [%{{.*}}] {scale = 1.000000e+00 : f32} : tensor<?x64xf32>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  %q = gemma.linear %x, [%wq] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  // CHECK: gemma.linear %{{.*}}, [%{{.*}}, %{{.*}}] {cap = 3.000000e+01 : f32, scale = 5.000000e-01 : f32} : tensor<?x64xf32>, [tensor<32x64xf16>, tensor<32x64xf16>] -> tensor<?x64xf32>
  %y = gemma.linear %x, [%wk, %wk] {cap = 30.0 : f32, scale = 0.5 : f32} : tensor<?x64xf32>, [tensor<32x64xf16>, tensor<32x64xf16>] -> tensor<?x64xf32>
  // CHECK: gemma.rms_norm %{{.*}}, %{{.*}} {eps = 9.99999997E-7 : f32, group = 64 : i64} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %n = gemma.rms_norm %y, %norm {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  // CHECK: gemma.rms_norm %{{[0-9]+}} {eps = 9.99999997E-7 : f32, group = 16 : i64} : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %nq = gemma.rms_norm %y {eps = 1.0e-6 : f32, group = 16 : i64} : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  // CHECK: gemma.linear %{{.*}}, [%{{.*}}] {scale = 1.000000e+00 : f32} : tensor<?x64x!gemma.q8>, [tensor<32x64xf16>] -> tensor<?x32xf32>
  %k = gemma.linear %nq, [%wk] {scale = 1.0 : f32} : tensor<?x64x!gemma.q8>, [tensor<32x64xf16>] -> tensor<?x32xf32>
  // CHECK: gemma.rope_table %{{.*}} {head_dim = 16 : i64, pairs = 4 : i64, theta = 1.000000e+04 : f32} : tensor<?xi64> -> tensor<?x8xf32>
  %t = gemma.rope_table %positions {head_dim = 16 : i64, pairs = 4 : i64, theta = 1.0e4 : f32} : tensor<?xi64> -> tensor<?x8xf32>
  // CHECK: gemma.rope_table %{{.*}} {factor = 8.000000e+00 : f32, head_dim = 16 : i64, pairs = 8 : i64, theta = 1.000000e+06 : f32}
  %t8 = gemma.rope_table %positions {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e6 : f32, factor = 8.0 : f32} : tensor<?xi64> -> tensor<?x16xf32>
  // CHECK: gemma.rope %{{.*}}, %{{.*}} {head_dim = 16 : i64} : tensor<?x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  %r = gemma.rope %q, %t {head_dim = 16 : i64} : tensor<?x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  // CHECK: %[[KV:.*]] = gemma.kv_write %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16, window = 4>
  %kv1 = gemma.kv_write %k, %k, %positions, %kv : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16, window = 4>
  // CHECK: gemma.attention %{{.*}}, %[[KV]], %{{.*}} {heads = 4 : i64} : tensor<?x64xf32>, <2 x 16, window = 4>, tensor<?xi64> -> tensor<?x64xf32>
  %o = gemma.attention %r, %kv1, %positions {heads = 4 : i64} : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>, tensor<?xi64> -> tensor<?x64xf32>
  // CHECK: gemma.attention {{.*}} -> tensor<?x64x!gemma.q8>
  %oq = gemma.attention %r, %kv1, %positions {heads = 4 : i64} : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>, tensor<?xi64> -> tensor<?x64x!gemma.q8>
  // CHECK: gemma.gelu_mul %{{.*}}, %{{.*}} : tensor<?x64xf32>
  %g = gemma.gelu_mul %o, %n : tensor<?x64xf32>
  // CHECK: gemma.add %{{.*}}, %{{.*}} {gemma.layer = 3 : i64} : tensor<?x64xf32>
  %a = gemma.add %g, %x {gemma.layer = 3 : i64} : tensor<?x64xf32>
  // CHECK: gemma.scale %{{.*}} {factor = 5.000000e-01 : f32} : tensor<?x64xf32>
  %s = gemma.scale %a {factor = 0.5 : f32} : tensor<?x64xf32>
  // CHECK: gemma.scale_by %{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<1xbf16> -> tensor<?x64xf32>
  %b = gemma.scale_by %s, %scalar : tensor<?x64xf32>, tensor<1xbf16> -> tensor<?x64xf32>
  // CHECK: gemma.slice %{{.*}} {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %sl = gemma.slice %b {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  // CHECK: gemma.softcap %{{.*}} {cap = 3.000000e+01 : f32} : tensor<?x64xf32>
  %c = gemma.softcap %b {cap = 30.0 : f32} : tensor<?x64xf32>
  // CHECK: gemma.select_last %{{.*}} : tensor<?x64xf32> -> tensor<1x64xf32>
  %l = gemma.select_last %c : tensor<?x64xf32> -> tensor<1x64xf32>
  // CHECK: gemma.select_last %{{.*}} : tensor<?xi32> -> tensor<1xi32>
  %li = gemma.select_last %ids : tensor<?xi32> -> tensor<1xi32>
  // CHECK: gemma.select_last %{{.*}} : tensor<?xi64> -> tensor<1xi64>
  %lp = gemma.select_last %positions : tensor<?xi64> -> tensor<1xi64>
  return %l, %li, %lp : tensor<1x64xf32>, tensor<1xi32>, tensor<1xi64>
}

// CHECK-LABEL: func.func @fused
// CHECK-SAME: gemma.entry = "score"
func.func @fused(%x: tensor<?x64xf32>, %qkv: tensor<?x128xf32>, %positions: tensor<?xi64>,
                 %t: tensor<?x8xf32>, %p: tensor<?x32xf32>,
                 %w: tensor<96x64xbf16>, %wp: tensor<32x64xbf16>,
                 %norm: tensor<64xf32>, %head: tensor<16xf32>, %scalar: tensor<1xf32>,
                 %kv: !gemma.kv<2 x 16>)
    attributes {gemma.entry = "score", gemma.max_rows = 64 : i64} {
  // CHECK: gemma.quantize %{{.*}} : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %q8 = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  // CHECK: gemma.adapt %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {offset = 32 : i64, rank = 1 : i64} : tensor<?x128xf32>, tensor<?x64xf32>, tensor<64xf32>, tensor<16xf32>
  %ad = gemma.adapt %qkv, %x, %norm, %head {offset = 32 : i64, rank = 1 : i64} : tensor<?x128xf32>, tensor<?x64xf32>, tensor<64xf32>, tensor<16xf32>
  // CHECK: gemma.ple_inputs %{{.*}}, %{{.*}}, %{{.*}} {eps = 9.99999997E-7 : f32, factor = 0.707106769 : f32} : tensor<?x64xf32>, tensor<16xf32>
  %ple = gemma.ple_inputs %x, %x, %head {eps = 1.0e-6 : f32, factor = 0.70710678 : f32} : tensor<?x64xf32>, tensor<16xf32>
  // CHECK: %{{.*}}, %[[KV:.*]] = gemma.prepare_qkv %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {eps = 9.99999997E-7 : f32, heads = 4 : i64}
  // CHECK-SAME: : tensor<?x128xf32>, tensor<16xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16> -> tensor<?x64xf32>
  %q, %kv1 = gemma.prepare_qkv %qkv, %head, %head, %t, %positions, %kv {eps = 1.0e-6 : f32, heads = 4 : i64}
      : tensor<?x128xf32>, tensor<16xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16> -> tensor<?x64xf32>
  // CHECK: gemma.prepare_kv %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[KV]] {eps = 9.99999997E-7 : f32} : tensor<?x64xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  %kv2 = gemma.prepare_kv %x, %head, %t, %positions, %kv1 {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  // CHECK: gemma.prepare_q %{{.*}}, %{{.*}}, %{{.*}} {eps = 9.99999997E-7 : f32} : tensor<?x64xf32>, tensor<16xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  %q2 = gemma.prepare_q %x, %head, %t {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<16xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  // CHECK: gemma.gated_linear %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<96x64xbf16>, tensor<96x64xbf16> -> tensor<?x96xf32>
  %g = gemma.gated_linear %x, %w, %w : tensor<?x64xf32>, tensor<96x64xbf16>, tensor<96x64xbf16> -> tensor<?x96xf32>
  // CHECK: gemma.gated_linear {{.*}} : tensor<?x64x!gemma.q8>, {{.*}} -> tensor<?x96x!gemma.q8>
  %gq = gemma.gated_linear %q8, %w, %w : tensor<?x64x!gemma.q8>, tensor<96x64xbf16>, tensor<96x64xbf16> -> tensor<?x96x!gemma.q8>
  // CHECK: gemma.modulated_linear %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x64x!gemma.q8>, tensor<32x64xbf16>, tensor<?x32xf32> -> tensor<?x32x!gemma.q8>
  %m = gemma.modulated_linear %q8, %wp, %p : tensor<?x64x!gemma.q8>, tensor<32x64xbf16>, tensor<?x32xf32> -> tensor<?x32x!gemma.q8>
  // The four forms: sum alone, with scalar, with next norm, with the quantized sum.
  // CHECK: gemma.residual_norm %{{.*}}, %{{.*}}, %{{.*}} {eps = 9.99999997E-7 : f32} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %s0 = gemma.residual_norm %x, %norm, %x {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  // CHECK: gemma.residual_norm %{{.*}}, %{{.*}}, %{{.*}} scalar %{{.*}} {eps = 9.99999997E-7 : f32} : tensor<?x64xf32>, tensor<64xf32> scalar tensor<1xf32> -> tensor<?x64xf32>
  %s1 = gemma.residual_norm %x, %norm, %x scalar %scalar {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> scalar tensor<1xf32> -> tensor<?x64xf32>
  // CHECK: gemma.residual_norm %{{.*}}, %{{.*}}, %{{.*}} scalar %{{.*}} next %{{.*}} {eps = 9.99999997E-7 : f32} : tensor<?x64xf32>, tensor<64xf32> scalar tensor<1xf32> next tensor<64xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
  %s2, %n2 = gemma.residual_norm %x, %norm, %x scalar %scalar next %norm {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> scalar tensor<1xf32> next tensor<64xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
  // CHECK: gemma.residual_norm %{{.*}}, %{{.*}}, %{{.*}} {eps = 9.99999997E-7 : f32} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>, tensor<?x64x!gemma.q8>
  %s3, %n3 = gemma.residual_norm %x, %norm, %x {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>, tensor<?x64x!gemma.q8>
  return
}

// CHECK-LABEL: func.func @experts
func.func @experts(%l: tensor<?x8xf32>, %s: tensor<8xf32>, %z: tensor<?x64xf32>,
    %up: tensor<8x64x64xf32>, %down: tensor<8x64x32xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[P:.*]] = gemma.softmax %{{.*}} : tensor<?x8xf32>
  %p = gemma.softmax %l : tensor<?x8xf32>
  // CHECK: gemma.top_experts %[[P]], %{{.*}} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %w1, %e1 = gemma.top_experts %p, %s : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  // CHECK: %[[W:.*]], %[[E:.*]] = gemma.route %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %w, %e = gemma.route %l, %s : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  // CHECK: %[[A:.*]] = gemma.expert_gated_linear %{{.*}}, %[[E]], %{{.*}} : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  %a = gemma.expert_gated_linear %z, %e, %up
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  // CHECK: %[[U:.*]] = gemma.expert_quantize %[[A]], %[[E]] : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x64x!gemma.u8>
  %u = gemma.expert_quantize %a, %e : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x64x!gemma.u8>
  // CHECK: %[[V:.*]] = gemma.expert_quantize %{{.*}}, %[[E]] scale %{{.*}} : tensor<?x64xf32>, tensor<?x2xi32> scale tensor<8xf32> -> tensor<?x128x!gemma.u8>
  %v = gemma.expert_quantize %z, %e scale %s
      : tensor<?x64xf32>, tensor<?x2xi32> scale tensor<8xf32> -> tensor<?x128x!gemma.u8>
  // CHECK: gemma.expert_gated_linear %[[V]], %[[E]], %{{.*}} : tensor<?x128x!gemma.u8>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  %b = gemma.expert_gated_linear %v, %e, %up
      : tensor<?x128x!gemma.u8>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  // CHECK: gemma.expert_linear %[[A]], %[[E]], %[[W]], %{{.*}} : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32> -> tensor<?x64xf32>
  %y = gemma.expert_linear %a, %e, %w, %down
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
