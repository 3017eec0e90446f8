// RUN: gemcut-opt %s -split-input-file -kernel-split-head -verify-diagnostics

// int4 keeps nothing back that a second stage could read.
kernel.packed @w {sources = ["w"]} : !kernel.weight<96 x 64, int4, tiles>
func.func @decode(%n: i64, %ids: !kernel.buffer<8 x 1, i32>, %logits: !kernel.buffer<8 x 96, f32>)
    attributes {kernel.entry = "decode"} {
  %w = kernel.weight_address [@w] : !kernel.weight<96 x 64, int4, tiles>
  %x = kernel.alloc : !kernel.buffer<8 x 64, q8>
  // expected-error@+1 {{'kernel.gemv' op stores the head as int4, but a two-stage head needs int8; choose --quant int8 or a recipe that says so for the head}}
  kernel.gemv %n, %x, %w outs %logits {scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<96 x 64, int4, tiles>, !kernel.buffer<8 x 96, f32>
  return
}

// -----

kernel.packed @w {sources = ["w"]} : !kernel.weight<97 x 64, int8, tiles>
func.func @decode(%n: i64, %ids: !kernel.buffer<8 x 1, i32>, %logits: !kernel.buffer<8 x 97, f32>)
    attributes {kernel.entry = "decode"} {
  %w = kernel.weight_address [@w] : !kernel.weight<97 x 64, int8, tiles>
  %x = kernel.alloc : !kernel.buffer<8 x 64, q8>
  // expected-error@+1 {{'kernel.gemv' op has a vocabulary of 97 ids, but a two-stage head needs a multiple of 16}}
  kernel.gemv %n, %x, %w outs %logits {scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<97 x 64, int8, tiles>, !kernel.buffer<8 x 97, f32>
  return
}

// -----

// expected-error@+1 {{'func.func' op has no logits from one product of a packed matrix}}
func.func @decode(%n: i64, %ids: !kernel.buffer<8 x 1, i32>, %logits: !kernel.buffer<8 x 96, f32>)
    attributes {kernel.entry = "decode"} {
  return
}

// -----

// expected-error@below {{has no decode entry point}}
module {
}
