// RUN: gemcut-opt %s -gemma-assign-formats=quant=keep | FileCheck %s

// What the checkpoint stores quantized has the format that it says, the rest its
// own dtype; vectors are f32.
// CHECK: gemma.weight @table {format = #gemma.format<int8>
gemma.weight @table {gemma.stored = #gemma.format<int8>} : tensor<256x64xf32>
// CHECK: gemma.weight @norm {format = #gemma.format<f32>}
gemma.weight @norm : tensor<64xbf16>
// CHECK: gemma.weight @plain {format = #gemma.format<bf16>}
gemma.weight @plain : tensor<64x64xbf16>
// CHECK: gemma.weight @half {format = #gemma.format<f32>}
gemma.weight @half : tensor<64x64xf16>
// CHECK: gemma.weight @down {format = #gemma.format<q4_0>
gemma.weight @down {gemma.stored = #gemma.format<q4_0>} : tensor<64x64xf32>

// int8 keeps the levels of q4_0: products of both have it.
// CHECK: gemma.weight @gate {format = #gemma.format<int8>
gemma.weight @gate {gemma.stored = #gemma.format<q4_0>} : tensor<64x64xf32>
// CHECK: gemma.weight @up {format = #gemma.format<int8>
gemma.weight @up {gemma.stored = #gemma.format<int8>} : tensor<64x64xf32>

// bf16 does not.
// CHECK: gemma.weight @k {format = #gemma.format<f32>
gemma.weight @k {gemma.stored = #gemma.format<q4_0>} : tensor<64x64xf32>
// CHECK: gemma.weight @v {format = #gemma.format<f32>
gemma.weight @v : tensor<64x64xbf16>

func.func @read(%x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x128xf32>) {
  %gate = gemma.get_weight @gate : tensor<64x64xf32>
  %up = gemma.get_weight @up : tensor<64x64xf32>
  %product = gemma.gated_linear %x, %gate, %up
      : tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  %k = gemma.get_weight @k : tensor<64x64xf32>
  %v = gemma.get_weight @v : tensor<64x64xbf16>
  %kv = gemma.linear %x, [%k, %v] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<64x64xf32>, tensor<64x64xbf16>] -> tensor<?x128xf32>
  return %product, %kv : tensor<?x64xf32>, tensor<?x128xf32>
}
