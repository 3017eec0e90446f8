// RUN: gemcut-opt %s -gemma-fuse-scale | FileCheck %s

// CHECK-LABEL: func.func @match
// CHECK-NEXT: %[[Y:.*]] = gemma.linear %{{.*}}, [%{{.*}}] {gemma.layer = 2 : i64, scale = 2.500000e-01 : f32}
// CHECK-NEXT: return %[[Y]]
func.func @match(%x: tensor<?x32xf32>, %w: tensor<64x32xf32>) -> tensor<?x64xf32> {
  %y = gemma.linear %x, [%w] {scale = 0.5 : f32, gemma.layer = 2 : i64}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %s = gemma.scale %y {factor = 0.5 : f32, gemma.layer = 2 : i64} : tensor<?x64xf32>
  return %s : tensor<?x64xf32>
}

// The cap does not commute with a factor.
// CHECK-LABEL: func.func @capped
// CHECK: gemma.scale
func.func @capped(%x: tensor<?x32xf32>, %w: tensor<64x32xf32>) -> tensor<?x64xf32> {
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32, cap = 30.0 : f32}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %s = gemma.scale %y {factor = 0.5 : f32} : tensor<?x64xf32>
  return %s : tensor<?x64xf32>
}

// The unscaled product has another reader.
// CHECK-LABEL: func.func @two_readers
// CHECK: gemma.scale
func.func @two_readers(%x: tensor<?x32xf32>, %w: tensor<64x32xf32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %s = gemma.scale %y {factor = 0.5 : f32} : tensor<?x64xf32>
  return %y, %s : tensor<?x64xf32>, tensor<?x64xf32>
}
