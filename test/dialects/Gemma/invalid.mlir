// RUN: gemcut-opt %s -split-input-file -verify-diagnostics

// Types and attributes.

// expected-error@+1 {{kv state needs positive heads and head_dim, found 0 x 16}}
func.func private @kv_heads(!gemma.kv<0 x 16>)

// -----

// expected-error@+1 {{head_dim must be even, found 15}}
func.func private @kv_odd(!gemma.kv<1 x 15>)

// -----

// expected-error@+1 {{window must not be negative, found -4}}
func.func private @kv_window(!gemma.kv<1 x 16, window = -4>)

// -----

// expected-error@+2 {{failed to parse Gemma_FormatAttr parameter 'value'}}
// expected-error@+1 {{unknown format 'int3', expected f32, bf16, int8, int4, q4_0, int2_row, int4_row or int8_row}}
gemma.weight @w {format = #gemma.format<int3>} : tensor<8x8xf32>

// -----

// Symbols.

// expected-error@+1 {{needs a static shape, found 'tensor<?x64xf32>'}}
gemma.weight @w : tensor<?x64xf32>

// -----

func.func @unknown_weight() {
  // expected-error@+1 {{names 'w', which is not a declared gemma.weight}}
  %w = gemma.get_weight @w : tensor<4xf32>
  return
}

// -----

gemma.weight @w : tensor<8xf32>
func.func @weight_type() {
  // expected-error@+1 {{has type 'tensor<4xf32>', but weight 'w' has type 'tensor<8xf32>'}}
  %w = gemma.get_weight @w : tensor<4xf32>
  return
}

// -----

gemma.weight @kv.0 : tensor<8xf32>
func.func @unknown_cache() {
  // expected-error@+1 {{names 'kv.0', which is not a declared gemma.kv_cache}}
  %kv = gemma.get_cache @kv.0 : !gemma.kv<1 x 16>
  return
}

// -----

gemma.kv_cache @kv.0 : !gemma.kv<1 x 16>
func.func @cache_type() {
  // expected-error@+1 {{has type '!gemma.kv<1 x 16, window = 4>', but cache 'kv.0' has type '!gemma.kv<1 x 16>'}}
  %kv = gemma.get_cache @kv.0 : !gemma.kv<1 x 16, window = 4>
  return
}

// -----

// embed

func.func @embed_rows(%ids: tensor<?xi32>, %t: tensor<8x64xf32>) {
  // expected-error@+1 {{mixes row counts: 'tensor<?xi32>' and 'tensor<1x64xf32>'}}
  %x = gemma.embed %ids, %t {scale = 1.0 : f32} : tensor<?xi32>, tensor<8x64xf32> -> tensor<1x64xf32>
  return
}

// -----

func.func @embed_width(%ids: tensor<?xi32>, %t: tensor<8x64xf32>) {
  // expected-error@+1 {{result width is 32, but the table's width is 64}}
  %x = gemma.embed %ids, %t {scale = 1.0 : f32} : tensor<?xi32>, tensor<8x64xf32> -> tensor<?x32xf32>
  return
}

// -----

// linear

func.func @linear_no_weight(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{needs at least one weight}}
  %y = "gemma.linear"(%x) {scale = 1.0 : f32} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_rows(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>) {
  // expected-error@+1 {{mixes row counts: 'tensor<?x64xf32>' and 'tensor<1x8xf32>'}}
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<8x64xf32>] -> tensor<1x8xf32>
  return
}

// -----

func.func @linear_dynamic(%x: tensor<?x?xf32>, %w: tensor<8x64xf32>) {
  // expected-error@+1 {{needs static columns, found 'tensor<?x?xf32>'}}
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32} : tensor<?x?xf32>, [tensor<8x64xf32>] -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_input(%x: tensor<?x32xf32>, %w: tensor<8x64xf32>) {
  // expected-error@+1 {{weight input size is 64, but the input's width is 32}}
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32} : tensor<?x32xf32>, [tensor<8x64xf32>] -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_outputs(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>) {
  // expected-error@+1 {{result width is 8, but the sum of the weights' output sizes is 16}}
  %y = gemma.linear %x, [%w, %w] {scale = 1.0 : f32} : tensor<?x64xf32>, [tensor<8x64xf32>, tensor<8x64xf32>] -> tensor<?x8xf32>
  return
}

