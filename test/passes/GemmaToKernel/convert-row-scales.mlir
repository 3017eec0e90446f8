// RUN: gemcut-opt %s -gemma-convert-to-kernel | FileCheck %s

// Output scales go to the packed weight, input scales to a stage; a table's scales to
// its type.
// CHECK: kernel.packed @e {sources = ["e"]} : !kernel.weight<32 x 512, int4_row, rows, scales = 2>
// CHECK: kernel.packed @s {sources = ["s"]} : !kernel.weight<1 x 1, f32, vector>
// CHECK: kernel.packed @gate_up {output_scales = ["", "up.out"], sources = ["gate", "up"]} : !kernel.weight<128 x 512, int2_row, interleaved>
// CHECK: kernel.packed @w {output_scales = ["w.out"], sources = ["w"]} : !kernel.weight<48 x 64, int8_row, tiles>
gemma.weight @e {format = #gemma.format<int4_row>, row_scales = 2 : i64} : tensor<32x512xf32>
gemma.weight @s {format = #gemma.format<f32>} : tensor<1xf32>
gemma.weight @gate {format = #gemma.format<int2_row>} : tensor<64x512xf32>
gemma.weight @up {format = #gemma.format<int2_row>, output_scale = "up.out"} : tensor<64x512xf32>
gemma.weight @w {format = #gemma.format<int8_row>, output_scale = "w.out"} : tensor<48x64xf32>

// CHECK: kernel.weight_address [@e] : <32 x 512, int4_row, rows, scales = 2>
// CHECK: kernel.quantize %{{.*}} scale %{{.*}} outs %[[U:.*]] : <8 x 512, f32> scale !kernel.weight<1 x 1, f32, vector>, <8 x 512, u8>
// CHECK: kernel.gemv %{{.*}}, %[[U]],
// CHECK: kernel.quantize {{.*}} : <8 x 64, f32>, <8 x 64, u8>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x48xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %e = gemma.get_weight @e : tensor<32x512xf32>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<32x512xf32> -> tensor<?x512xf32>
  %s = gemma.get_weight @s : tensor<1xf32>
  %u = gemma.quantize %x scale %s
      : tensor<?x512xf32> scale tensor<1xf32> -> tensor<?x512x!gemma.u8>
  %g = gemma.get_weight @gate : tensor<64x512xf32>
  %p = gemma.get_weight @up : tensor<64x512xf32>
  %h = gemma.gated_linear %u, %g, %p
      : tensor<?x512x!gemma.u8>, tensor<64x512xf32>, tensor<64x512xf32> -> tensor<?x64xf32>
  %v = gemma.quantize %h : tensor<?x64xf32> -> tensor<?x64x!gemma.u8>
  %w = gemma.get_weight @w : tensor<48x64xf32>
  %l = gemma.linear %v, [%w] {scale = 1.0 : f32}
      : tensor<?x64x!gemma.u8>, [tensor<48x64xf32>] -> tensor<?x48xf32>
  return %l : tensor<?x48xf32>
}
