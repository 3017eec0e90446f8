// RUN: gemcut-opt %s -split-input-file -verify-diagnostics

func.func @f(%n: i64, %i: !kernel.buffer<8 x 1, f32>, %t: !kernel.weight<256 x 64, bf16, rows>, %x: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{ids is f32, expected i32}}
  kernel.gather %n, %i, %t outs %x {scale = 1.0 : f32} : !kernel.buffer<8 x 1, f32>, !kernel.weight<256 x 64, bf16, rows>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %i: !kernel.buffer<8 x 1, i32>, %t: !kernel.weight<256 x 64, bf16, rows>, %x: !kernel.buffer<8 x 64, q8>) {
  // expected-error@+1 {{output is q8, expected f32}}
  kernel.gather %n, %i, %t outs %x {scale = 1.0 : f32} : !kernel.buffer<8 x 1, i32>, !kernel.weight<256 x 64, bf16, rows>, !kernel.buffer<8 x 64, q8>
  return
}

// -----

func.func @f(%n: i64, %i: !kernel.buffer<8 x 1, i32>, %t: !kernel.weight<1 x 64, f32, vector>, %x: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{table layout is vector, expected rows or tiles}}
  kernel.gather %n, %i, %t outs %x {scale = 1.0 : f32} : !kernel.buffer<8 x 1, i32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %i: !kernel.buffer<8 x 1, i32>, %t: !kernel.weight<256 x 64, bf16, rows>, %x: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{output has 32 columns, but the table's width is 64}}
  kernel.gather %n, %i, %t outs %x {scale = 1.0 : f32} : !kernel.buffer<8 x 1, i32>, !kernel.weight<256 x 64, bf16, rows>, !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %r: !kernel.buffer<8 x 1, i32>) {
  // expected-error@+1 {{output is '!kernel.buffer<8 x 1, i32>', expected (slot, position) pairs: n x 2, i32}}
  kernel.load_rows %n outs %r : !kernel.buffer<8 x 1, i32>
  return
}

// -----

func.func @f(%n: i64, %r: !kernel.buffer<8 x 1, i32>, %t: !kernel.buffer<8 x 16, f32>) {
  // expected-error@+1 {{positions is '!kernel.buffer<8 x 1, i32>', expected the (slot, position) pairs of kernel.load_rows: n x 2, i32}}
  kernel.rope_table %n, %r outs %t {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32} : !kernel.buffer<8 x 1, i32>, !kernel.buffer<8 x 16, f32>
  return
}

// -----

