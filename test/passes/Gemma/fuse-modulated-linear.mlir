// RUN: gemcut-opt %s -gemma-fuse-modulated-linear | FileCheck %s

// CHECK-LABEL: func.func @match
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<32x64xf32>, %[[P:.*]]: tensor<?x64xf32>)
// CHECK-NEXT: %[[M:.*]] = gemma.slice %[[P]]
// CHECK-NEXT: %[[Y:.*]] = gemma.modulated_linear %[[X]], %[[W]], %[[M]] {gemma.layer = 1 : i64}
// CHECK-NEXT: return %[[Y]]
func.func @match(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>, %p: tensor<?x64xf32>)
    -> tensor<?x32xf32> {
  %m = gemma.slice %p {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %a = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  %y = gemma.gelu_mul %a, %m {gemma.layer = 1 : i64} : tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// GELU is not symmetric: the linear must be the gate.
// CHECK-LABEL: func.func @linear_is_up
// CHECK: gemma.gelu_mul
func.func @linear_is_up(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>, %m: tensor<?x32xf32>)
    -> tensor<?x32xf32> {
  %a = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  %y = gemma.gelu_mul %m, %a : tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// Two linears are gate and up.
// CHECK-LABEL: func.func @two_linears
// CHECK: gemma.gelu_mul
func.func @two_linears(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>) -> tensor<?x32xf32> {
  %a = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  %b = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  %y = gemma.gelu_mul %a, %b : tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
