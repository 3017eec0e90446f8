// RUN: gemcut-opt %s -gemma-fuse-quantize | FileCheck %s

// CHECK-LABEL: func.func @producers
// CHECK-NOT: gemma.quantize
// CHECK: %[[N:.*]] = gemma.rms_norm {{.*}} -> tensor<?x64x!gemma.q8>
// CHECK: %[[A:.*]] = gemma.attention {{.*}} -> tensor<?x64x!gemma.q8>
// CHECK: %[[G:.*]] = gemma.gated_linear {{.*}} -> tensor<?x32x!gemma.q8>
// CHECK: %[[M:.*]] = gemma.modulated_linear {{.*}} -> tensor<?x32x!gemma.q8>
// CHECK: return %[[N]], %[[A]], %[[G]], %[[M]]
func.func @producers(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<32x64xf32>,
    %m: tensor<?x32xf32>, %kv: !gemma.kv<2 x 16>, %p: tensor<?xi64>)
    -> (tensor<?x64x!gemma.q8>, tensor<?x64x!gemma.q8>, tensor<?x32x!gemma.q8>, tensor<?x32x!gemma.q8>) {
  %0 = gemma.rms_norm %x, %n {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %1 = gemma.quantize %0 : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %2 = gemma.attention %x, %kv, %p {heads = 4 : i64}
      : tensor<?x64xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x64xf32>
  %3 = gemma.quantize %2 : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %4 = gemma.gated_linear %x, %w, %w
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %5 = gemma.quantize %4 : tensor<?x32xf32> -> tensor<?x32x!gemma.q8>
  %6 = gemma.modulated_linear %x, %w, %m
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  %7 = gemma.quantize %6 : tensor<?x32xf32> -> tensor<?x32x!gemma.q8>
  return %1, %3, %5, %7
      : tensor<?x64x!gemma.q8>, tensor<?x64x!gemma.q8>, tensor<?x32x!gemma.q8>, tensor<?x32x!gemma.q8>
}

// The next result is quantized; without a next norm the sum gets a quantized twin.
// CHECK-LABEL: func.func @residual
// CHECK-NOT: gemma.quantize
// CHECK: %[[S1:.*]], %[[H:.*]] = gemma.residual_norm {{.*}} next {{.*}} -> tensor<?x64xf32>, tensor<?x64x!gemma.q8>
// CHECK: %[[S2:.*]], %[[Q:.*]] = gemma.residual_norm %{{.*}}, %{{.*}}, %[[S1]] {eps = {{.*}} : f32, gemma.layer = 4 : i64} {{.*}} -> tensor<?x64xf32>, tensor<?x64x!gemma.q8>
// CHECK: return %[[H]], %[[S2]], %[[Q]]
func.func @residual(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %n: tensor<64xf32>)
    -> (tensor<?x64x!gemma.q8>, tensor<?x64xf32>, tensor<?x64x!gemma.q8>) {
  %s, %h = gemma.residual_norm %y, %n, %x next %n {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<64xf32> next tensor<64xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
  %0 = gemma.quantize %h : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %t = gemma.residual_norm %y, %n, %s {eps = 1.0e-6 : f32, gemma.layer = 4 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %1 = gemma.quantize %t : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  return %0, %t, %1 : tensor<?x64x!gemma.q8>, tensor<?x64xf32>, tensor<?x64x!gemma.q8>
}

// Near misses: the value is read as f32 too, the second result is taken, the
// producer cannot quantize, there is no producer.
// CHECK-LABEL: func.func @near_misses
// CHECK: %[[N:.*]] = gemma.rms_norm
// CHECK: gemma.quantize %[[N]]
// CHECK: %[[S:.*]], %{{.*}} = gemma.residual_norm
// CHECK: gemma.quantize %[[S]]
// CHECK: %[[E:.*]] = gemma.embed
// CHECK: gemma.quantize %[[E]]
// CHECK: gemma.quantize %arg0
func.func @near_misses(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %ids: tensor<?xi32>,
    %w: tensor<32x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64x!gemma.q8>,
      tensor<?x64x!gemma.q8>, tensor<?x64x!gemma.q8>, tensor<?x64x!gemma.q8>) {
  %0 = gemma.rms_norm %x, %n {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %1 = gemma.quantize %0 : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %s, %h = gemma.residual_norm %x, %n, %x next %n {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<64xf32> next tensor<64xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
  %2 = gemma.quantize %s : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %3 = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<32x64xf32> -> tensor<?x64xf32>
  %4 = gemma.quantize %3 : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %5 = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  return %0, %h, %1, %2, %4, %5 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64x!gemma.q8>,
      tensor<?x64x!gemma.q8>, tensor<?x64x!gemma.q8>, tensor<?x64x!gemma.q8>
}
