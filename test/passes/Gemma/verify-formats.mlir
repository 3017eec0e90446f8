// RUN: gemcut-opt %s -split-input-file -gemma-verify-formats -verify-diagnostics

gemma.weight @a {format = #gemma.format<int4>} : tensor<32x64xf32>
gemma.weight @b {format = #gemma.format<bf16>} : tensor<32x64xf32>
func.func @valid(%x: tensor<?x64xf32>, %q: tensor<?x64x!gemma.q8>)
    -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %a = gemma.get_weight @a : tensor<32x64xf32>
  %b = gemma.get_weight @b : tensor<32x64xf32>
  %y = gemma.linear %q, [%a] {scale = 1.0 : f32}
      : tensor<?x64x!gemma.q8>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  %z = gemma.gated_linear %x, %b, %b
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %y, %z : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// expected-error@+1 {{has no format; run gemma-assign-formats first}}
gemma.weight @a : tensor<32x64xf32>
// expected-error@+1 {{has no format; run gemma-assign-formats first}}
gemma.weight @b : tensor<64xf32>

// -----

gemma.weight @a {format = #gemma.format<int8>} : tensor<32x64xf32>
gemma.weight @b {format = #gemma.format<f32>} : tensor<32x64xf32>
func.func @wrong_activations(%x: tensor<?x64xf32>, %q: tensor<?x64x!gemma.q8>, %m: tensor<?x32xf32>)
    -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %a = gemma.get_weight @a : tensor<32x64xf32>
  %b = gemma.get_weight @b : tensor<32x64xf32>
  // expected-error@+1 {{multiplies int8 weights with 'f32' activations, expected '!gemma.q8'; run gemma-materialize-activation-quantization after the formats are final}}
  %y = gemma.linear %x, [%a] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  // expected-error@+1 {{multiplies f32 weights with '!gemma.q8' activations, expected 'f32'}}
  %z = gemma.modulated_linear %q, %b, %m
      : tensor<?x64x!gemma.q8>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  return %y, %z : tensor<?x32xf32>, tensor<?x32xf32>
}
