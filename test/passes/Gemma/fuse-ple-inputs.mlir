// RUN: gemcut-opt %s -gemma-fuse-ple-inputs | FileCheck %s

// CHECK-LABEL: func.func @match
// CHECK-SAME: (%[[C:.*]]: tensor<?x192xf32>, %[[T:.*]]: tensor<?x192xf32>, %[[W:.*]]: tensor<32xf32>)
// CHECK-NEXT: %[[P:.*]] = gemma.ple_inputs %[[C]], %[[T]], %[[W]] {eps = {{.*}} : f32, factor = 0.707106769 : f32} : tensor<?x192xf32>, tensor<32xf32>
// CHECK-NEXT: return %[[P]]
func.func @match(%c: tensor<?x192xf32>, %t: tensor<?x192xf32>, %w: tensor<32xf32>)
    -> tensor<?x192xf32> {
  %n = gemma.rms_norm %c, %w {eps = 1.0e-6 : f32, group = 32 : i64}
      : tensor<?x192xf32>, tensor<32xf32> -> tensor<?x192xf32>
  %s = gemma.add %t, %n : tensor<?x192xf32>
  %p = gemma.scale %s {factor = 0.70710678 : f32} : tensor<?x192xf32>
  return %p : tensor<?x192xf32>
}

// A norm without weight is another op.
// CHECK-LABEL: func.func @weightless
// CHECK-NOT: gemma.ple_inputs
func.func @weightless(%c: tensor<?x192xf32>, %t: tensor<?x192xf32>) -> tensor<?x192xf32> {
  %n = gemma.rms_norm %c {eps = 1.0e-6 : f32, group = 32 : i64}
      : tensor<?x192xf32> -> tensor<?x192xf32>
  %s = gemma.add %n, %t : tensor<?x192xf32>
  %p = gemma.scale %s {factor = 0.70710678 : f32} : tensor<?x192xf32>
  return %p : tensor<?x192xf32>
}

// The sum has another reader.
// CHECK-LABEL: func.func @sum_is_read
// CHECK-NOT: gemma.ple_inputs
func.func @sum_is_read(%c: tensor<?x192xf32>, %t: tensor<?x192xf32>, %w: tensor<32xf32>)
    -> (tensor<?x192xf32>, tensor<?x192xf32>) {
  %n = gemma.rms_norm %c, %w {eps = 1.0e-6 : f32, group = 32 : i64}
      : tensor<?x192xf32>, tensor<32xf32> -> tensor<?x192xf32>
  %s = gemma.add %n, %t : tensor<?x192xf32>
  %p = gemma.scale %s {factor = 0.70710678 : f32} : tensor<?x192xf32>
  return %s, %p : tensor<?x192xf32>, tensor<?x192xf32>
}
