// RUN: gemcut-opt %s -split-input-file -verify-diagnostics

// Types.
// expected-error@+1 {{buffer needs positive rows and columns, found 0 x 4}}
func.func private @f(!kernel.buffer<0 x 4, f32>)

// -----

// Only f32 rows can be part of wider rows.
// expected-error@+1 {{only f32 buffers can have a stride of their own}}
func.func private @f(!kernel.buffer<1 x 4, q8, stride = 128>)

// -----

// A stride holds its columns.
// expected-error@+1 {{stride 128 is too small for 64 columns or not a multiple of 4}}
func.func private @f(!kernel.buffer<1 x 64, f32, stride = 128>)

// -----

// And whole elements.
// expected-error@+1 {{stride 18 is too small for 4 columns or not a multiple of 4}}
func.func private @f(!kernel.buffer<1 x 4, f32, stride = 18>)

// -----

// expected-error@+1 {{weight needs positive rows and columns, found 4 x 0}}
func.func private @f(!kernel.weight<4 x 0, f32, tiles>)

// -----

// expected-error@+1 {{a vector weight is 1 x n and f32}}
func.func private @f(!kernel.weight<2 x 4, f32, vector>)

// -----

// expected-error@+1 {{a vector weight is 1 x n and f32}}
func.func private @f(!kernel.weight<1 x 4, bf16, vector>)

// -----

// expected-error@+1 {{an interleaved weight holds two matrices, found 3 rows}}
func.func private @f(!kernel.weight<3 x 64, int4, interleaved>)

// -----

// expected-error@+1 {{a table of rows cannot be int4; use int8, bf16 or f32}}
func.func private @f(!kernel.weight<4 x 64, int4, rows>)

// -----

// expected-error@+1 {{48 columns are not a multiple of the group size 32}}
func.func private @f(!kernel.weight<4 x 48, int8, tiles>)

// -----

// expected-error@+1 {{cache needs positive heads and an even head_dim, found 0 x 16}}
func.func private @f(!kernel.cache<0 x 16, bf16, window = 4>)

// -----

// expected-error@+1 {{cache needs positive heads and an even head_dim, found 1 x 15}}
func.func private @f(!kernel.cache<1 x 15, bf16, window = 4>)

// -----

// expected-error@+1 {{cache format must be bf16, f32 or int8, found int4}}
func.func private @f(!kernel.cache<1 x 16, int4, window = 4>)

// -----

// expected-error@+1 {{an int8 cache needs a head_dim that is a multiple of 16, found 24}}
func.func private @f(!kernel.cache<1 x 24, int8, window = 4>)

// -----

// expected-error@+1 {{window must not be negative, found -1}}
func.func private @f(!kernel.cache<1 x 16, bf16, window = -1>)

// -----

// expected-error@+1 {{capacity must be a multiple of 32, found 16}}
func.func private @f(!kernel.cache<1 x 16, bf16, window = 0, capacity = 16>)

// -----

