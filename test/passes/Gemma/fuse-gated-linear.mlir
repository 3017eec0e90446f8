// RUN: gemcut-opt %s -gemma-fuse-gated-linear | FileCheck %s

// The gate is the first operand whichever linear comes first.
// CHECK-LABEL: func.func @match
// CHECK-SAME: (%[[X:.*]]: tensor<?x32xf32>, %[[G:.*]]: tensor<96x32xf32>, %[[U:.*]]: tensor<96x32xf32>)
// CHECK-NEXT: %[[Y:.*]] = gemma.gated_linear %[[X]], %[[G]], %[[U]] {gemma.layer = 1 : i64}
// CHECK-NEXT: return %[[Y]]
func.func @match(%x: tensor<?x32xf32>, %g: tensor<96x32xf32>, %u: tensor<96x32xf32>)
    -> tensor<?x96xf32> {
  %b = gemma.linear %x, [%u] {scale = 1.0 : f32, gemma.layer = 1 : i64}
      : tensor<?x32xf32>, [tensor<96x32xf32>] -> tensor<?x96xf32>
  %a = gemma.linear %x, [%g] {scale = 1.0 : f32, gemma.layer = 1 : i64}
      : tensor<?x32xf32>, [tensor<96x32xf32>] -> tensor<?x96xf32>
  %y = gemma.gelu_mul %a, %b {gemma.layer = 1 : i64} : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// Element types are those of the checkpoint, which may store one in bf16.
// CHECK-LABEL: func.func @different_element_types
// CHECK: gemma.gated_linear %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x32xf32>, tensor<96x32xbf16>, tensor<96x32xf32> ->
func.func @different_element_types(%x: tensor<?x32xf32>, %g: tensor<96x32xbf16>,
    %u: tensor<96x32xf32>) -> tensor<?x96xf32> {
  %a = gemma.linear %x, [%g] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<96x32xbf16>] -> tensor<?x96xf32>
  %b = gemma.linear %x, [%u] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<96x32xf32>] -> tensor<?x96xf32>
  %y = gemma.gelu_mul %a, %b : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// CHECK-LABEL: func.func @different_inputs
// CHECK: gemma.gelu_mul
func.func @different_inputs(%x: tensor<?x32xf32>, %z: tensor<?x32xf32>,
    %g: tensor<96x32xf32>, %u: tensor<96x32xf32>) -> tensor<?x96xf32> {
  %a = gemma.linear %x, [%g] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<96x32xf32>] -> tensor<?x96xf32>
  %b = gemma.linear %z, [%u] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<96x32xf32>] -> tensor<?x96xf32>
  %y = gemma.gelu_mul %a, %b : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// CHECK-LABEL: func.func @scaled_gate
// CHECK: gemma.gelu_mul
func.func @scaled_gate(%x: tensor<?x32xf32>, %g: tensor<96x32xf32>, %u: tensor<96x32xf32>)
    -> tensor<?x96xf32> {
  %a = gemma.linear %x, [%g] {scale = 0.5 : f32}
      : tensor<?x32xf32>, [tensor<96x32xf32>] -> tensor<?x96xf32>
  %b = gemma.linear %x, [%u] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<96x32xf32>] -> tensor<?x96xf32>
  %y = gemma.gelu_mul %a, %b : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// CHECK-LABEL: func.func @one_linear_for_both
// CHECK: gemma.gelu_mul
func.func @one_linear_for_both(%x: tensor<?x32xf32>, %g: tensor<96x32xf32>)
    -> tensor<?x96xf32> {
  %a = gemma.linear %x, [%g] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<96x32xf32>] -> tensor<?x96xf32>
  %y = gemma.gelu_mul %a, %a : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}
