// RUN: gemcut-opt %s -gemma-fuse-softcap | FileCheck %s

// CHECK-LABEL: func.func @match
// CHECK-NEXT: %[[Y:.*]] = gemma.linear %{{.*}}, [%{{.*}}] {cap = 3.000000e+01 : f32, scale = 5.000000e-01 : f32}
// CHECK-NEXT: return %[[Y]]
func.func @match(%x: tensor<?x32xf32>, %w: tensor<64x32xf32>) -> tensor<?x64xf32> {
  %y = gemma.linear %x, [%w] {scale = 0.5 : f32}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %l = gemma.softcap %y {cap = 30.0 : f32} : tensor<?x64xf32>
  return %l : tensor<?x64xf32>
}

// One linear has one cap.
// CHECK-LABEL: func.func @capped_twice
// CHECK-NEXT: %[[Y:.*]] = gemma.linear {{.*}}cap = 3.000000e+01
// CHECK-NEXT: gemma.softcap %[[Y]] {cap = 2.000000e+01 : f32}
func.func @capped_twice(%x: tensor<?x32xf32>, %w: tensor<64x32xf32>) -> tensor<?x64xf32> {
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %l = gemma.softcap %y {cap = 30.0 : f32} : tensor<?x64xf32>
  %m = gemma.softcap %l {cap = 20.0 : f32} : tensor<?x64xf32>
  return %m : tensor<?x64xf32>
}
