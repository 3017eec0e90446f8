// RUN: gemcut-opt %s -gemma-materialize-activation-quantization -gemma-fuse-quantize -gemma-verify-formats | FileCheck %s

gemma.weight @up {format = #gemma.format<int4_row>} : tensor<8x64x64xf32>
gemma.weight @down {format = #gemma.format<int4_row>} : tensor<8x64x32xf32>
gemma.weight @s.up {format = #gemma.format<int2_row>, input_scale = @s.up.in, output_scale = "s.up.out"} : tensor<8x64x64xf32>
gemma.weight @s.up.in {format = #gemma.format<f32>} : tensor<8xf32>
gemma.weight @s.down {format = #gemma.format<int8_row>, input_scale = @s.down.in} : tensor<8x64x32xf32>
gemma.weight @s.down.in {format = #gemma.format<f32>} : tensor<8xf32>
gemma.weight @g.down {format = #gemma.format<int4>} : tensor<8x64x32xf32>

// All experts of a row read it as it is, each its own part of the product.
// CHECK-LABEL: func.func @own
func.func @own(%x: tensor<?x64xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[U:.*]] = gemma.rms_norm {{.*}} -> tensor<?x64x!gemma.u8>
  %z = gemma.rms_norm %x {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32> -> tensor<?x64xf32>
  %up = gemma.get_weight @up : tensor<8x64x64xf32>
  // CHECK: %[[A:.*]] = gemma.expert_gated_linear %[[U]], {{.*}} -> tensor<?x64xf32>
  %a = gemma.expert_gated_linear %z, %e, %up {gemma.layer = 3 : i64}
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  %down = gemma.get_weight @down : tensor<8x64x32xf32>
  // CHECK: %[[V:.*]] = gemma.expert_quantize %[[A]], %arg1 {gemma.layer = 3 : i64} : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x64x!gemma.u8>
  // CHECK: gemma.expert_linear %[[V]], %arg1
  %y = gemma.expert_linear %a, %e, %w, %down {gemma.layer = 3 : i64}
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// Scales of experts: a row is rounded for each of them.
// CHECK-LABEL: func.func @given
func.func @given(%z: tensor<?x64xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>) -> tensor<?x64xf32> {
  %up = gemma.get_weight @s.up : tensor<8x64x64xf32>
  // CHECK: %[[S:.*]] = gemma.get_weight @s.up.in : tensor<8xf32>
  // CHECK: %[[U:.*]] = gemma.expert_quantize %arg0, %arg1 scale %[[S]] : tensor<?x64xf32>, tensor<?x2xi32> scale tensor<8xf32> -> tensor<?x128x!gemma.u8>
  // CHECK: %[[A:.*]] = gemma.expert_gated_linear %[[U]], {{.*}} -> tensor<?x64xf32>
  %a = gemma.expert_gated_linear %z, %e, %up
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  %down = gemma.get_weight @s.down : tensor<8x64x32xf32>
  // CHECK: %[[T:.*]] = gemma.get_weight @s.down.in : tensor<8xf32>
  // CHECK: gemma.expert_quantize %[[A]], %arg1 scale %[[T]] : tensor<?x64xf32>, tensor<?x2xi32> scale tensor<8xf32> -> tensor<?x64x!gemma.u8>
  %y = gemma.expert_linear %a, %e, %w, %down
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// Formats with groups stay with theirs.
// CHECK-LABEL: func.func @mixed
func.func @mixed(%z: tensor<?x64xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>) -> tensor<?x64xf32> {
  %up = gemma.get_weight @up : tensor<8x64x64xf32>
  // CHECK: gemma.quantize %arg0 : tensor<?x64xf32> -> tensor<?x64x!gemma.u8>
  // CHECK: gemma.expert_gated_linear {{.*}} -> tensor<?x64x!gemma.q8>
  %a = gemma.expert_gated_linear %z, %e, %up
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  %down = gemma.get_weight @g.down : tensor<8x64x32xf32>
  %y = gemma.expert_linear %a, %e, %w, %down
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
