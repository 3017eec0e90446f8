// RUN: gemcut-opt %s -split-input-file -gemma-convert-to-kernel -verify-diagnostics | FileCheck %s
// RUN: gemcut-opt %s -split-input-file -gemma-convert-to-kernel -kernel-partition-stages -verify-diagnostics \
// RUN:   | FileCheck %s --check-prefix=CHUNKS

// CHUNKS: kernel.expert_quantize {{.*}}partition = #kernel.partition<rows, 1>
// CHUNKS: kernel.expert_gated {{.*}}partition = #kernel.partition<tiles, 2>
// CHUNKS: kernel.expert_quantize {{.*}}partition = #kernel.partition<rows, 1>
// CHUNKS: kernel.expert_sum {{.*}}partition = #kernel.partition<tiles, 2>

// A scale of every expert, of every matrix for outputs.
// CHECK-DAG: kernel.packed @up {experts = 8 : i64, output_scales = ["up.out"], sources = ["up"]} : !kernel.weight<512 x 64, int4_row, interleaved>
// CHECK-DAG: kernel.packed @down {experts = 8 : i64, sources = ["down"]} : !kernel.weight<512 x 32, int2_row, tiles>
// CHECK-DAG: kernel.packed @up.in {sources = ["up.in"]} : !kernel.weight<1 x 8, f32, vector>
gemma.weight @down {format = #gemma.format<int2_row>} : tensor<8x64x32xf32>
gemma.weight @e {format = #gemma.format<f32>} : tensor<16x64xf32>
gemma.weight @router {format = #gemma.format<f32>} : tensor<8x64xf32>
gemma.weight @scale {format = #gemma.format<f32>} : tensor<8xf32>
gemma.weight @up {format = #gemma.format<int4_row>, input_scale = @up.in, output_scale = "up.out"} : tensor<8x64x64xf32>
gemma.weight @up.in {format = #gemma.format<f32>} : tensor<8xf32>

// Rows are rounded while they are grouped, and the grouped ones once more.
// CHECK-LABEL: func.func @decode
// CHECK: kernel.route %{{.*}}, %{{.*}}, %{{.*}} outs %[[W:.*]], %{{.*}}, %[[G:.*]] :
// CHECK: kernel.expert_quantize %{{.*}}, %[[X:.*]], %[[G]] scale %{{.*}} outs %[[R:.*]] {chosen = 2 : i64, experts = 8 : i64} : <4 x 64, f32>, <1 x 26, i32> scale !kernel.weight<1 x 8, f32, vector>, <8 x 64, u8>
// CHECK: kernel.expert_gated %{{.*}}, %[[R]], %{{.*}}, %[[G]] outs %[[A:.*]] {chosen = 2 : i64, experts = 8 : i64} : <8 x 64, u8>
// CHECK: kernel.expert_quantize %{{.*}}, %[[A]], %[[G]] outs %[[U:.*]] {chosen = 2 : i64, experts = 8 : i64, grouped} : <8 x 32, f32>, <1 x 26, i32>, <8 x 32, u8>
// CHECK: kernel.expert_sum %{{.*}}, %[[U]], %{{.*}}, %[[G]], %[[W]] outs %arg2 {experts = 8 : i64}
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 4 : i64} {
  %e = gemma.get_weight @e : tensor<16x64xf32>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<16x64xf32> -> tensor<?x64xf32>
  %r = gemma.get_weight @router : tensor<8x64xf32>
  %l = gemma.linear %x, [%r] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<8x64xf32>] -> tensor<?x8xf32>
  %s = gemma.get_weight @scale : tensor<8xf32>
  %w, %c = gemma.route %l, %s : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %in = gemma.get_weight @up.in : tensor<8xf32>
  %u = gemma.expert_quantize %x, %c scale %in
      : tensor<?x64xf32>, tensor<?x2xi32> scale tensor<8xf32> -> tensor<?x128x!gemma.u8>
  %up = gemma.get_weight @up : tensor<8x64x64xf32>
  %a = gemma.expert_gated_linear %u, %c, %up
      : tensor<?x128x!gemma.u8>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  %v = gemma.expert_quantize %a, %c : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x64x!gemma.u8>
  %down = gemma.get_weight @down : tensor<8x64x32xf32>
  %y = gemma.expert_linear %v, %c, %w, %down
      : tensor<?x64x!gemma.u8>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Rows in the order of one choice are no rows of another.
gemma.weight @e {format = #gemma.format<f32>} : tensor<16x64xf32>
gemma.weight @scale {format = #gemma.format<f32>} : tensor<64xf32>
gemma.weight @down {format = #gemma.format<f32>} : tensor<64x64x32xf32>
gemma.weight @up {format = #gemma.format<int4_row>} : tensor<64x64x64xf32>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 4 : i64} {
  %e = gemma.get_weight @e : tensor<16x64xf32>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<16x64xf32> -> tensor<?x64xf32>
  %s = gemma.get_weight @scale : tensor<64xf32>
  %w, %c = gemma.route %x, %s : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %w2, %d = gemma.route %x, %s : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %u = gemma.expert_quantize %x, %c : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x128x!gemma.u8>
  %up = gemma.get_weight @up : tensor<64x64x64xf32>
  // expected-error@+1 {{reads a row for each expert that no gemma.expert_quantize of its function has made for the same choice}}
  %a = gemma.expert_gated_linear %u, %d, %up
      : tensor<?x128x!gemma.u8>, tensor<?x2xi32>, tensor<64x64x64xf32> -> tensor<?x64xf32>
  %down = gemma.get_weight @down : tensor<64x64x32xf32>
  %y = gemma.expert_linear %a, %d, %w2, %down
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<64x64x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
