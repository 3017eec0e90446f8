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
