// RUN: gemcut-opt %s -split-input-file -verify-diagnostics

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

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %y: !kernel.buffer<8 x 64, f32>, %w: !kernel.weight<64 x 64, int4, tiles>) {
  // expected-error@+1 {{modulator is q8, expected f32}}
  kernel.gemv %n, %x, %w mul %x outs %y {scale = 1.0 : f32, epilogue = #kernel.epilogue<gelu_mul>} : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles> mul !kernel.buffer<8 x 64, q8>, !kernel.buffer<8 x 64, f32>
  return
}

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

func.func @f(%n: i64, %x: !kernel.buffer<4 x 64, f32>, %g: !kernel.buffer<1 x 26, i32>, %u: !kernel.buffer<8 x 64, u8>) {
  // expected-error@+1 {{input has 4 rows, expected 8 for 8 rows of output}}
  kernel.expert_quantize %n, %x, %g outs %u {chosen = 2 : i64, experts = 8 : i64, grouped} : !kernel.buffer<4 x 64, f32>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<8 x 64, u8>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<4 x 64, f32>, %g: !kernel.buffer<1 x 26, i32>, %s: !kernel.weight<1 x 1, f32, vector>, %u: !kernel.buffer<8 x 64, u8>) {
  // expected-error@+1 {{scale is '!kernel.weight<1 x 1, f32, vector>', expected a vector of 8}}
  kernel.expert_quantize %n, %x, %g scale %s outs %u {chosen = 2 : i64, experts = 8 : i64} : !kernel.buffer<4 x 64, f32>, !kernel.buffer<1 x 26, i32> scale !kernel.weight<1 x 1, f32, vector>, !kernel.buffer<8 x 64, u8>
  return
}

// -----

func.func @f(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %w: !kernel.weight<512 x 64, int4_row, interleaved>, %g: !kernel.buffer<1 x 26, i32>, %a: !kernel.buffer<8 x 32, f32>) {
  // expected-error@+1 {{input is q8, expected u8}}
  kernel.expert_gated %n, %x, %w, %g outs %a {chosen = 2 : i64, experts = 8 : i64} : !kernel.buffer<8 x 64, q8>, !kernel.weight<512 x 64, int4_row, interleaved>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<8 x 32, f32>
  return
}
