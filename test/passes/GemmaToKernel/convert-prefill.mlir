// RUN: gemcut-opt %s -gemma-convert-to-kernel="kv=f32 context=100" | FileCheck %s

// Liveness left K and V for all rows and the query for the last row alone. The
// f32 caches come from the option.

gemma.weight @embed {format = #gemma.format<bf16>} : tensor<256x64xbf16>
gemma.weight @q {format = #gemma.format<bf16>} : tensor<64x64xbf16>
gemma.weight @k {format = #gemma.format<bf16>} : tensor<32x64xbf16>
gemma.weight @v {format = #gemma.format<bf16>} : tensor<32x64xbf16>
gemma.weight @q_norm : tensor<16xf32>
gemma.weight @k_norm : tensor<16xf32>
gemma.kv_cache @kv.0 : !gemma.kv<2 x 16>

// CHECK: kernel.packed @embed {{.*}} : !kernel.weight<256 x 64, bf16, rows>
// CHECK: kernel.packed @head {{.*}} : !kernel.weight<256 x 64, f32, tiles>
gemma.weight @head {format = #gemma.format<f32>} : tensor<256x64xf32>

// The prefill entry has one row of logits; its one-row stages run for 1 row.
// CHECK-LABEL: func.func @prefill(
// CHECK-SAME: %[[ROWS:.*]]: i64, %{{.*}}: !kernel.buffer<32 x 1, i32>, %[[LOGITS:.*]]: !kernel.buffer<1 x 256, f32>)
// CHECK-SAME: {kernel.entry = "prefill"}
// CHECK: %[[ONE:.*]] = arith.constant 1 : i64
// CHECK: %[[PAIRS:.*]] = kernel.alloc : <32 x 2, i32>
// CHECK: %[[CACHE:.*]] = kernel.cache_address @kv.0 : <2 x 16, f32, window = 0>
// CHECK: %[[KV:.*]] = kernel.weight_address [@k, @v]
// CHECK: call @project(%[[ROWS]], {{.*}}%[[CACHE]]
// CHECK: %[[LAST:.*]] = kernel.last_row %[[ROWS]], %[[PAIRS]] : <32 x 2, i32> -> <1 x 2, i32>
// CHECK: %[[T1:.*]] = kernel.last_row %[[ROWS]], %{{.*}} : <32 x 16, f32> -> <1 x 16, f32>
// CHECK: call @attend(%[[ONE]], {{.*}}%[[T1]], %[[LAST]], %[[CACHE]]
// CHECK: kernel.gemv %[[ONE]], %{{.*}} outs %[[LOGITS]]
func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<1x256xf32>
    attributes {gemma.entry = "prefill", gemma.max_rows = 32 : i64} {
  %table = gemma.get_weight @embed : tensor<256x64xbf16>
  %x = gemma.embed %ids, %table {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  %t = gemma.rope_table %positions {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32}
      : tensor<?xi64> -> tensor<?x16xf32>
  %kv0 = gemma.get_cache @kv.0 : !gemma.kv<2 x 16>
  %k = gemma.get_weight @k : tensor<32x64xbf16>
  %v = gemma.get_weight @v : tensor<32x64xbf16>
  %kn = gemma.get_weight @k_norm : tensor<16xf32>
  %kv1 = func.call @project(%x, %t, %positions, %kv0, %k, %v, %kn)
      : (tensor<?x64xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<2 x 16>,
         tensor<32x64xbf16>, tensor<32x64xbf16>, tensor<16xf32>) -> !gemma.kv<2 x 16>
  %x1 = gemma.select_last %x : tensor<?x64xf32> -> tensor<1x64xf32>
  %p1 = gemma.select_last %positions : tensor<?xi64> -> tensor<1xi64>
  %t1 = gemma.select_last %t : tensor<?x16xf32> -> tensor<1x16xf32>
  %q = gemma.get_weight @q : tensor<64x64xbf16>
  %qn = gemma.get_weight @q_norm : tensor<16xf32>
  %o = func.call @attend(%x1, %t1, %p1, %kv1, %q, %qn)
      : (tensor<1x64xf32>, tensor<1x16xf32>, tensor<1xi64>, !gemma.kv<2 x 16>,
         tensor<64x64xbf16>, tensor<16xf32>) -> tensor<1x64xf32>
  %head = gemma.get_weight @head : tensor<256x64xf32>
  %l = gemma.linear %o, [%head] {scale = 1.0 : f32}
      : tensor<1x64xf32>, [tensor<256x64xf32>] -> tensor<1x256xf32>
  return %l : tensor<1x256xf32>
}

// A second entry with other sizes gets its own copy of a shared function, with a
// gemv where the first has a gemm. Both entries write one row of logits here, so
// that the one-row function stays shared.
// CHECK-LABEL: func.func @decode(
// CHECK: call @[[SMALL:project_[0-9]+]](
// CHECK: call @attend(
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<1x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %table = gemma.get_weight @embed : tensor<256x64xbf16>
  %x = gemma.embed %ids, %table {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  %t = gemma.rope_table %positions {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32}
      : tensor<?xi64> -> tensor<?x16xf32>
  %kv0 = gemma.get_cache @kv.0 : !gemma.kv<2 x 16>
  %k = gemma.get_weight @k : tensor<32x64xbf16>
  %v = gemma.get_weight @v : tensor<32x64xbf16>
  %kn = gemma.get_weight @k_norm : tensor<16xf32>
  %kv1 = func.call @project(%x, %t, %positions, %kv0, %k, %v, %kn)
      : (tensor<?x64xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<2 x 16>,
         tensor<32x64xbf16>, tensor<32x64xbf16>, tensor<16xf32>) -> !gemma.kv<2 x 16>
  %x1 = gemma.select_last %x : tensor<?x64xf32> -> tensor<1x64xf32>
  %p1 = gemma.select_last %positions : tensor<?xi64> -> tensor<1xi64>
  %t1 = gemma.select_last %t : tensor<?x16xf32> -> tensor<1x16xf32>
  %q = gemma.get_weight @q : tensor<64x64xbf16>
  %qn = gemma.get_weight @q_norm : tensor<16xf32>
  %o = func.call @attend(%x1, %t1, %p1, %kv1, %q, %qn)
      : (tensor<1x64xf32>, tensor<1x16xf32>, tensor<1xi64>, !gemma.kv<2 x 16>,
         tensor<64x64xbf16>, tensor<16xf32>) -> tensor<1x64xf32>
  return %o : tensor<1x64xf32>
}

// CHECK-LABEL: func.func private @project(
// CHECK: kernel.gemm
// CHECK: kernel.prepare_kv
// CHECK-LABEL: func.func private @attend(
// CHECK: %[[C1:.*]] = arith.constant 1 : i64
// CHECK: kernel.gemv %[[C1]],
// CHECK: func.func private @[[SMALL]](
// CHECK: kernel.gemv
// CHECK: kernel.prepare_kv
func.func private @project(%x: tensor<?x64xf32>, %t: tensor<?x16xf32>, %positions: tensor<?xi64>,
    %kv: !gemma.kv<2 x 16>, %k: tensor<32x64xbf16>, %v: tensor<32x64xbf16>,
    %kn: tensor<16xf32>) -> !gemma.kv<2 x 16> {
  %y = gemma.linear %x, [%k, %v] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xbf16>, tensor<32x64xbf16>] -> tensor<?x64xf32>
  %kv1 = gemma.prepare_kv %y, %kn, %t, %positions, %kv {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<16xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return %kv1 : !gemma.kv<2 x 16>
}

func.func private @attend(%x: tensor<1x64xf32>, %t: tensor<1x16xf32>, %positions: tensor<1xi64>,
    %kv: !gemma.kv<2 x 16>, %q: tensor<64x64xbf16>, %qn: tensor<16xf32>) -> tensor<1x64xf32> {
  %y = gemma.linear %x, [%q] {scale = 1.0 : f32}
      : tensor<1x64xf32>, [tensor<64x64xbf16>] -> tensor<1x64xf32>
  %q1 = gemma.prepare_q %y, %qn, %t {eps = 1.0e-6 : f32}
      : tensor<1x64xf32>, tensor<16xf32>, tensor<1x16xf32> -> tensor<1x64xf32>
  %o = gemma.attention %q1, %kv, %positions {heads = 4 : i64}
      : tensor<1x64xf32>, !gemma.kv<2 x 16>, tensor<1xi64> -> tensor<1x64xf32>
  return %o : tensor<1x64xf32>
}
