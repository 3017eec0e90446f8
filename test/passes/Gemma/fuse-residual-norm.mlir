// RUN: gemcut-opt %s -gemma-fuse-residual-norm | FileCheck %s

gemma.weight @a : tensor<64xf32>
gemma.weight @b : tensor<64xf32>
gemma.weight @s : tensor<1xf32>

// The next norm may be another layer's; its weight moves up, the layer of the sum
// stays. The sum keeps its other readers.
// CHECK-LABEL: func.func @across_layers
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[Y:.*]]: tensor<?x64xf32>)
// CHECK-DAG: %[[A:.*]] = gemma.get_weight @a
// CHECK-DAG: %[[S:.*]] = gemma.get_weight @s
// CHECK-DAG: %[[B:.*]] = gemma.get_weight @b
// CHECK: %[[SUM:.*]], %[[NEXT:.*]] = gemma.residual_norm %[[Y]], %[[A]], %[[X]] scalar %[[S]] next %[[B]] {eps = {{.*}} : f32, gemma.layer = 0 : i64}
// CHECK-NEXT: return %[[SUM]], %[[NEXT]]
func.func @across_layers(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>)
    -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %a = gemma.get_weight @a : tensor<64xf32>
  %n = gemma.rms_norm %y, %a {eps = 1.0e-6 : f32, group = 64 : i64, gemma.layer = 0 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %u = gemma.add %x, %n {gemma.layer = 0 : i64} : tensor<?x64xf32>
  %s = gemma.get_weight @s : tensor<1xf32>
  %z = gemma.scale_by %u, %s {gemma.layer = 0 : i64}
      : tensor<?x64xf32>, tensor<1xf32> -> tensor<?x64xf32>
  %b = gemma.get_weight @b {gemma.layer = 1 : i64} : tensor<64xf32>
  %h = gemma.rms_norm %z, %b {eps = 1.0e-6 : f32, group = 64 : i64, gemma.layer = 1 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  return %z, %h : tensor<?x64xf32>, tensor<?x64xf32>
}

// No norm follows.
// CHECK-LABEL: func.func @no_next
// CHECK-NEXT: %[[SUM:.*]] = gemma.residual_norm %{{.*}}, %{{.*}}, %{{.*}} {eps = {{.*}}} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
// CHECK-NEXT: return %[[SUM]]
func.func @no_next(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %a: tensor<64xf32>)
    -> tensor<?x64xf32> {
  %n = gemma.rms_norm %y, %a {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %u = gemma.add %n, %x : tensor<?x64xf32>
  return %u : tensor<?x64xf32>
}

// The unscaled sum is read too, so the scalar stays outside.
// CHECK-LABEL: func.func @unscaled_is_read
// CHECK: %[[SUM:.*]] = gemma.residual_norm
// CHECK-NOT: scalar
// CHECK: gemma.scale_by %[[SUM]]
func.func @unscaled_is_read(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %a: tensor<64xf32>,
    %s: tensor<1xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %n = gemma.rms_norm %y, %a {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %u = gemma.add %x, %n : tensor<?x64xf32>
  %z = gemma.scale_by %u, %s : tensor<?x64xf32>, tensor<1xf32> -> tensor<?x64xf32>
  return %u, %z : tensor<?x64xf32>, tensor<?x64xf32>
}

// Near misses: a norm of heads, a normed value with another reader, no norm.
// CHECK-LABEL: func.func @near_misses
// CHECK-NOT: gemma.residual_norm
func.func @near_misses(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %a: tensor<64xf32>,
    %h: tensor<16xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %n = gemma.rms_norm %y, %h {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x64xf32>, tensor<16xf32> -> tensor<?x64xf32>
  %u = gemma.add %x, %n : tensor<?x64xf32>
  %m = gemma.rms_norm %y, %a {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %v = gemma.add %x, %m : tensor<?x64xf32>
  %w = gemma.add %x, %y : tensor<?x64xf32>
  return %u, %v, %m, %w
      : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// One op has one eps; of several norms the first is taken.
// CHECK-LABEL: func.func @next_norms
// CHECK: %[[SUM:.*]], %[[NEXT:.*]] = gemma.residual_norm %{{.*}}, %{{.*}}, %{{.*}} next %{{.*}} {eps
// CHECK-DAG: gemma.rms_norm %[[SUM]], %{{.*}} {eps = 9.99999974E-6 : f32
// CHECK-DAG: gemma.rms_norm %[[SUM]], %{{.*}} {eps = 9.99999997E-7 : f32
// CHECK-NOT: gemma.rms_norm
func.func @next_norms(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %a: tensor<64xf32>,
    %b: tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %n = gemma.rms_norm %y, %a {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %u = gemma.add %x, %n : tensor<?x64xf32>
  %h = gemma.rms_norm %u, %b {eps = 1.0e-5 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %i = gemma.rms_norm %u, %b {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %j = gemma.rms_norm %u, %a {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  return %h, %i, %j : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// Two branches that are summed before the norm in front of the residual sum:
// that norm belongs to the second sum.
// CHECK-LABEL: func.func @two_branches
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[A:.*]]: tensor<?x64xf32>, %[[B:.*]]: tensor<?x64xf32>,
// CHECK: %[[S:.*]] = gemma.residual_norm %[[B]], %{{.*}}, %[[A]] {eps
// CHECK-NEXT: %[[Y:.*]] = gemma.residual_norm %[[S]], %{{.*}}, %[[X]] {eps
// CHECK-NEXT: return %[[Y]]
func.func @two_branches(%x: tensor<?x64xf32>, %a: tensor<?x64xf32>, %b: tensor<?x64xf32>,
    %w: tensor<64xf32>, %w2: tensor<64xf32>) -> tensor<?x64xf32> {
  %bn = gemma.rms_norm %b, %w {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %s = gemma.add %a, %bn : tensor<?x64xf32>
  %n = gemma.rms_norm %s, %w2 {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %y = gemma.add %x, %n : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