func.func @f(%n: i64, %r: !kernel.buffer<8 x 2, i32>, %t: !kernel.buffer<8 x 8, f32>) {
  // expected-error@+1 {{output has 8 columns, but 2 * pairs is 16}}
  kernel.rope_table %n, %r outs %t {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32} : !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 8, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{input is q8, expected f32}}
  kernel.rms_norm %n, %x outs %y {eps = 1.0e-6 : f32, group = 64 : i64} : !kernel.buffer<8 x 64, q8>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %y: !kernel.buffer<8 x 64, i32>) {
  // expected-error@+1 {{output is i32, expected f32 or q8}}
  kernel.rms_norm %n, %x outs %y {eps = 1.0e-6 : f32, group = 64 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, i32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %y: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{output has 32 columns, but the input's width is 64}}
  kernel.rms_norm %n, %x outs %y {eps = 1.0e-6 : f32, group = 64 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{group 48 does not divide 64 columns}}
  kernel.rms_norm %n, %x outs %y {eps = 1.0e-6 : f32, group = 48 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 32, f32, vector>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{weight is '!kernel.weight<1 x 32, f32, vector>', expected a vector of 64}}
  kernel.rms_norm %n, %x, %w outs %y {eps = 1.0e-6 : f32, group = 64 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{output is f32, expected q8}}
  kernel.quantize %n, %x outs %y : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %y: !kernel.buffer<8 x 32, q8>) {
  // expected-error@+1 {{output has 32 columns, but the input's width is 64}}
  kernel.quantize %n, %x outs %y : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 32, q8>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %t: !kernel.buffer<8 x 32, f32>, %w: !kernel.weight<1 x 32, f32, vector>) {
  // expected-error@+1 {{token has 32 columns, but the context's width is 64}}
  kernel.ple_inputs %n, %x, %t, %w outs %x {eps = 1.0e-6 : f32, factor = 0.5 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 32, f32>, !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %t: !kernel.buffer<8 x 32, f32>, %w: !kernel.weight<1 x 32, f32, vector>) {
  // expected-error@+1 {{output has 32 columns, but the context's width is 64}}
  kernel.ple_inputs %n, %x, %x, %w outs %t {eps = 1.0e-6 : f32, factor = 0.5 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 48, f32, vector>) {
  // expected-error@+1 {{norm size 48 does not divide 64 columns}}
  kernel.ple_inputs %n, %x, %x, %w outs %x {eps = 1.0e-6 : f32, factor = 0.5 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 48, f32, vector>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 16, f32, tiles>, %t: !kernel.buffer<8 x 16, f32>) {
  // expected-error@+1 {{q_norm is '!kernel.weight<1 x 16, f32, tiles>', expected a vector of 16}}
  kernel.prepare_q %n, %x, %w, %t outs %x {eps = 1.0e-6 : f32, heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, tiles>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 18, f32>) {
  // expected-error@+1 {{table has 18 columns, expected an even number up to head_dim 16}}
  kernel.prepare_q %n, %x, %w, %t outs %x {eps = 1.0e-6 : f32, heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 18, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 16, f32>, %y: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{output has 32 columns, but heads * head_dim is 64}}
  kernel.prepare_q %n, %x, %w, %t outs %y {eps = 1.0e-6 : f32, heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 16, f32>, %y: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{input has 32 columns, but heads * head_dim is 64}}
  kernel.prepare_q %n, %y, %w, %t outs %x {eps = 1.0e-6 : f32, heads = 4 : i64} : !kernel.buffer<8 x 32, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 48, f32>, %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 16, f32>, %r: !kernel.buffer<8 x 2, i32>, %c: !kernel.cache<2 x 16, bf16, window = 4>) {
  // expected-error@+1 {{input has 48 columns, expected 64 for its heads, or 32 where values are keys}}
  kernel.prepare_kv %n, %x, %w, %t, %r, %c {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 48, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 8, f32, vector>, %t: !kernel.buffer<8 x 16, f32>, %r: !kernel.buffer<8 x 2, i32>, %c: !kernel.cache<2 x 16, bf16, window = 4>) {
  // expected-error@+1 {{k_norm is '!kernel.weight<1 x 8, f32, vector>', expected a vector of 16}}
  kernel.prepare_kv %n, %x, %w, %t, %r, %c {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 8, f32, vector>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 16, f32>, %r: !kernel.buffer<8 x 2, i32>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{input has 64 columns, expected 128 for its heads, or 96 where values are keys}}
  kernel.prepare_qkv %n, %x, %w, %w, %t, %r, %c outs %y {eps = 1.0e-6 : f32, heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 128, f32>, %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 16, f32>, %r: !kernel.buffer<8 x 2, i32>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %y: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{output has 32 columns, but heads * head_dim is 64}}
  kernel.prepare_qkv %n, %x, %w, %w, %t, %r, %c outs %y {eps = 1.0e-6 : f32, heads = 4 : i64} : !kernel.buffer<8 x 128, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %q: !kernel.buffer<8 x 64, q8>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %r: !kernel.buffer<8 x 2, i32>, %o: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{query is q8, expected f32}}
  kernel.attention %n, %q, %c, %r outs %o {heads = 4 : i64} : !kernel.buffer<8 x 64, q8>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %q: !kernel.buffer<8 x 64, f32>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %r: !kernel.buffer<8 x 2, i32>, %o: !kernel.buffer<8 x 64, i32>) {
  // expected-error@+1 {{output is i32, expected f32 or q8}}
  kernel.attention %n, %q, %c, %r outs %o {heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 64, i32>
  return
}

// -----

func.func @f(%n: i64, %q: !kernel.buffer<8 x 32, f32>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %r: !kernel.buffer<8 x 2, i32>, %o: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{query has 32 columns, but heads * head_dim is 64}}
  kernel.attention %n, %q, %c, %r outs %o {heads = 4 : i64} : !kernel.buffer<8 x 32, f32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %q: !kernel.buffer<8 x 64, f32>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %r: !kernel.buffer<8 x 2, i32>, %o: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{output has 32 columns, but heads * head_dim is 64}}
  kernel.attention %n, %q, %c, %r outs %o {heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %q: !kernel.buffer<8 x 48, f32>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %r: !kernel.buffer<8 x 2, i32>, %o: !kernel.buffer<8 x 48, f32>) {
  // expected-error@+1 {{heads 3 is not a multiple of the cache's 2 heads}}
  kernel.attention %n, %q, %c, %r outs %o {heads = 3 : i64} : !kernel.buffer<8 x 48, f32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 48, f32>
  return
}

// -----

func.func @f(%n: i64, %q: !kernel.buffer<8 x 64, f32>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %r: !kernel.buffer<8 x 2, i32>, %p: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{partials has 64 columns, but room for the parts of every head is 2048}}
  kernel.attention %n, %q, %c, %r partials %p outs %q {heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32> partials !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %q: !kernel.buffer<8 x 64, f32>, %c: !kernel.cache<2 x 16, bf16, window = 4>, %r: !kernel.buffer<8 x 2, i32>, %p: !kernel.buffer<8 x 2048, f32>, %o: !kernel.buffer<8 x 64, q8>) {
  // expected-error@+1 {{shares out keys, but a head's 16 outputs are not whole groups of 32}}
  kernel.attention %n, %q, %c, %r partials %p outs %o {heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32> partials !kernel.buffer<8 x 2048, f32>, !kernel.buffer<8 x 64, q8>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 32, f32, vector>) {
  // expected-error@+1 {{norm is '!kernel.weight<1 x 32, f32, vector>', expected a vector of 64}}
  kernel.residual_norm %n, %x, %w, %x outs %x {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 64, f32> outs !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 64, f32, vector>, %y: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{residual has 32 columns, but the input's width is 64}}
  kernel.residual_norm %n, %x, %w, %y outs %x {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 32, f32> outs !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 64, f32, vector>, %y: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{sum has 32 columns, but the input's width is 64}}
  kernel.residual_norm %n, %x, %w, %x outs %y {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32> outs !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 64, f32, vector>) {
  // expected-error@+1 {{scalar is '!kernel.weight<1 x 64, f32, vector>', expected a vector of 1}}
  kernel.residual_norm %n, %x, %w, %x scalar %w outs %x {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32> scalar !kernel.weight<1 x 64, f32, vector> outs !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 64, f32, vector>, %v: !kernel.weight<1 x 32, f32, vector>) {
  // expected-error@+1 {{next_norm is '!kernel.weight<1 x 32, f32, vector>', expected a vector of 64}}
  kernel.residual_norm %n, %x, %w, %x next %v outs %x, %x {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32> next !kernel.weight<1 x 32, f32, vector> outs !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 64, f32, vector>) {
  // expected-error@+1 {{has a next norm, but no second output}}
  kernel.residual_norm %n, %x, %w, %x next %w outs %x {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32> next !kernel.weight<1 x 64, f32, vector> outs !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 64, f32, vector>) {
  // expected-error@+1 {{without a next norm, the second output must be q8 or u8}}
  kernel.residual_norm %n, %x, %w, %x outs %x, %x {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32> outs !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<1 x 64, f32, vector>, %y: !kernel.buffer<8 x 32, q8>) {
  // expected-error@+1 {{next has 32 columns, but the input's width is 64}}
  kernel.residual_norm %n, %x, %w, %x outs %x, %y {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32> outs !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 32, q8>
  return
}

// -----

// Row stages compute in f32; only what products read is q8.
func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %q: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<1 x 32, f32, vector>) {
  // expected-error@+1 {{context is q8, expected f32}}
  kernel.ple_inputs %n, %q, %x, %w outs %x {eps = 1.0e-6 : f32, factor = 0.5 : f32} : !kernel.buffer<8 x 64, q8>, !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %q: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<1 x 32, f32, vector>) {
  // expected-error@+1 {{token is q8, expected f32}}
  kernel.ple_inputs %n, %x, %q, %w outs %x {eps = 1.0e-6 : f32, factor = 0.5 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, q8>, !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %q: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 16, f32>) {
  // expected-error@+1 {{output is q8, expected f32}}
  kernel.prepare_q %n, %x, %w, %t outs %q {eps = 1.0e-6 : f32, heads = 4 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 64, q8>
  return
}

// -----

func.func @f(%n: i64, %q: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 16, f32>, %r: !kernel.buffer<8 x 2, i32>, %c: !kernel.cache<2 x 16, bf16, window = 4>) {
  // expected-error@+1 {{input is q8, expected f32}}
  kernel.prepare_kv %n, %q, %w, %t, %r, %c {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, q8>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %q: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<1 x 64, f32, vector>) {
  // expected-error@+1 {{sum is q8, expected f32}}
  kernel.residual_norm %n, %x, %w, %x outs %q {eps = 1.0e-6 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32> outs !kernel.buffer<8 x 64, q8>
  return
}

// -----

// expected-error@+1 {{has 8 experts, but '!kernel.weight<320 x 64, int4, interleaved>' is not whole tiles of each}}
kernel.packed @w {experts = 8 : i64, sources = ["a"]} : !kernel.weight<320 x 64, int4, interleaved>

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %t: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{up has 32 columns, but the gate's width is 64}}
  kernel.gelu_mul %n, %x, %t outs %x : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 32, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %a: !kernel.weight<1 x 64, f32, vector>, %b: !kernel.weight<1 x 33, f32, vector>) {
  // expected-error@+1 {{a of 64 and b of 33 values are no matrices of rank 2 with 64 inputs}}
  kernel.adapt %n, %x, %x, %a, %b outs %x {offset = 0 : i64, rank = 2 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.weight<1 x 33, f32, vector>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %a: !kernel.weight<1 x 64, f32, vector>, %b: !kernel.weight<1 x 32, f32, vector>) {
  // expected-error@+1 {{columns 48 to 80 leave the base's 64 columns}}
  kernel.adapt %n, %x, %x, %a, %b outs %x {offset = 48 : i64, rank = 1 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 64, f32>
  return
}
