// RUN: gemcut-opt %s -gemma-convert-to-kernel | FileCheck %s

// What callers find behind the results of a function: an output buffer, the same
// buffer twice, what they passed, or a cache that the callee reaches by its symbol.
// Results that nobody reads are written all the same.

gemma.weight @embed {format = #gemma.format<f32>} : tensor<256x64xf32>
gemma.weight @kv {format = #gemma.format<f32>} : tensor<64x64xf32>
gemma.weight @k_norm : tensor<16xf32>
gemma.kv_cache @cache : !gemma.kv<2 x 16>

// CHECK-LABEL: func.func @decode
// CHECK-SAME: %[[ROWS:.*]]: i64, {{.*}} %[[LOGITS:.*]]: !kernel.buffer<8 x 64, f32>)
// CHECK: %[[X:.*]] = kernel.alloc : <8 x 64, f32>
// CHECK-NEXT: kernel.gather
// CHECK: %[[Y:.*]] = kernel.alloc : <8 x 64, f32>
// CHECK: %[[CACHE:.*]] = kernel.cache_address @cache
// CHECK-NEXT: call @layer(%[[ROWS]], %[[X]], {{.*}}, %[[Y]])
// No layer number, no count.
// CHECK-NOT: count_rows
// CHECK: kernel.attention %[[ROWS]], %[[Y]], %[[CACHE]],
// CHECK: %[[O1:.*]] = kernel.alloc
// CHECK-NEXT: kernel.rms_norm %[[ROWS]], %[[X]] outs %[[O1]]
// The whole width is the input itself, and a call writes logits in place.
// CHECK: call @last(%[[ROWS]], %[[Y]], %[[LOGITS]])
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @embed : tensor<256x64xf32>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xf32> -> tensor<?x64xf32>
  %t = gemma.rope_table %positions {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32}
      : tensor<?xi64> -> tensor<?x16xf32>
  %y, %again, %same, %state = func.call @layer(%x, %t, %positions)
      : (tensor<?x64xf32>, tensor<?x16xf32>, tensor<?xi64>)
      -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, !gemma.kv<2 x 16>)
  %o = gemma.attention %again, %state, %positions {heads = 4 : i64}
      : tensor<?x64xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x64xf32>
  %n = gemma.rms_norm %same {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32> -> tensor<?x64xf32>
  %all = gemma.slice %y {offset = 0 : i64} : tensor<?x64xf32> -> tensor<?x64xf32>
  %l = func.call @last(%all, %n) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %l : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: i64, %[[X:[a-z0-9]+]]: !kernel.buffer<8 x 64, f32>, %[[T:[a-z0-9]+]]: !kernel.buffer<8 x 16, f32>, %[[P:[a-z0-9]+]]: !kernel.buffer<8 x 2, i32>, %[[OUT:[a-z0-9]+]]: !kernel.buffer<8 x 64, f32>)
// CHECK: %[[W:.*]] = kernel.weight_address [@kv]
// CHECK-NEXT: kernel.gemv %{{.*}}, %[[X]], %[[W]] outs %[[OUT]]
// CHECK: kernel.cache_address @cache
// CHECK: kernel.prepare_kv
func.func private @layer(%x: tensor<?x64xf32>, %t: tensor<?x16xf32>, %positions: tensor<?xi64>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, !gemma.kv<2 x 16>) {
  %w = gemma.get_weight @kv : tensor<64x64xf32>
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  %kv0 = gemma.get_cache @cache : !gemma.kv<2 x 16>
  %kn = gemma.get_weight @k_norm : tensor<16xf32>
  %kv1 = gemma.prepare_kv %y, %kn, %t, %positions, %kv0 {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<16xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return %y, %y, %x, %kv1 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, !gemma.kv<2 x 16>
}

// An argument without a use is not passed.
// CHECK-LABEL: func.func private @last(
// CHECK-SAME: i64, %[[X:[a-z0-9]+]]: !kernel.buffer<8 x 64, f32>, %[[OUT:[a-z0-9]+]]: !kernel.buffer<8 x 64, f32>)
// CHECK: kernel.rms_norm %{{.*}}, %[[X]] outs %[[OUT]]
func.func private @last(%x: tensor<?x64xf32>, %unused: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = gemma.rms_norm %x {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
