// RUN: gemcut-opt %s -gemma-convert-to-kernel | FileCheck %s
// RUN: gemcut-opt %s -gemma-convert-to-kernel -kernel-partition-stages | FileCheck %s --check-prefix=CHUNKS

// Rows choose and move each for itself; the tiles of experts are shared among threads.
// CHUNKS: kernel.route {{.*}}partition = #kernel.partition<rows, 1>
// CHUNKS: kernel.group_rows {{.*}}partition = #kernel.partition<rows, 1>
// CHUNKS: kernel.expert_gated {{.*}}partition = #kernel.partition<tiles, 2>
// CHUNKS: kernel.expert_sum {{.*}}partition = #kernel.partition<tiles, 2>

// Matrices of all experts are one packed weight; an expert's gate and up rows alternate by tiles.
// CHECK-DAG: kernel.packed @up {experts = 8 : i64, sources = ["up"]} : !kernel.weight<512 x 64, bf16, interleaved>
// CHECK-DAG: kernel.packed @down {experts = 8 : i64, sources = ["down"]} : !kernel.weight<512 x 32, bf16, tiles>
gemma.weight @down {format = #gemma.format<bf16>} : tensor<8x64x32xbf16>
gemma.weight @e {format = #gemma.format<bf16>} : tensor<16x64xbf16>
gemma.weight @router {format = #gemma.format<bf16>} : tensor<8x64xbf16>
gemma.weight @scale {format = #gemma.format<f32>} : tensor<8xf32>
gemma.weight @up {format = #gemma.format<bf16>} : tensor<8x64x64xbf16>

// The rows of each expert stand together: 2 of 4 rows each make 8. The list of groups holds
// their places.
// CHECK-LABEL: func.func @decode
// CHECK: kernel.gemv %{{.*}}, %[[X:.*]], %{{.*}} outs %[[L:.*]] {scale
// CHECK: kernel.route %{{.*}}, %[[L]], %{{.*}} outs %[[W:.*]], %{{.*}}, %[[G:.*]] : <4 x 8, f32>, <1 x 8, f32, vector>, <4 x 2, f32>, <4 x 2, i32>, <1 x 26, i32>
// CHECK: kernel.group_rows %{{.*}}, %[[X]], %[[G]] outs %[[R:.*]] {experts = 8 : i64} : <4 x 64, f32>, <1 x 26, i32>, <8 x 64, f32>
// CHECK: kernel.expert_gated %{{.*}}, %[[R]], %{{.*}}, %[[G]] outs %[[A:.*]] {chosen = 2 : i64, experts = 8 : i64}
// CHECK: kernel.expert_sum %{{.*}}, %[[A]], %{{.*}}, %[[G]], %[[W]] outs %arg2 {experts = 8 : i64}
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 4 : i64} {
  %e = gemma.get_weight @e : tensor<16x64xbf16>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<16x64xbf16> -> tensor<?x64xf32>
  %r = gemma.get_weight @router : tensor<8x64xbf16>
  %l = gemma.linear %x, [%r] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<8x64xbf16>] -> tensor<?x8xf32>
  %s = gemma.get_weight @scale : tensor<8xf32>
  %w, %c = gemma.route %l, %s : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %up = gemma.get_weight @up : tensor<8x64x64xbf16>
  %a = gemma.expert_gated_linear %x, %c, %up
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x64x64xbf16> -> tensor<?x64xf32>
  %down = gemma.get_weight @down : tensor<8x64x32xbf16>
  %y = gemma.expert_linear %a, %c, %w, %down
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xbf16> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
