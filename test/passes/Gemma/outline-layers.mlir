// RUN: gemcut-opt %s -gemma-outline-layers | FileCheck %s
// RUN: gemcut-opt %s -gemma-outline-layers -mlir-print-debuginfo -mlir-print-local-scope | FileCheck %s --check-prefix=LOC

gemma.weight @n : tensor<32xf32>
gemma.weight @a : tensor<32x64xf32>
gemma.weight @b : tensor<32x64xf32>
gemma.weight @c : tensor<64x32xf32>
gemma.weight @d : tensor<64x32xf32>
gemma.weight @k : tensor<16xf32>
gemma.kv_cache @kv.1 : !gemma.kv<1 x 16>
gemma.kv_cache @kv.2 : !gemma.kv<1 x 16>

// Layers 0 and 1 do the same with other weights and another slice, which stay
// outside in order. Layer 2 differs in an attribute.
// CHECK-LABEL: func.func @decode
// CHECK: %[[A:.*]] = gemma.get_weight @a
// CHECK-NEXT: %[[P0:.*]] = gemma.slice %[[PLE:.*]] {gemma.layer = 0 : i64, offset = 0 : i64}
// CHECK-NEXT: %[[C:.*]] = gemma.get_weight @c
// CHECK-NEXT: %[[X1:.*]] = call @decode.layer_kind_0(%[[X0:.*]], %[[A]], %[[P0]], %[[C]]) {gemma.layer = 0 : i64}
// CHECK-NEXT: %[[B:.*]] = gemma.get_weight @b
// CHECK-NEXT: %[[P1:.*]] = gemma.slice %[[PLE]] {gemma.layer = 1 : i64, offset = 32 : i64}
// CHECK-NEXT: %[[D:.*]] = gemma.get_weight @d
// CHECK-NEXT: %[[X2:.*]] = call @decode.layer_kind_0(%[[X1]], %[[B]], %[[P1]], %[[D]]) {gemma.layer = 1 : i64}
// CHECK-NEXT: %[[X3:.*]] = call @decode.layer_kind_1(%[[X2]], %[[B]], %[[P1]], %[[D]]) {gemma.layer = 2 : i64}
// CHECK-NEXT: gemma.softcap %[[X3]]
func.func @decode(%x: tensor<?x64xf32>, %ple: tensor<?x64xf32>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %x0 = gemma.scale %x {factor = 2.0 : f32} : tensor<?x64xf32>
  %a = gemma.get_weight @a {gemma.layer = 0 : i64} : tensor<32x64xf32>
  %0 = gemma.scale %x0 {factor = 0.5 : f32, gemma.layer = 0 : i64} : tensor<?x64xf32>
  %p0 = gemma.slice %ple {offset = 0 : i64, gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %m0 = gemma.modulated_linear %0, %a, %p0 {gemma.layer = 0 : i64}
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  %c = gemma.get_weight @c {gemma.layer = 0 : i64} : tensor<64x32xf32>
  %1 = gemma.linear %m0, [%c] {scale = 1.0 : f32, gemma.layer = 0 : i64}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %b = gemma.get_weight @b {gemma.layer = 1 : i64} : tensor<32x64xf32>
  %2 = gemma.scale %1 {factor = 0.5 : f32, gemma.layer = 1 : i64} : tensor<?x64xf32>
  %p1 = gemma.slice %ple {offset = 32 : i64, gemma.layer = 1 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %m1 = gemma.modulated_linear %2, %b, %p1 {gemma.layer = 1 : i64}
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  %d = gemma.get_weight @d {gemma.layer = 1 : i64} : tensor<64x32xf32>
  %3 = gemma.linear %m1, [%d] {scale = 1.0 : f32, gemma.layer = 1 : i64}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %4 = gemma.scale %3 {factor = 0.25 : f32, gemma.layer = 2 : i64} : tensor<?x64xf32>
  %m2 = gemma.modulated_linear %4, %b, %p1 {gemma.layer = 2 : i64}
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  %5 = gemma.linear %m2, [%d] {scale = 1.0 : f32, gemma.layer = 2 : i64}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %6 = gemma.softcap %5 {cap = 30.0 : f32} : tensor<?x64xf32>
  return %6 : tensor<?x64xf32>
}

// Another entry point has its own functions. A KV state is a result whether it is
// read later (layer 1) or not (layer 2); the norm that begins a layer stays
// outside; wiring counts (layer 3 reads its second argument twice).
// CHECK-LABEL: func.func @score
// CHECK: %[[H:.*]] = gemma.rms_norm
// CHECK: %[[C1:.*]] = gemma.get_cache @kv.1
// CHECK: %[[S:.*]] = call @score.layer_kind_0(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[C1]]) {gemma.layer = 1 : i64}
// CHECK: %[[C2:.*]] = gemma.get_cache @kv.2
// CHECK: call @score.layer_kind_0(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[C2]]) {gemma.layer = 2 : i64}
// CHECK: gemma.rms_norm
// CHECK: call @score.layer_kind_1(%[[H]], %{{.*}}) {gemma.layer = 3 : i64}
// CHECK: call @score.layer_kind_2(%[[H]]) {gemma.layer = 4 : i64}
// CHECK: gemma.attention %[[H]], %[[S]]
func.func @score(%x: tensor<?x32xf32>, %t: tensor<?x16xf32>, %p: tensor<?xi64>)
    -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
    attributes {gemma.entry = "score", gemma.max_rows = 64 : i64} {
  %n = gemma.get_weight @n : tensor<32xf32>
  %k = gemma.get_weight @k : tensor<16xf32>
  %h = gemma.rms_norm %x, %n {eps = 1.0e-6 : f32, group = 32 : i64, gemma.layer = 1 : i64}
      : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %c1 = gemma.get_cache @kv.1 {gemma.layer = 1 : i64} : !gemma.kv<1 x 16>
  %s1 = gemma.prepare_kv %h, %k, %t, %p, %c1 {eps = 1.0e-6 : f32, gemma.layer = 1 : i64}
      : tensor<?x32xf32>, tensor<16xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<1 x 16>
  %c2 = gemma.get_cache @kv.2 {gemma.layer = 2 : i64} : !gemma.kv<1 x 16>
  %s2 = gemma.prepare_kv %h, %k, %t, %p, %c2 {eps = 1.0e-6 : f32, gemma.layer = 2 : i64}
      : tensor<?x32xf32>, tensor<16xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<1 x 16>
  %h3 = gemma.rms_norm %x, %n {eps = 1.0e-6 : f32, group = 32 : i64, gemma.layer = 3 : i64}
      : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %y = gemma.add %h, %h3 {gemma.layer = 3 : i64} : tensor<?x32xf32>
  %z = gemma.add %h, %h {gemma.layer = 4 : i64} : tensor<?x32xf32>
  %a = gemma.attention %h, %s1, %p {heads = 2 : i64}
      : tensor<?x32xf32>, !gemma.kv<1 x 16>, tensor<?xi64> -> tensor<?x32xf32>
  return %y, %z, %a : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// The last layer, whose sum nobody reads, is of the same kind.
// CHECK-LABEL: func.func @prefill
// CHECK: %[[FIRST:.*]]:2 = call @prefill.layer_kind_0
// CHECK: %[[LAST:.*]]:2 = call @prefill.layer_kind_0({{.*}}%[[FIRST]]#{{[01]}}
// CHECK-NEXT: return %[[LAST]]#1
func.func @prefill(%x: tensor<?x32xf32>, %y: tensor<?x32xf32>) -> tensor<?x32xf32>
    attributes {gemma.entry = "prefill", gemma.max_rows = 16 : i64} {
  %n = gemma.get_weight @n : tensor<32xf32>
  %s0, %h0 = gemma.residual_norm %y, %n, %x next %n {eps = 1.0e-6 : f32, gemma.layer = 0 : i64}
      : tensor<?x32xf32>, tensor<32xf32> next tensor<32xf32> -> tensor<?x32xf32>, tensor<?x32xf32>
  %s1, %h1 = gemma.residual_norm %h0, %n, %s0 next %n {eps = 1.0e-6 : f32, gemma.layer = 1 : i64}
      : tensor<?x32xf32>, tensor<32xf32> next tensor<32xf32> -> tensor<?x32xf32>, tensor<?x32xf32>
  return %h1 : tensor<?x32xf32>
}

// Entry points with equal chunks share functions.
// CHECK-LABEL: func.func @extend
// CHECK: call @prefill.layer_kind_0
func.func @extend(%x: tensor<?x32xf32>, %y: tensor<?x32xf32>) -> tensor<?x32xf32>
    attributes {gemma.entry = "extend", gemma.max_rows = 16 : i64} {
  %n = gemma.get_weight @n : tensor<32xf32>
  %s0, %h0 = gemma.residual_norm %y, %n, %x next %n {eps = 1.0e-6 : f32, gemma.layer = 0 : i64}
      : tensor<?x32xf32>, tensor<32xf32> next tensor<32xf32> -> tensor<?x32xf32>, tensor<?x32xf32>
  return %h0 : tensor<?x32xf32>
}

// Not an entry point.
// CHECK-LABEL: func.func @other
// CHECK-NOT: call
func.func @other(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %y = gemma.add %x, %x {gemma.layer = 0 : i64} : tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// The layer attribute is the call's, not the shared body's.
// CHECK-LABEL: func.func private @decode.layer_kind_0
// CHECK-SAME: (%{{.*}}: tensor<?x64xf32>, %{{.*}}: tensor<32x64xf32>, %{{.*}}: tensor<?x32xf32>, %{{.*}}: tensor<64x32xf32>) -> tensor<?x64xf32>
// CHECK-NOT: gemma.layer
// CHECK: func.func private @decode.layer_kind_1
// CHECK: func.func private @score.layer_kind_0
// CHECK-SAME: -> !gemma.kv<1 x 16>
// LOC: call @decode.layer_kind_0({{.*}} loc("layers.0")
// LOC: call @decode.layer_kind_0({{.*}} loc("layers.1")
