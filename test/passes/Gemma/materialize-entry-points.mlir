// RUN: gemcut-opt %s -gemma-materialize-entry-points="prefill-chunk=128" | FileCheck %s

gemma.weight @w : tensor<256x64xf32>

// CHECK-LABEL: func.func @decode
// CHECK-SAME: -> tensor<?x256xf32> attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64}
// CHECK: %[[LOGITS:.*]] = gemma.linear
// CHECK-NEXT: return %[[LOGITS]]

// Only prefill returns one row.
// CHECK-LABEL: func.func @prefill
// CHECK-SAME: (%{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi64>) -> tensor<1x256xf32>
// CHECK-SAME: attributes {gemma.entry = "prefill", gemma.max_rows = 128 : i64}
// CHECK: %[[LOGITS:.*]] = gemma.linear
// CHECK-NEXT: %[[LAST:.*]] = gemma.select_last %[[LOGITS]] : tensor<?x256xf32> -> tensor<1x256xf32>
// CHECK-NEXT: return %[[LAST]]

// Without logits nothing but writes of keys and values is needed.
// CHECK-LABEL: func.func @extend
// CHECK-SAME: (%{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi64>) attributes {gemma.entry = "extend", gemma.max_rows = 128 : i64}
// CHECK-NEXT: return

// CHECK-LABEL: func.func @score
// CHECK-SAME: -> tensor<?x256xf32> attributes {gemma.entry = "score", gemma.max_rows = 64 : i64}

// Other functions stay, the imported one goes.
// CHECK-NOT: @forward
// CHECK: func.func private @helper
func.func @forward(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x256xf32> {
  %w = gemma.get_weight @w : tensor<256x64xf32>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xf32> -> tensor<?x64xf32>
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<256x64xf32>] -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}

func.func private @helper()
