// RUN: gemcut-opt %s -gemma-fuse-route | FileCheck %s

// CHECK-LABEL: func.func @router
// CHECK-SAME: (%[[L:.*]]: tensor<?x8xf32>, %[[S:.*]]: tensor<8xf32>)
// CHECK-NEXT: %[[W:.*]], %[[E:.*]] = gemma.route %[[L]], %[[S]] {gemma.layer = 3 : i64}
// CHECK-NEXT: return %[[W]], %[[E]]
func.func @router(%l: tensor<?x8xf32>, %s: tensor<8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
  %p = gemma.softmax %l : tensor<?x8xf32>
  %w, %e = gemma.top_experts %p, %s {gemma.layer = 3 : i64}
      : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return %w, %e : tensor<?x2xf32>, tensor<?x2xi32>
}

// The probabilities are also read elsewhere.
// CHECK-LABEL: func.func @two_readers
// CHECK: gemma.softmax
// CHECK: gemma.top_experts
func.func @two_readers(%l: tensor<?x8xf32>, %s: tensor<8xf32>) -> (tensor<?x2xf32>, tensor<?x8xf32>) {
  %p = gemma.softmax %l : tensor<?x8xf32>
  %w, %e = gemma.top_experts %p, %s
      : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return %w, %p : tensor<?x2xf32>, tensor<?x8xf32>
}