// Attributes.
func.func @f(%n: i64, %r: !kernel.buffer<8 x 2, i32>) {
  // expected-error@+1 {{chunk size must be positive, found 0}}
  kernel.load_rows %n outs %r {partition = #kernel.partition<rows, 0>} : !kernel.buffer<8 x 2, i32>
  return
}

// -----

// Symbols.
// expected-error@+1 {{has 2 sources, but tiles takes 1}}
kernel.packed @a {sources = ["a", "b"]} : !kernel.weight<16 x 64, int4, tiles>

// -----

// expected-error@+1 {{has 1 sources, but interleaved takes 2}}
kernel.packed @a {sources = ["a"]} : !kernel.weight<32 x 64, int4, interleaved>

// -----

// expected-error@+1 {{offset 32 is not a multiple of 64}}
kernel.packed @a {sources = ["a"], offset = 32 : i64} : !kernel.weight<16 x 64, int4, tiles>

// -----

func.func @f(%n: i64) {
  // expected-error@+1 {{needs at least one weight}}
  %w = kernel.weight_address [] : !kernel.weight<16 x 64, int4, tiles>
  return
}

// -----

func.func @f(%n: i64) {
  // expected-error@+1 {{names 'b', which is not a declared kernel.packed}}
  %w = kernel.weight_address [@b] : !kernel.weight<16 x 64, int4, tiles>
  return
}

// -----

kernel.packed @a {sources = ["a"]} : !kernel.weight<16 x 64, int4, tiles>
func.func @f(%n: i64) {
  // expected-error@+1 {{has type '!kernel.weight<16 x 64, int8, tiles>', but 'a' has type '!kernel.weight<16 x 64, int4, tiles>'}}
  %w = kernel.weight_address [@a] : !kernel.weight<16 x 64, int8, tiles>
  return
}

// -----

kernel.packed @a {sources = ["a"]} : !kernel.weight<16 x 64, int4, tiles>
func.func @f(%n: i64) {
  // expected-error@+1 {{has 16 rows, but its weights have 32}}
  %w = kernel.weight_address [@a, @a] : !kernel.weight<16 x 64, int4, tiles>
  return
}

// -----

func.func @f(%n: i64) {
  // expected-error@+1 {{names 'kv', which is not a declared kernel.cache}}
  %c = kernel.cache_address @kv : !kernel.cache<2 x 16, bf16, window = 4>
  return
}

// -----

kernel.cache @kv : !kernel.cache<1 x 16, bf16, window = 4>
func.func @f(%n: i64) {
  // expected-error@+1 {{has type '!kernel.cache<2 x 16, bf16, window = 4>', but cache 'kv' has type '!kernel.cache<1 x 16, bf16, window = 4>'}}
  %c = kernel.cache_address @kv : !kernel.cache<2 x 16, bf16, window = 4>
  return
}

// -----

// Views.
func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>) {
  // expected-error@+1 {{input is q8, expected f32}}
  %v = kernel.columns %x {offset = 0 : i64} : !kernel.buffer<8 x 64, q8> -> !kernel.buffer<8 x 32, q8>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{columns 48 to 80 leave the input's 64}}
  %v = kernel.columns %x {offset = 48 : i64} : !kernel.buffer<8 x 64, f32> -> !kernel.buffer<8 x 32, f32, stride = 256>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{must keep the rows and the row stride (256 bytes) of}}
  %v = kernel.columns %x {offset = 0 : i64} : !kernel.buffer<8 x 64, f32> -> !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{result must be one row of '!kernel.buffer<8 x 64, f32>', found '!kernel.buffer<2 x 64, f32>'}}
  %v = kernel.last_row %n, %x : !kernel.buffer<8 x 64, f32> -> !kernel.buffer<2 x 64, f32>
  return
}

// -----

