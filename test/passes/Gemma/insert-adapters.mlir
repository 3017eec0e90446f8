// RUN: gemcut-opt %s -gemma-insert-adapters | FileCheck %s

gemma.weight @q.weight : tensor<64x64xf32>
gemma.weight @k.weight {gemma.adapter = [@k.lora_a, @k.lora_b], gemma.adapter_rank = 4 : i64} : tensor<32x64xf32>
gemma.weight @k.lora_a : tensor<512xf32>
gemma.weight @k.lora_b : tensor<256xf32>
gemma.weight @v.weight {gemma.adapter = [@v.lora_a, @v.lora_b], gemma.adapter_rank = 4 : i64} : tensor<32x64xf32>
gemma.weight @v.lora_a : tensor<512xf32>
gemma.weight @v.lora_b : tensor<256xf32>

// One for each weight that has adapters, at its columns; the next op reads the last.
// CHECK-LABEL: func.func @stacked
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>)
// CHECK: %[[Y:.*]] = gemma.linear %[[X]]
// CHECK-DAG: %[[A:.*]] = gemma.get_weight @k.lora_a {gemma.layer = 3 : i64}
// CHECK-DAG: %[[B:.*]] = gemma.get_weight @k.lora_b
// CHECK: %[[K:.*]] = gemma.adapt %[[Y]], %[[X]], %[[A]], %[[B]] {gemma.layer = 3 : i64, offset = 64 : i64, rank = 4 : i64}
// CHECK: %[[V:.*]] = gemma.adapt %[[K]], %[[X]], %{{.*}}, %{{.*}} {gemma.layer = 3 : i64, offset = 96 : i64, rank = 4 : i64}
// CHECK: gemma.slice %[[V]]
func.func @stacked(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %wq = gemma.get_weight @q.weight : tensor<64x64xf32>
  %wk = gemma.get_weight @k.weight : tensor<32x64xf32>
  %wv = gemma.get_weight @v.weight : tensor<32x64xf32>
  %y = gemma.linear %x, [%wq, %wk, %wv] {scale = 1.0 : f32, gemma.layer = 3 : i64}
      : tensor<?x64xf32>, [tensor<64x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>] -> tensor<?x128xf32>
  %s = gemma.slice %y {offset = 0 : i64} : tensor<?x128xf32> -> tensor<?x64xf32>
  return %s : tensor<?x64xf32>
}

// Nothing to change.
// CHECK-LABEL: func.func @plain
// CHECK-NOT: gemma.adapt
func.func @plain(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %wq = gemma.get_weight @q.weight : tensor<64x64xf32>
  %y = gemma.linear %x, [%wq] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<64x64xf32>] -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
