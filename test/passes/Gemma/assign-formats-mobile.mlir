// RUN: gemcut-opt %s -gemma-assign-formats=quant=mobile | FileCheck %s

// The table that is also the head: two bits, in tiles, so one scale per row.
// CHECK: gemma.weight @embed_tokens.weight {format = #gemma.format<int2_row>} : tensor<256x512xbf16>
gemma.weight @embed_tokens.weight : tensor<256x512xbf16>
// CHECK: gemma.weight @embed_tokens_per_layer.weight {format = #gemma.format<int4_row>, row_scales = 2 : i64}
gemma.weight @embed_tokens_per_layer.weight : tensor<256x512xbf16>
// CHECK: gemma.weight @per_layer_model_projection.weight {format = #gemma.format<bf16>}
gemma.weight @per_layer_model_projection.weight : tensor<512x512xbf16>

// Layer 0 has keys and values of its own, layer 1 reads them: its MLP is smaller.
// CHECK: gemma.weight @layers.0.self_attn.q_proj.weight {format = #gemma.format<int4_row>}
gemma.weight @layers.0.self_attn.q_proj.weight : tensor<32x512xbf16>
// CHECK: gemma.weight @layers.0.mlp.down_proj.weight {format = #gemma.format<int4_row>}
gemma.weight @layers.0.mlp.down_proj.weight : tensor<512x32xbf16>
// CHECK: gemma.weight @layers.1.mlp.down_proj.weight {format = #gemma.format<int2_row>}
gemma.weight @layers.1.mlp.down_proj.weight : tensor<512x32xbf16>
// CHECK: gemma.weight @layers.1.per_layer_input_gate.weight {format = #gemma.format<int8_row>}
gemma.weight @layers.1.per_layer_input_gate.weight : tensor<32x512xbf16>
// Experts are no MLP of a layer: four bits everywhere.
// CHECK: gemma.weight @layers.1.experts.down_proj {format = #gemma.format<int4_row>}
gemma.weight @layers.1.experts.down_proj : tensor<4x512x32xbf16>
// CHECK: gemma.weight @norm.weight {format = #gemma.format<f32>}
gemma.weight @norm.weight : tensor<512xbf16>

gemma.kv_cache @kv.0 : !gemma.kv<1 x 16>

func.func @read(%ids: tensor<?xi32>, %positions: tensor<?xi64>, %v: tensor<?x16xf32>)
    -> (tensor<?x512xf32>, tensor<?x256xf32>) {
  %e = gemma.get_weight @embed_tokens.weight : tensor<256x512xbf16>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x512xbf16> -> tensor<?x512xf32>
  %t = gemma.get_weight @embed_tokens_per_layer.weight : tensor<256x512xbf16>
  %p = gemma.embed %ids, %t {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x512xbf16> -> tensor<?x512xf32>
  %wq = gemma.get_weight @layers.0.self_attn.q_proj.weight {gemma.layer = 0 : i64} : tensor<32x512xbf16>
  %q = gemma.linear %x, [%wq] {gemma.layer = 0 : i64, scale = 1.0 : f32}
      : tensor<?x512xf32>, [tensor<32x512xbf16>] -> tensor<?x32xf32>
  %c = gemma.get_cache @kv.0 {gemma.layer = 0 : i64} : !gemma.kv<1 x 16>
  %kv = gemma.kv_write %v, %v, %positions, %c {gemma.layer = 0 : i64}
      : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<1 x 16>
  %w0 = gemma.get_weight @layers.0.mlp.down_proj.weight : tensor<512x32xbf16>
  %d0 = gemma.linear %q, [%w0] {gemma.layer = 0 : i64, scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<512x32xbf16>] -> tensor<?x512xf32>
  %w1 = gemma.get_weight @layers.1.mlp.down_proj.weight : tensor<512x32xbf16>
  %d1 = gemma.linear %q, [%w1] {gemma.layer = 1 : i64, scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<512x32xbf16>] -> tensor<?x512xf32>
  %s = gemma.add %d0, %d1 : tensor<?x512xf32>
  %l = gemma.linear %s, [%e] {scale = 1.0 : f32}
      : tensor<?x512xf32>, [tensor<256x512xbf16>] -> tensor<?x256xf32>
  return %p, %l : tensor<?x512xf32>, tensor<?x256xf32>
}
