// RUN: gemcut-opt %s -gemma-assign-formats=quant=f32 | FileCheck %s --check-prefixes=VECTOR,F32
// RUN: gemcut-opt %s -gemma-assign-formats=quant=bf16 | FileCheck %s --check-prefixes=VECTOR,BF16
// RUN: gemcut-opt %s -gemma-assign-formats=quant=int8 | FileCheck %s --check-prefixes=VECTOR,INT8
// RUN: gemcut-opt %s -gemma-assign-formats | FileCheck %s --check-prefixes=VECTOR,INT4
// RUN: gemcut-opt %s -gemma-assign-formats=quant=%S/Inputs/recipe.json 2> %t | FileCheck %s --check-prefixes=VECTOR,FILE
// RUN: FileCheck %s --check-prefix=REMARK < %t
// RUN: gemcut-opt %s -gemma-assign-formats=quant=%S/Inputs/recipe-int4-default.json 2> /dev/null | FileCheck %s --check-prefixes=VECTOR,DEFAULT

// F32: gemma.weight @embed_tokens.weight {format = #gemma.format<f32>}
// BF16: gemma.weight @embed_tokens.weight {format = #gemma.format<bf16>}
// INT8: gemma.weight @embed_tokens.weight {format = #gemma.format<int8>}
// INT4: gemma.weight @embed_tokens.weight {format = #gemma.format<int4>}
// FILE: gemma.weight @embed_tokens.weight {format = #gemma.format<bf16>}
gemma.weight @embed_tokens.weight : tensor<256x64xbf16>

// A table of rows: int8 in the int4 recipe, and where int4 is a recipe's default.
// DEFAULT: gemma.weight @embed_tokens_per_layer.weight {format = #gemma.format<int8>}
// BF16: gemma.weight @embed_tokens_per_layer.weight {format = #gemma.format<bf16>}
// INT8: gemma.weight @embed_tokens_per_layer.weight {format = #gemma.format<int8>}
// INT4: gemma.weight @embed_tokens_per_layer.weight {format = #gemma.format<int8>}
// FILE: gemma.weight @embed_tokens_per_layer.weight {format = #gemma.format<bf16>}
gemma.weight @embed_tokens_per_layer.weight : tensor<256x64xbf16>

// INT4: gemma.weight @per_layer_model_projection.weight {format = #gemma.format<int8>}
// FILE: gemma.weight @per_layer_model_projection.weight {format = #gemma.format<bf16>}
gemma.weight @per_layer_model_projection.weight : tensor<64x64xbf16>

// A router keeps its precision.
// F32: gemma.weight @layers.0.router.proj.weight {format = #gemma.format<f32>}
// BF16: gemma.weight @layers.0.router.proj.weight {format = #gemma.format<bf16>}
// INT8: gemma.weight @layers.0.router.proj.weight {format = #gemma.format<bf16>}
// INT4: gemma.weight @layers.0.router.proj.weight {format = #gemma.format<bf16>}
gemma.weight @layers.0.router.proj.weight : tensor<8x64xbf16>

// The first matching rule wins.
// INT4: gemma.weight @layers.0.self_attn.q_proj.weight {format = #gemma.format<int4>}
// FILE: gemma.weight @layers.0.self_attn.q_proj.weight {format = #gemma.format<int8>}
gemma.weight @layers.0.self_attn.q_proj.weight : tensor<64x64xbf16>

// INT4: gemma.weight @layers.0.mlp.up_proj.weight {format = #gemma.format<int4>}
// FILE: gemma.weight @layers.0.mlp.up_proj.weight {format = #gemma.format<int4>}
gemma.weight @layers.0.mlp.up_proj.weight : tensor<64x64xbf16>

// Vectors are f32 whatever a recipe says.
// VECTOR: gemma.weight @layers.0.layer_scalar {format = #gemma.format<f32>} : tensor<1xbf16>
gemma.weight @layers.0.layer_scalar : tensor<1xbf16>

// REMARK: remark: rule '*lm_head*' of recipe 'mixed' matches no weight
// REMARK: remark: rule '*.layer_scalar' of recipe 'mixed' has no effect: it matches only vectors such as 'layers.0.layer_scalar', which are always f32
// REMARK: remark: rule 'layers.0.*.q_proj.weight' of recipe 'mixed' has no effect: earlier rules match all of its weights
// REMARK-NOT: remark: rule

func.func @read(%ids: tensor<?xi32>) -> (tensor<?x64xf32>, tensor<?x256xf32>) {
  %e = gemma.get_weight @embed_tokens.weight : tensor<256x64xbf16>
  %x = gemma.embed %ids, %e {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  %t = gemma.get_weight @embed_tokens_per_layer.weight : tensor<256x64xbf16>
  %p = gemma.embed %ids, %t {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  %l = gemma.linear %x, [%e] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<256x64xbf16>] -> tensor<?x256xf32>
  return %p, %l : tensor<?x64xf32>, tensor<?x256xf32>
}
