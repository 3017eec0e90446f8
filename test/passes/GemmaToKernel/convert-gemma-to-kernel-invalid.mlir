// RUN: gemcut-opt %s -split-input-file -gemma-convert-to-kernel -verify-diagnostics

// An elementary op that the gemma passes should have fused names its layer.
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @embed : tensor<256x64xbf16>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  // expected-error@+1 {{no kernel stage for gemma.add in layer 3; the gemma passes fuse it into an op that has one}}
  %y = gemma.add %x, %x {gemma.layer = 3 : i64} : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
gemma.weight @embed {format = #gemma.format<bf16>} : tensor<256x64xbf16>

// -----

// Outside all layers no layer is named.
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x256xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @embed : tensor<256x64xbf16>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<256x64xbf16>] -> tensor<?x256xf32>
  // expected-error@+1 {{no kernel stage for gemma.softcap; the gemma passes}}
  %z = gemma.softcap %y {cap = 30.0 : f32} : tensor<?x256xf32>
  return %z : tensor<?x256xf32>
}
gemma.weight @embed {format = #gemma.format<bf16>} : tensor<256x64xbf16>

// -----

// A weight without a format cannot be packed.
// expected-error@+1 {{has no format; run gemma-assign-formats first}}
gemma.weight @embed : tensor<256x64xbf16>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @embed : tensor<256x64xbf16>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}

// -----

