// RUN: gemcut-opt %s --canonicalize --split-input-file | FileCheck %s

// The last of one row is that row.
// CHECK-LABEL: func.func @last_of_one
// CHECK-SAME: (%[[X:.*]]: tensor<1x64xf32>)
// CHECK-NEXT: return %[[X]]
func.func @last_of_one(%x: tensor<1x64xf32>) -> tensor<1x64xf32> {
  %l = gemma.select_last %x : tensor<1x64xf32> -> tensor<1x64xf32>
  return %l : tensor<1x64xf32>
}

// -----

// Of several rows it is not.
// CHECK-LABEL: func.func @last_of_many
// CHECK: gemma.select_last
func.func @last_of_many(%x: tensor<?x64xf32>) -> tensor<1x64xf32> {
  %l = gemma.select_last %x : tensor<?x64xf32> -> tensor<1x64xf32>
  return %l : tensor<1x64xf32>
}

// -----

// Ops without effects go with their last reader; a write to a cache stays.
// CHECK-LABEL: func.func @unused
// CHECK-NOT: gemma.add
// CHECK-NOT: gemma.rope_table
// CHECK: gemma.kv_write
// CHECK-NEXT: return
func.func @unused(%x: tensor<?x32xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  %a = gemma.add %x, %x : tensor<?x32xf32>
  %t = gemma.rope_table %p {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32} : tensor<?xi64> -> tensor<?x16xf32>
  %kv1 = gemma.kv_write %x, %x, %p, %kv : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return
}

// -----

// Weights and caches are symbols of their module: they stay without a reader.
// CHECK: gemma.weight @unread : tensor<4xf32>
gemma.weight @unread : tensor<4xf32>
// CHECK: gemma.kv_cache @kv.0
gemma.kv_cache @kv.0 : !gemma.kv<2 x 16>
