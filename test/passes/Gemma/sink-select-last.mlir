// RUN: gemcut-opt %s -gemma-sink-select-last -mlir-print-debuginfo=false | FileCheck %s
// RUN: gemcut-opt %s -gemma-sink-select-last -mlir-print-debuginfo -mlir-print-local-scope | FileCheck %s --check-prefix=LOC

// The last own-KV layer: k and v of all rows are stored, everything else runs for
// the last row. Row operands are selected from once, ids and positions included,
// and an op keeps its layer and location.
// CHECK-LABEL: func.func @last_own_kv_layer
// CHECK-SAME: (%[[X:.*]]: tensor<?x32xf32>, %[[W:.*]]: tensor<32x32xf32>, %[[P:.*]]: tensor<?xi64>, %[[KV:.*]]: !gemma.kv
// CHECK: %[[X1:.*]] = gemma.select_last %[[X]] {gemma.layer = 3 : i64} : tensor<?x32xf32> -> tensor<1x32xf32>
// CHECK: %[[Q:.*]] = gemma.linear %[[X1]], [%[[W]]] {gemma.layer = 3 : i64, scale = 1.000000e+00 : f32} : tensor<1x32xf32>
// CHECK: %[[K:.*]] = gemma.linear %[[X]], [%[[W]]]
// CHECK-SAME: -> tensor<?x32xf32>
// CHECK: %[[S:.*]] = gemma.kv_write %[[K]], %[[K]], %[[P]], %[[KV]]
// CHECK: %[[P1:.*]] = gemma.select_last %[[P]] {gemma.layer = 3 : i64} : tensor<?xi64> -> tensor<1xi64>
// CHECK: %[[A:.*]] = gemma.attention %[[Q]], %[[S]], %[[P1]] {gemma.layer = 3 : i64, heads = 2 : i64}
// CHECK-SAME: -> tensor<1x32xf32>
// CHECK: %[[Y:.*]] = gemma.add %[[X1]], %[[A]] {gemma.layer = 3 : i64} : tensor<1x32xf32>
// CHECK-NOT: select_last
// CHECK: return %[[Y]]
// LOC: gemma.attention {{.*}} loc("layer 3")
func.func @last_own_kv_layer(%x: tensor<?x32xf32>, %w: tensor<32x32xf32>,
    %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) -> tensor<1x32xf32> {
  %q = gemma.linear %x, [%w] {scale = 1.0 : f32, gemma.layer = 3 : i64}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %k = gemma.linear %x, [%w] {scale = 1.0 : f32, gemma.layer = 3 : i64}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %s = gemma.kv_write %k, %k, %p, %kv {gemma.layer = 3 : i64}
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  %a = gemma.attention %q, %s, %p {heads = 2 : i64, gemma.layer = 3 : i64}
      : tensor<?x32xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x32xf32> loc("layer 3")
  %y = gemma.add %x, %a {gemma.layer = 3 : i64} : tensor<?x32xf32>
  %l = gemma.select_last %y : tensor<?x32xf32> -> tensor<1x32xf32>
  return %l : tensor<1x32xf32>
}

// The one select_last of a value moves to its first reader, and into that layer.
// CHECK-LABEL: func.func @shared
// CHECK: %[[T:.*]] = gemma.rope_table
// CHECK: %[[T1:.*]] = gemma.select_last %[[T]] {gemma.layer = 0 : i64}
// CHECK: gemma.rope %{{.*}}, %[[T1]] {gemma.layer = 0 : i64
// CHECK: gemma.rope %{{.*}}, %[[T1]] {gemma.layer = 1 : i64
// CHECK: return %{{.*}}, %[[T]]
func.func @shared(%x: tensor<?x32xf32>, %p: tensor<?xi64>)
    -> (tensor<1x32xf32>, tensor<?x16xf32>) {
  %t = gemma.rope_table %p {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32}
      : tensor<?xi64> -> tensor<?x16xf32>
  %a = gemma.rope %x, %t {head_dim = 16 : i64, gemma.layer = 0 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %b = gemma.rope %a, %t {head_dim = 16 : i64, gemma.layer = 1 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %l = gemma.select_last %b : tensor<?x32xf32> -> tensor<1x32xf32>
  return %l, %t : tensor<1x32xf32>, tensor<?x16xf32>
}

// Ids are rows too: one row of the table is looked up.
// CHECK-LABEL: func.func @ids
// CHECK-SAME: (%[[IDS:.*]]: tensor<?xi32>
// CHECK-NEXT: %[[ID:.*]] = gemma.select_last %[[IDS]] : tensor<?xi32> -> tensor<1xi32>
// CHECK-NEXT: gemma.embed %[[ID]]
func.func @ids(%ids: tensor<?xi32>, %w: tensor<8x32xf32>) -> tensor<1x32xf32> {
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<8x32xf32> -> tensor<?x32xf32>
  %l = gemma.select_last %x : tensor<?x32xf32> -> tensor<1x32xf32>
  return %l : tensor<1x32xf32>
}

// Near miss: another reader needs all rows.
// CHECK-LABEL: func.func @all_rows_read
// CHECK-NEXT: %[[Y:.*]] = gemma.scale
// CHECK-SAME: tensor<?x32xf32>
// CHECK-NEXT: gemma.select_last %[[Y]]
func.func @all_rows_read(%x: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<1x32xf32>) {
  %y = gemma.scale %x {factor = 2.0 : f32} : tensor<?x32xf32>
  %l = gemma.select_last %y : tensor<?x32xf32> -> tensor<1x32xf32>
  return %y, %l : tensor<?x32xf32>, tensor<1x32xf32>
}