// Stages.
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

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<128 x 64, int4, interleaved>, %y: !kernel.buffer<8 x 128, f32>) {
  // expected-error@+1 {{weight layout is interleaved, but epilogue none takes tiles}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32} : !kernel.buffer<8 x 64, q8>, !kernel.weight<128 x 64, int4, interleaved>, !kernel.buffer<8 x 128, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{weight layout is tiles, but epilogue gelu_gate takes interleaved}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32, epilogue = #kernel.epilogue<gelu_gate>} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{input is f32, expected q8}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, bf16, tiles>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{input is q8, expected f32}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, bf16, tiles>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, i32>) {
  // expected-error@+1 {{output is i32, expected f32 or q8}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, i32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 96, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{weight has 64 columns, but the input's width is 96}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32} : !kernel.buffer<8 x 96, q8>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{output has 32 columns, but the weight's output size is 64}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 32, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<128 x 64, int4, interleaved>, %y: !kernel.buffer<8 x 128, f32>) {
  // expected-error@+1 {{output has 128 columns, but the weight's output size is 64}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32, epilogue = #kernel.epilogue<gelu_gate>} : !kernel.buffer<8 x 64, q8>, !kernel.weight<128 x 64, int4, interleaved>, !kernel.buffer<8 x 128, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{takes a modulator exactly with epilogue gelu_mul}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32, epilogue = #kernel.epilogue<gelu_mul>} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, f32>, %m: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{takes a modulator exactly with epilogue gelu_mul}}
  kernel.gemv %n, %x, %w mul %m outs %y {scale = 1.0 : f32} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles> mul !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{takes a cap exactly with epilogue softcap}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32, epilogue = #kernel.epilogue<softcap>} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{takes a cap exactly with epilogue softcap}}
  kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32, cap = 30.0 : f32} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<64 x 64, int4, tiles>, %y: !kernel.buffer<8 x 64, f32>, %m: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{modulator has 32 columns, but the output's width is 64}}
  kernel.gemv %n, %x, %w mul %m outs %y {scale = 1.0 : f32, epilogue = #kernel.epilogue<gelu_mul>} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles> mul !kernel.buffer<8 x 32, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

// A gemm has the rules of a gemv.
func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<64 x 64, int4, tiles>) {
  // expected-error@+1 {{input is f32, expected q8}}
  kernel.gemm %n, %x, %w outs %x {scale = 1.0 : f32} : !kernel.buffer<8 x 64, f32>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, f32>
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

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %y: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<64 x 64, int4, tiles>) {
  // expected-error@+1 {{modulator is q8, expected f32}}
  kernel.gemv %n, %x, %w mul %x outs %y {scale = 1.0 : f32, epilogue = #kernel.epilogue<gelu_mul>} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles> mul !kernel.buffer<8 x 64, q8>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

// expected-error@+1 {{has 8 experts, but '!kernel.weight<320 x 64, int4, interleaved>' is not whole tiles of each}}
kernel.packed @w {experts = 8 : i64, sources = ["a"]} : !kernel.weight<320 x 64, int4, interleaved>

// -----

func.func @f(%n: i64, %l: !kernel.buffer<4 x 8, f32>, %s: !kernel.weight<1 x 8, f32, vector>, %w: !kernel.buffer<4 x 2, f32>, %e: !kernel.buffer<4 x 2, i32>, %g: !kernel.buffer<1 x 25, i32>) {
  // expected-error@+1 {{groups has 25 columns, but the size for these experts and pairs is 26}}
  kernel.route %n, %l, %s outs %w, %e, %g : !kernel.buffer<4 x 8, f32>, !kernel.weight<1 x 8, f32, vector>, !kernel.buffer<4 x 2, f32>, !kernel.buffer<4 x 2, i32>, !kernel.buffer<1 x 25, i32>
  return
}

// -----

func.func @f(%n: i64, %z: !kernel.buffer<4 x 64, q8>, %g: !kernel.buffer<1 x 26, i32>, %x: !kernel.buffer<8 x 64, f32>) {
  // expected-error@+1 {{output is '!kernel.buffer<8 x 64, f32>', expected several of each row of '!kernel.buffer<4 x 64, q8>'}}
  kernel.group_rows %n, %z, %g outs %x {experts = 8 : i64} : !kernel.buffer<4 x 64, q8>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<8 x 64, f32>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<512 x 64, int4, interleaved>, %g: !kernel.buffer<1 x 26, i32>, %a: !kernel.buffer<8 x 32, q8>) {
  // expected-error@+1 {{input is f32, expected q8}}
  kernel.expert_gated %n, %x, %w, %g outs %a {chosen = 2 : i64, experts = 8 : i64} : !kernel.buffer<8 x 64, f32>, !kernel.weight<512 x 64, int4, interleaved>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<8 x 32, q8>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<512 x 64, int4, tiles>, %g: !kernel.buffer<1 x 26, i32>, %a: !kernel.buffer<8 x 32, q8>) {
  // expected-error@+1 {{weight layout is tiles, expected interleaved}}
  kernel.expert_gated %n, %x, %w, %g outs %a {chosen = 2 : i64, experts = 8 : i64} : !kernel.buffer<8 x 64, q8>, !kernel.weight<512 x 64, int4, tiles>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<8 x 32, q8>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<512 x 64, int4, interleaved>, %g: !kernel.buffer<1 x 26, i32>, %a: !kernel.buffer<8 x 32, q8>) {
  // expected-error@+1 {{has 3 chosen experts, but 8 experts and 8 rows of input}}
  kernel.expert_gated %n, %x, %w, %g outs %a {chosen = 3 : i64, experts = 8 : i64} : !kernel.buffer<8 x 64, q8>, !kernel.weight<512 x 64, int4, interleaved>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<8 x 32, q8>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 32, q8>, %w: !kernel.weight<512 x 32, int4, tiles>, %g: !kernel.buffer<1 x 26, i32>, %p: !kernel.buffer<4 x 3, f32>, %y: !kernel.buffer<4 x 64, f32>) {
  // expected-error@+1 {{expected one for each of the input's 8 rows, of the output's 4}}
  kernel.expert_sum %n, %x, %w, %g, %p outs %y {experts = 8 : i64} : !kernel.buffer<8 x 32, q8>, !kernel.weight<512 x 32, int4, tiles>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<4 x 3, f32>, !kernel.buffer<4 x 64, f32>
  return
}

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
