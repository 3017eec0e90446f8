// RUN: gemcut-opt %s -split-input-file -gemma-assign-formats=quant=%S/Inputs/recipe-int4-rule.json -verify-diagnostics
// RUN: not gemcut-opt %s -split-input-file -gemma-assign-formats=quant=int5 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not gemcut-opt %s -split-input-file -gemma-assign-formats=quant=%S/Inputs/missing.json 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not gemcut-opt %s -split-input-file -gemma-assign-formats=quant=%S/Inputs/recipe-invalid.json 2>&1 | FileCheck %s --check-prefix=RECIPE

// NAME: unknown quantization 'int5', expected keep, mobile, f32, bf16, int8, int4, q4_0, int2_row, int4_row or int8_row, or the path of a recipe file that ends in .json
// MISSING: recipe {{.*}}missing.json: cannot be read: {{[Nn]}}o such file or directory
// RECIPE: recipe {{.*}}recipe-invalid.json: the file has the default 'int5', expected f32, bf16, int8, int4, q4_0, int2_row, int4_row or int8_row

// Whole groups only; every offender is reported.
// expected-error@+1 {{cannot be int4 as recipe 'small' wants: 'a' has 48 inputs, and quantized formats need a multiple of 32; give it bf16 or f32}}
gemma.weight @a : tensor<64x48xbf16>
// expected-error@+1 {{'b.per_layer_projection.weight' has 16 inputs}}
gemma.weight @b.per_layer_projection.weight : tensor<64x16xbf16>

// -----

// Rows of an int4 tensor cannot be read alone: a rule that wants it is refused.
// expected-error@+1 {{cannot be int4 as recipe 'small' wants: 'table' is a table that single rows are read from; give it int8, bf16 or f32}}
gemma.weight @table : tensor<256x64xbf16>
func.func @read(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %t = gemma.get_weight @table : tensor<256x64xbf16>
  %p = gemma.embed %ids, %t {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  return %p : tensor<?x64xf32>
}