// Int4 lanes only exist in tiles.
// expected-error@+1 {{is a table of single rows, which cannot be int4}}
gemma.weight @embed {format = #gemma.format<int4>} : tensor<256x64xbf16>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @embed : tensor<256x64xbf16>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}

// -----

// Rules of the weight type are reported for the tensor.
// expected-error@+1 {{48 columns are not a multiple of the group size 32}}
gemma.weight @embed {format = #gemma.format<int8>} : tensor<256x48xbf16>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x48xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @embed : tensor<256x48xbf16>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x48xbf16> -> tensor<?x48xf32>
  return %x : tensor<?x48xf32>
}

// -----

// Int4 products read q8 activations.
gemma.weight @w {format = #gemma.format<int4>} : tensor<64x64xbf16>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @w : tensor<64x64xbf16>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<64x64xbf16> -> tensor<?x64xf32>
  // expected-error@+1 {{multiplies int4 weights with f32 activations, expected q8}}
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<64x64xbf16>] -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// And bf16 products read f32 activations.
gemma.weight @w {format = #gemma.format<bf16>} : tensor<64x64xbf16>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @w : tensor<64x64xbf16>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<64x64xbf16> -> tensor<?x64xf32>
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  // expected-error@+1 {{multiplies bf16 weights with q8 activations, expected f32}}
  %y = gemma.linear %q, [%w] {scale = 1.0 : f32}
      : tensor<?x64x!gemma.q8>, [tensor<64x64xbf16>] -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Parts of one product have one format.
gemma.weight @embed {format = #gemma.format<bf16>} : tensor<256x64xbf16>
gemma.weight @q {format = #gemma.format<bf16>} : tensor<64x64xbf16>
gemma.weight @k {format = #gemma.format<f32>} : tensor<64x64xbf16>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x128xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %t = gemma.get_weight @embed : tensor<256x64xbf16>
  %q = gemma.get_weight @q : tensor<64x64xbf16>
  %k = gemma.get_weight @k : tensor<64x64xbf16>
  %x = gemma.embed %ids, %t {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  // expected-error@+1 {{weights of one product need the same format}}
  %y = gemma.linear %x, [%q, %k] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<64x64xbf16>, tensor<64x64xbf16>] -> tensor<?x128xf32>
  return %y : tensor<?x128xf32>
}

// -----

// The same for gate and up.
gemma.weight @embed {format = #gemma.format<bf16>} : tensor<256x64xbf16>
gemma.weight @g {format = #gemma.format<bf16>} : tensor<64x64xbf16>
gemma.weight @u {format = #gemma.format<f32>} : tensor<64x64xbf16>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %t = gemma.get_weight @embed : tensor<256x64xbf16>
  %g = gemma.get_weight @g : tensor<64x64xbf16>
  %u = gemma.get_weight @u : tensor<64x64xbf16>
  %x = gemma.embed %ids, %t {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  // expected-error@+1 {{reads 'g' as bf16 and 'u' as f32; weights of one product need the same format}}
  %y = gemma.gated_linear %x, %g, %u
      : tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64x64xbf16> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// A view cannot be a result: nobody would copy it to the caller's buffer.
gemma.weight @embed {format = #gemma.format<bf16>} : tensor<256x64xbf16>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x32xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %t = gemma.get_weight @embed : tensor<256x64xbf16>
  %x = gemma.embed %ids, %t {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  // expected-error@+1 {{is result 0 of 'decode', but no stage writes it to a buffer of its own}}
  %y = gemma.slice %x {offset = 0 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// expected-error@+1 {{expected an entry point (tensor<?xi32>, tensor<?xi64>) -> tensor<?xVxf32>}}
func.func @decode(%ids: tensor<?xi32>, %x: tensor<?x64xf32>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  return %x : tensor<?x64xf32>
}

// -----

// expected-error@+1 {{is an entry point and needs a string gemma.entry and a positive gemma.max_rows}}
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode"} {
  %w = gemma.get_weight @embed : tensor<256x64xbf16>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}
gemma.weight @embed {format = #gemma.format<bf16>} : tensor<256x64xbf16>

// -----

// expected-error@+1 {{calls itself; layers cannot be recursive}}
func.func private @layer(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = func.call @layer(%x) : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

func.func private @external(%x: tensor<?x64xf32>) -> tensor<?x64xf32>
func.func private @layer(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // expected-error@+1 {{calls 'external', which has no body in this module}}
  %y = func.call @external(%x) : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

gemma.weight @w {format = #gemma.format<bf16>} : tensor<64x64xbf16>
func.func private @layer(%x: tensor<?x64xf32>, %v: tensor<64x64xbf16>) -> tensor<?x128xf32> {
  %w = gemma.get_weight @w : tensor<64x64xbf16>
  // expected-error@+1 {{mixes declared weights and function arguments in one product}}
  %y = gemma.linear %x, [%w, %v] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<64x64xbf16>, tensor<64x64xbf16>] -> tensor<?x128xf32>
  return %y : tensor<?x128xf32>
}

// -----

// A weight is no row of activations.
gemma.weight @embed {format = #gemma.format<f32>} : tensor<256x64xf32>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<256x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @embed : tensor<256x64xf32>
  // expected-error@+1 {{reads a weight of type 'tensor<256x64xf32>' where it needs rows}}
  %x = gemma.rms_norm %w {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<256x64xf32> -> tensor<256x64xf32>
  return %x : tensor<256x64xf32>
}

// -----

// Nor is it one behind a call.
gemma.weight @embed {format = #gemma.format<f32>} : tensor<256x64xf32>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<256x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @embed : tensor<256x64xf32>
  // expected-error@+1 {{reads a weight of type 'tensor<256x64xf32>' where it needs rows}}
  %x = func.call @layer(%w) : (tensor<256x64xf32>) -> tensor<256x64xf32>
  return %x : tensor<256x64xf32>
}
func.func private @layer(%x: tensor<256x64xf32>) -> tensor<256x64xf32> {
  %y = gemma.rms_norm %x {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<256x64xf32> -> tensor<256x64xf32>
  return %y : tensor<256x64xf32>
}

// -----

// expected-error@+1 {{is an entry point without a body}}
func.func private @decode(tensor<?xi32>, tensor<?xi64>) -> tensor<?x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64}

// -----

// Logits are computed, not passed through.
// expected-error@+1 {{expected an entry point (tensor<?xi32>, tensor<?xi64>) -> tensor<?xVxf32>}}
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?xi32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  return %ids : tensor<?xi32>
}

// -----

// Not even of a product with itself.
gemma.weight @w {format = #gemma.format<f32>} : tensor<64x64xf32>
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<64x64xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %w = gemma.get_weight @w : tensor<64x64xf32>
  // expected-error@+1 {{reads a weight of type 'tensor<64x64xf32>' where it needs rows}}
  %x = gemma.linear %w, [%w] {scale = 1.0 : f32} : tensor<64x64xf32>, [tensor<64x64xf32>] -> tensor<64x64xf32>
  return %x : tensor<64x64xf32>
}