// -----

// rms_norm

func.func @norm_width(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{result width is 32, but the input's width is 64}}
  %y = gemma.rms_norm %x {eps = 1.0e-6 : f32, group = 64 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @norm_group(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{group 48 does not divide the input's width 64}}
  %y = gemma.rms_norm %x {eps = 1.0e-6 : f32, group = 48 : i64} : tensor<?x64xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @norm_no_group(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{group 0 does not divide the input's width 64}}
  %y = gemma.rms_norm %x {eps = 1.0e-6 : f32, group = 0 : i64} : tensor<?x64xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @norm_weight(%x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error@+1 {{weight size is 64, but group is 16}}
  %y = gemma.rms_norm %x, %w {eps = 1.0e-6 : f32, group = 16 : i64} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  return
}

// -----

// rope_table, rope

func.func @table_pairs(%p: tensor<?xi64>) {
  // expected-error@+1 {{pairs must be in 1 .. head_dim / 2 = 8, found 9}}
  %t = gemma.rope_table %p {head_dim = 16 : i64, pairs = 9 : i64, theta = 1.0e4 : f32} : tensor<?xi64> -> tensor<?x18xf32>
  return
}

// -----

func.func @table_factor(%p: tensor<?xi64>) {
  // expected-error@+1 {{factor must be positive, found 0}}
  %t = gemma.rope_table %p {head_dim = 16 : i64, pairs = 4 : i64, theta = 1.0e4 : f32, factor = 0.0 : f32} : tensor<?xi64> -> tensor<?x8xf32>
  return
}

// -----

func.func @table_rows(%p: tensor<?xi64>) {
  // expected-error@+1 {{mixes row counts: 'tensor<?xi64>' and 'tensor<1x8xf32>'}}
  %t = gemma.rope_table %p {head_dim = 16 : i64, pairs = 4 : i64, theta = 1.0e4 : f32} : tensor<?xi64> -> tensor<1x8xf32>
  return
}

// -----

func.func @table_width(%p: tensor<?xi64>) {
  // expected-error@+1 {{result width is 16, but 2 * pairs is 8}}
  %t = gemma.rope_table %p {head_dim = 16 : i64, pairs = 4 : i64, theta = 1.0e4 : f32} : tensor<?xi64> -> tensor<?x16xf32>
  return
}

// -----

func.func @rope_width(%x: tensor<?x64xf32>, %t: tensor<?x8xf32>) {
  // expected-error@+1 {{result width is 32, but the input's width is 64}}
  %y = gemma.rope %x, %t {head_dim = 16 : i64} : tensor<?x64xf32>, tensor<?x8xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @rope_head_dim(%x: tensor<?x64xf32>, %t: tensor<?x8xf32>) {
  // expected-error@+1 {{head_dim 24 must be even and divide the input's width 64}}
  %y = gemma.rope %x, %t {head_dim = 24 : i64} : tensor<?x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @rope_table_too_wide(%x: tensor<?x64xf32>, %t: tensor<?x32xf32>) {
  // expected-error@+1 {{table width 32 must be even and at most head_dim 16}}
  %y = gemma.rope %x, %t {head_dim = 16 : i64} : tensor<?x64xf32>, tensor<?x32xf32> -> tensor<?x64xf32>
  return
}

// -----

// kv_write, attention

func.func @write_key(%k: tensor<?x16xf32>, %v: tensor<?x32xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{key width is 16, but heads * head_dim of the cache is 32}}
  %n = gemma.kv_write %k, %v, %p, %kv : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return
}

// -----

func.func @write_value(%k: tensor<?x32xf32>, %v: tensor<?x16xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{value width is 16, but heads * head_dim of the cache is 32}}
  %n = gemma.kv_write %k, %v, %p, %kv : tensor<?x32xf32>, tensor<?x16xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return
}

// -----

func.func @write_rows(%k: tensor<?x32xf32>, %v: tensor<1x32xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{mixes row counts: 'tensor<?x32xf32>' and 'tensor<1x32xf32>'}}
  %n = gemma.kv_write %k, %v, %p, %kv : tensor<?x32xf32>, tensor<1x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return
}

// -----

func.func @attention_query(%q: tensor<?x32xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{query width is 32, but heads * head_dim is 64}}
  %o = gemma.attention %q, %kv, %p {heads = 4 : i64} : tensor<?x32xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x32xf32>
  return
}

// -----

func.func @attention_heads(%q: tensor<?x48xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{heads 3 is not a multiple of the cache's 2 heads}}
  %o = gemma.attention %q, %kv, %p {heads = 3 : i64} : tensor<?x48xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x48xf32>
  return
}

// -----

func.func @attention_result(%q: tensor<?x64xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{result width is 32, but the query's width is 64}}
  %o = gemma.attention %q, %kv, %p {heads = 4 : i64} : tensor<?x64xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x32xf32>
  return
}

// -----

// scale_by, slice, select_last

func.func @scale_by_type(%x: tensor<?x64xf32>, %s: tensor<1xf32>) {
  // expected-error@+1 {{result 'tensor<?x32xf32>' differs from input 'tensor<?x64xf32>'}}
  %y = gemma.scale_by %x, %s : tensor<?x64xf32>, tensor<1xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @scale_by_size(%x: tensor<?x64xf32>, %s: tensor<2xf32>) {
  // expected-error@+1 {{scalar size is 2, but the size of a stored scalar is 1}}
  %y = gemma.scale_by %x, %s : tensor<?x64xf32>, tensor<2xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @slice_end(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{columns 48 to 80 leave the input's width 64}}
  %y = gemma.slice %x {offset = 48 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @slice_start(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{columns -8 to 24 leave the input's width 64}}
  %y = gemma.slice %x {offset = -8 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @select_rows(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{result must be one row of 'tensor<?x64xf32>', found 'tensor<2x64xf32>'}}
  %y = gemma.select_last %x : tensor<?x64xf32> -> tensor<2x64xf32>
  return
}

// -----

func.func @select_type(%x: tensor<?xi32>) {
  // expected-error@+1 {{result must be one row of 'tensor<?xi32>', found 'tensor<1xi64>'}}
  %y = gemma.select_last %x : tensor<?xi32> -> tensor<1xi64>
  return
}

// -----

// quantize, ple_inputs

func.func @quantize_group(%x: tensor<?x48xf32>) {
  // expected-error@+1 {{width is 48, expected a positive multiple of the group size 32}}
  %y = gemma.quantize %x : tensor<?x48xf32> -> tensor<?x48x!gemma.q8>
  return
}

// -----

func.func @quantize_nothing(%x: tensor<?x0xf32>) {
  // expected-error@+1 {{width is 0, expected a positive multiple of the group size 32}}
  %y = gemma.quantize %x : tensor<?x0xf32> -> tensor<?x0x!gemma.q8>
  return
}

// -----

func.func @quantize_unknown(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{needs static columns, found 'tensor<?x?xf32>'}}
  %y = gemma.quantize %x : tensor<?x?xf32> -> tensor<?x?x!gemma.q8>
  return
}

// -----

func.func @quantize_width(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{result width is 32, but the input's width is 64}}
  %y = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x32x!gemma.q8>
  return
}

// -----

func.func @quantize_rows(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{mixes row counts: 'tensor<?x64xf32>' and 'tensor<1x64x!gemma.q8>'}}
  %y = gemma.quantize %x : tensor<?x64xf32> -> tensor<1x64x!gemma.q8>
  return
}

// -----

func.func @ple_norm(%x: tensor<?x64xf32>, %w: tensor<48xf32>) {
  // expected-error@+1 {{norm size 48 does not divide the width 64}}
  %y = gemma.ple_inputs %x, %x, %w {eps = 1.0e-6 : f32, factor = 1.0 : f32} : tensor<?x64xf32>, tensor<48xf32>
  return
}

// -----

// prepare_qkv, prepare_kv, prepare_q

func.func @qkv_width(%x: tensor<?x64xf32>, %n: tensor<16xf32>, %t: tensor<?x8xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{qkv width is 64, expected 128 for its heads, or 96 where values are keys}}
  %q, %kv1 = gemma.prepare_qkv %x, %n, %n, %t, %p, %kv {eps = 1.0e-6 : f32, heads = 4 : i64}
      : tensor<?x64xf32>, tensor<16xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16> -> tensor<?x64xf32>
  return
}

// -----

func.func @qkv_query(%x: tensor<?x128xf32>, %n: tensor<16xf32>, %t: tensor<?x8xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{query width is 32, but heads * head_dim is 64}}
  %q, %kv1 = gemma.prepare_qkv %x, %n, %n, %t, %p, %kv {eps = 1.0e-6 : f32, heads = 4 : i64}
      : tensor<?x128xf32>, tensor<16xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16> -> tensor<?x32xf32>
  return
}

// -----

func.func @qkv_q_norm(%x: tensor<?x128xf32>, %n: tensor<16xf32>, %m: tensor<8xf32>, %t: tensor<?x8xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{q_norm size is 8, but head_dim is 16}}
  %q, %kv1 = gemma.prepare_qkv %x, %m, %n, %t, %p, %kv {eps = 1.0e-6 : f32, heads = 4 : i64}
      : tensor<?x128xf32>, tensor<8xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16> -> tensor<?x64xf32>
  return
}

// -----

func.func @qkv_k_norm(%x: tensor<?x128xf32>, %n: tensor<16xf32>, %m: tensor<8xf32>, %t: tensor<?x8xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{k_norm size is 8, but head_dim is 16}}
  %q, %kv1 = gemma.prepare_qkv %x, %n, %m, %t, %p, %kv {eps = 1.0e-6 : f32, heads = 4 : i64}
      : tensor<?x128xf32>, tensor<16xf32>, tensor<8xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16> -> tensor<?x64xf32>
  return
}

// -----

func.func @qkv_table(%x: tensor<?x128xf32>, %n: tensor<16xf32>, %t: tensor<?x32xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{table width 32 must be even and at most head_dim 16}}
  %q, %kv1 = gemma.prepare_qkv %x, %n, %n, %t, %p, %kv {eps = 1.0e-6 : f32, heads = 4 : i64}
      : tensor<?x128xf32>, tensor<16xf32>, tensor<16xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16> -> tensor<?x64xf32>
  return
}

// -----

func.func @kv_width(%x: tensor<?x48xf32>, %n: tensor<16xf32>, %t: tensor<?x8xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{projected width is 48, expected 64 for its heads, or 32 where values are keys}}
  %kv1 = gemma.prepare_kv %x, %n, %t, %p, %kv {eps = 1.0e-6 : f32}
      : tensor<?x48xf32>, tensor<16xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return
}

// -----

func.func @kv_k_norm(%x: tensor<?x64xf32>, %n: tensor<8xf32>, %t: tensor<?x8xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) {
  // expected-error@+1 {{k_norm size is 8, but head_dim is 16}}
  %kv1 = gemma.prepare_kv %x, %n, %t, %p, %kv {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<8xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return
}

// -----

func.func @q_width(%x: tensor<?x64xf32>, %n: tensor<16xf32>, %t: tensor<?x8xf32>) {
  // expected-error@+1 {{result width is 32, but the query's width is 64}}
  %q = gemma.prepare_q %x, %n, %t {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<16xf32>, tensor<?x8xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @q_norm(%x: tensor<?x64xf32>, %n: tensor<24xf32>, %t: tensor<?x8xf32>) {
  // expected-error@+1 {{q_norm size 24 must be even and divide the query's width 64}}
  %q = gemma.prepare_q %x, %n, %t {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<24xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
  return
}

// -----

// gated_linear, modulated_linear

func.func @gated_shapes(%x: tensor<?x64xf32>, %g: tensor<96x64xf32>, %u: tensor<64x64xf32>) {
  // expected-error@+1 {{gate 'tensor<96x64xf32>' and up 'tensor<64x64xf32>' differ in shape}}
  %y = gemma.gated_linear %x, %g, %u : tensor<?x64xf32>, tensor<96x64xf32>, tensor<64x64xf32> -> tensor<?x96xf32>
  return
}

// -----

func.func @gated_input(%x: tensor<?x32xf32>, %g: tensor<96x64xf32>) {
  // expected-error@+1 {{gate input size is 64, but the input's width is 32}}
  %y = gemma.gated_linear %x, %g, %g : tensor<?x32xf32>, tensor<96x64xf32>, tensor<96x64xf32> -> tensor<?x96xf32>
  return
}

// -----

func.func @gated_result(%x: tensor<?x64xf32>, %g: tensor<96x64xf32>) {
  // expected-error@+1 {{result width is 64, but the gate's output size is 96}}
  %y = gemma.gated_linear %x, %g, %g : tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @modulated_input(%x: tensor<?x32xf32>, %w: tensor<32x64xf32>, %m: tensor<?x32xf32>) {
  // expected-error@+1 {{weight input size is 64, but the input's width is 32}}
  %y = gemma.modulated_linear %x, %w, %m : tensor<?x32xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @modulated_result(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>, %m: tensor<?x32xf32>) {
  // expected-error@+1 {{result width is 64, but the weight's output size is 32}}
  %y = gemma.modulated_linear %x, %w, %m : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @modulated_modulator(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>, %m: tensor<?x64xf32>) {
  // expected-error@+1 {{modulator width is 64, but the weight's output size is 32}}
  %y = gemma.modulated_linear %x, %w, %m : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x64xf32> -> tensor<?x32xf32>
  return
}

// -----

// residual_norm

func.func @residual_norm_size(%x: tensor<?x64xf32>, %w: tensor<32xf32>) {
  // expected-error@+1 {{norm size is 32, but the input's width is 64}}
  %y = gemma.residual_norm %x, %w, %x {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<32xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @residual_sum(%x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error@+1 {{sum width is 32, but the input's width is 64}}
  %y = gemma.residual_norm %x, %w, %x {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @residual_scalar(%x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error@+1 {{scalar has 64 elements, expected 1}}
  %y = gemma.residual_norm %x, %w, %x scalar %w {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> scalar tensor<64xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @residual_next_size(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %n: tensor<32xf32>) {
  // expected-error@+1 {{next_norm size is 32, but the input's width is 64}}
  %y, %z = gemma.residual_norm %x, %w, %x next %n {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> next tensor<32xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @residual_next_unread(%x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error@+1 {{has a next norm, but no second result}}
  %y = gemma.residual_norm %x, %w, %x next %w {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> next tensor<64xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @residual_second(%x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error@+1 {{without a next norm, the second result is the quantized sum and must be of element type !gemma.q8 or !gemma.u8}}
  %y, %z = gemma.residual_norm %x, %w, %x {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----

func.func @residual_next_width(%x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error@+1 {{next width is 32, but the input's width is 64}}
  %y, %z = gemma.residual_norm %x, %w, %x next %w {eps = 1.0e-6 : f32} : tensor<?x64xf32>, tensor<64xf32> next tensor<64xf32> -> tensor<?x64xf32>, tensor<?x32xf32>
  return
}

// -----

// softmax, top_experts, route, expert_gated_linear, expert_linear

func.func @route_scale(%l: tensor<?x8xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{scale size is 4, but the number of experts is 8}}
  %w, %e = gemma.route %l, %s : tensor<?x8xf32>, tensor<4xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @route_width(%l: tensor<?x8xf32>, %s: tensor<8xf32>) {
  // expected-error@+1 {{experts width is 3, but the weights' width is 2}}
  %w, %e = gemma.top_experts %l, %s : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x3xi32>
  return
}

// -----

func.func @route_count(%l: tensor<?x8xf32>, %s: tensor<8xf32>) {
  // expected-error@+1 {{chooses 9 of 8 experts}}
  %w, %e = gemma.route %l, %s : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x9xf32>, tensor<?x9xi32>
  return
}

// -----

func.func @experts_input(%z: tensor<?x32xf32>, %e: tensor<?x2xi32>, %w: tensor<8x64x64xf32>) {
  // expected-error@+1 {{weight input size is 64, but the input's width is 32}}
  %a = gemma.expert_gated_linear %z, %e, %w : tensor<?x32xf32>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @experts_odd(%z: tensor<?x64xf32>, %e: tensor<?x2xi32>, %w: tensor<8x63x64xf32>) {
  // expected-error@+1 {{needs as many gate as up rows, found 63 rows of an expert}}
  %a = gemma.expert_gated_linear %z, %e, %w : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x63x64xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @experts_result(%z: tensor<?x64xf32>, %e: tensor<?x2xi32>, %w: tensor<8x64x64xf32>) {
  // expected-error@+1 {{result width is 32, but the width of a row's experts is 64}}
  %a = gemma.expert_gated_linear %z, %e, %w : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @expert_sum_input(%a: tensor<?x32xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %d: tensor<8x64x32xf32>) {
  // expected-error@+1 {{input width is 32, but the width of a row's experts is 64}}
  %y = gemma.expert_linear %a, %e, %w, %d : tensor<?x32xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @expert_sum_weights(%a: tensor<?x64xf32>, %e: tensor<?x2xi32>, %w: tensor<?x3xf32>, %d: tensor<8x64x32xf32>) {
  // expected-error@+1 {{weights width is 3, but the experts' width is 2}}
  %y = gemma.expert_linear %a, %e, %w, %d : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x3xf32>, tensor<8x64x32xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @expert_quantize_parts(%a: tensor<?x64xf32>, %e: tensor<?x3xi32>) {
  // expected-error@+1 {{result width is 64, expected for each of a row's 3 experts the same positive multiple of 32}}
  %u = gemma.expert_quantize %a, %e : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x64x!gemma.u8>
  return
}

// -----

func.func @expert_quantize_nothing(%a: tensor<?x0xf32>, %e: tensor<?x3xi32>) {
  // expected-error@+1 {{result width is 0, expected for each of a row's 3 experts the same positive multiple of 32}}
  %u = gemma.expert_quantize %a, %e : tensor<?x0xf32>, tensor<?x3xi32> -> tensor<?x0x!gemma.u8>
  return
}

// -----

func.func @expert_quantize_unknown(%a: tensor<?x64xf32>, %e: tensor<?x2xi32>) {
  // expected-error@+1 {{needs static columns, found 'tensor<?x?x!gemma.u8>'}}
  %u = gemma.expert_quantize %a, %e : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x?x!gemma.u8>
  return
}

// -----

func.func @expert_quantize_input(%a: tensor<?x96xf32>, %e: tensor<?x2xi32>) {
  // expected-error@+1 {{input width is 96, but the result's width is 128}}
  %u = gemma.expert_quantize %a, %e : tensor<?x96xf32>, tensor<?x2xi32> -> tensor<?x128x!gemma.u8>
  return
}

// -----

// adapt

func.func @adapt_a(%y: tensor<?x32xf32>, %x: tensor<?x64xf32>, %a: tensor<100xf32>, %b: tensor<32xf32>) {
  // expected-error@+1 {{a has 100 elements, expected a multiple of rank * inputs = 128}}
  %z = gemma.adapt %y, %x, %a, %b {offset = 0 : i64, rank = 2 : i64} : tensor<?x32xf32>, tensor<?x64xf32>, tensor<100xf32>, tensor<32xf32>
  return
}

// -----

func.func @adapt_b(%y: tensor<?x32xf32>, %x: tensor<?x64xf32>, %a: tensor<256xf32>, %b: tensor<30xf32>) {
  // expected-error@+1 {{b has 30 elements, expected a multiple of adapters * rank = 4}}
  %z = gemma.adapt %y, %x, %a, %b {offset = 0 : i64, rank = 2 : i64} : tensor<?x32xf32>, tensor<?x64xf32>, tensor<256xf32>, tensor<30xf32>
  return
}

// -----

func.func @adapt_columns(%y: tensor<?x32xf32>, %x: tensor<?x64xf32>, %a: tensor<128xf32>, %b: tensor<32xf32>) {
  // expected-error@+1 {{columns 24 to 40 leave the base's width 32}}
  %z = gemma.adapt %y, %x, %a, %b {offset = 24 : i64, rank = 2 : i64} : tensor<?x32xf32>, tensor<?x64xf32>, tensor<128xf32>, tensor<32xf32>
  return
}
