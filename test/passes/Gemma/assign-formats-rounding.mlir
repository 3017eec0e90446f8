// RUN: gemcut-opt %s -gemma-assign-formats=quant=keep | FileCheck %s --check-prefixes=CHECK,KEEP
// RUN: gemcut-opt %s -gemma-assign-formats=quant=f32 | FileCheck %s --check-prefixes=CHECK,F32

// What the checkpoint stores quantized is kept, with the rounding of its layer; other
// formats drop that.
// KEEP: gemma.weight @w {format = #gemma.format<int2_row>, gemma.stored = #gemma.format<int2_row>, input_scale = @w.in, output_scale = "w.out"}
// F32: gemma.weight @w {format = #gemma.format<f32>, gemma.stored = #gemma.format<int2_row>}
gemma.weight @w {gemma.stored = #gemma.format<int2_row>, input_scale = @w.in, output_scale = "w.out"}
    : tensor<96x64xf32>
// KEEP: gemma.weight @t {format = #gemma.format<int4_row>, gemma.stored = #gemma.format<int4_row>, row_scales = 2 : i64}
// F32: gemma.weight @t {format = #gemma.format<f32>, gemma.stored = #gemma.format<int4_row>}
gemma.weight @t {gemma.stored = #gemma.format<int4_row>, row_scales = 2 : i64} : tensor<96x64xf32>
// CHECK: gemma.weight @w.in {format = #gemma.format<f32>}
gemma.weight @w.in : tensor<1xf32>
// Others stay as they are; vectors are f32.
// KEEP: gemma.weight @b {format = #gemma.format<bf16>}
gemma.weight @b : tensor<96x64xbf16>
// CHECK: gemma.weight @n {format = #gemma.format<f32>}
gemma.weight @n : tensor<64xbf16>
