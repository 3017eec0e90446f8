// RUN: gemcut-opt %s -split-input-file -kernel-verify-planned -verify-diagnostics

// A planned program passes: storage is shared by buffers that live one after the
// other.
module attributes {kernel.arena_bytes = 320 : i64, kernel.context = 16 : i64,
                   kernel.kv_slot_bytes = 4096 : i64, kernel.weight_bytes = 1152 : i64} {
  kernel.packed @a {offset = 0 : i64, sources = ["a"]} : !kernel.weight<16 x 64, q4_0, tiles>
  kernel.packed @b {offset = 576 : i64, sources = ["b"]} : !kernel.weight<16 x 64, q4_0, tiles>
  kernel.cache @kv {offset = 0 : i64} : !kernel.cache<1 x 16, bf16, window = 0, capacity = 32>
  func.func @decode(%rows: i64, %ids: !kernel.buffer<1 x 1, i32>, %logits: !kernel.buffer<1 x 32, f32>)
      attributes {kernel.entry = "decode", kernel.frame_bytes = 192 : i64} {
    %w = kernel.weight_address [@a, @b] : !kernel.weight<32 x 64, q4_0, tiles>
    %p = kernel.alloc {offset = 0 : i64} : !kernel.buffer<1 x 2, i32>
    kernel.load_rows %rows outs %p {partition = #kernel.partition<rows, 1>} : !kernel.buffer<1 x 2, i32>
    %q = kernel.alloc {offset = 0 : i64} : !kernel.buffer<1 x 64, q8>
    kernel.gemv %rows, %q, %w outs %logits {partition = #kernel.partition<tiles, 2>, scale = 1.0 : f32,
        tile = #kernel.tile<1 x 1>}
        : !kernel.buffer<1 x 64, q8>, !kernel.weight<32 x 64, q4_0, tiles>, !kernel.buffer<1 x 32, f32>
    return
  }
}

// -----

// Everything that is missing is reported at once, with the pass that sets it.
// expected-error@+4 {{has no kernel.context; run gemma-convert-to-kernel}}
// expected-error@+3 {{has no kernel.weight_bytes; run kernel-plan-weights}}
// expected-error@+2 {{has no kernel.kv_slot_bytes; run kernel-plan-kv}}
// expected-error@+1 {{has no kernel.arena_bytes; run kernel-plan-buffers}}
module {
  // expected-error@+1 {{has no offset; run kernel-plan-weights}}
  kernel.packed @a {sources = ["a"]} : !kernel.weight<16 x 64, q4_0, tiles>
  // expected-error@+1 {{has no offset or capacity; run kernel-plan-kv}}
  kernel.cache @kv {offset = 0 : i64} : !kernel.cache<1 x 16, bf16, window = 0>
  // expected-error@+1 {{has no kernel.frame_bytes; run kernel-plan-buffers}}
  func.func private @layer(%rows: i64, %x: !kernel.buffer<1 x 64, q8>, %y: !kernel.buffer<1 x 16, f32>) {
    %w = kernel.weight_address [@a] : !kernel.weight<16 x 64, q4_0, tiles>
    // expected-error@+1 {{has no offset; run kernel-plan-buffers}}
    %p = kernel.alloc : !kernel.buffer<1 x 2, i32>
    // expected-error@+1 {{has no partition; run kernel-partition-stages}}
    kernel.load_rows %rows outs %p : !kernel.buffer<1 x 2, i32>
    // expected-error@+2 {{has no partition; run kernel-partition-stages}}
    // expected-error@+1 {{has no tile; run kernel-partition-stages}}
    kernel.gemv %rows, %x, %w outs %y {scale = 1.0 : f32}
        : !kernel.buffer<1 x 64, q8>, !kernel.weight<16 x 64, q4_0, tiles>, !kernel.buffer<1 x 16, f32>
    return
  }
}

// -----

// Overlaps, gaps and places outside.
module attributes {kernel.arena_bytes = 64 : i64, kernel.context = 16 : i64,
                   kernel.kv_slot_bytes = 4096 : i64, kernel.weight_bytes = 1728 : i64} {
  // expected-note@+1 {{which has bytes 0 to 576}}
  kernel.packed @a {offset = 0 : i64, sources = ["a"]} : !kernel.weight<16 x 64, q4_0, tiles>
  // expected-error@+1 {{bytes 512 to 1088 overlap storage that is in use at the same time}}
  kernel.packed @b {offset = 512 : i64, sources = ["b"]} : !kernel.weight<16 x 64, q4_0, tiles>
  // expected-error@+1 {{bytes 1216 to 1792 leave the 1728 bytes of the weight section}}
  kernel.packed @c {offset = 1216 : i64, sources = ["c"]} : !kernel.weight<16 x 64, q4_0, tiles>
  // expected-note@+1 {{which has bytes 0 to 2048}}
  kernel.cache @kv.0 {offset = 0 : i64} : !kernel.cache<1 x 16, bf16, window = 0, capacity = 32>
  // expected-error@+2 {{offset 32 is not a multiple of 64}}
  // expected-error@+1 {{bytes 32 to 2080 overlap storage}}
  kernel.cache @kv.1 {offset = 32 : i64} : !kernel.cache<1 x 16, bf16, window = 0, capacity = 32>
  func.func private @layer(%rows: i64, %t: !kernel.buffer<1 x 16, f32>) attributes {kernel.frame_bytes = 192 : i64} {
    // expected-error@+1 {{reads 'c' directly behind bytes up to 1088, but it starts at 1216}}
    %w = kernel.weight_address [@b, @c] : !kernel.weight<32 x 64, q4_0, tiles>
    // expected-note@+1 {{which has bytes 0 to 64}}
    %x = kernel.alloc {offset = 0 : i64} : !kernel.buffer<1 x 16, f32>
    // expected-error@+1 {{bytes 0 to 64 overlap storage that is in use at the same time}}
    %y = kernel.alloc {offset = 0 : i64} : !kernel.buffer<1 x 16, f32>
    kernel.rms_norm %rows, %x outs %y {eps = 1.0e-6 : f32, group = 16 : i64, partition = #kernel.partition<rows, 1>}
        : !kernel.buffer<1 x 16, f32>, !kernel.buffer<1 x 16, f32>
    // expected-error@+1 {{bytes 192 to 256 leave the 192 bytes of the frame}}
    %z = kernel.alloc {offset = 192 : i64} : !kernel.buffer<1 x 16, f32>
    kernel.rms_norm %rows, %y outs %z {eps = 1.0e-6 : f32, group = 16 : i64, partition = #kernel.partition<rows, 1>}
        : !kernel.buffer<1 x 16, f32>, !kernel.buffer<1 x 16, f32>
    return
  }
}
