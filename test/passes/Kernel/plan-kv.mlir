// RUN: gemcut-opt %s -split-input-file -kernel-plan-kv | FileCheck %s
// RUN: gemcut-opt %s -split-input-file -kernel-plan-kv="context=20" | FileCheck %s --check-prefix=SHORT

// The largest chunk of any entry sizes the rings: 4 - 1 + 40 = 43, rounded up to
// 64. A full cache holds the context, 100, rounded up to 128. A short context
// bounds both.

// CHECK: module attributes {kernel.context = 100 : i64, kernel.kv_slot_bytes = 40960 : i64}
// SHORT: module attributes {kernel.context = 20 : i64, kernel.kv_slot_bytes = 12288 : i64}
module attributes {kernel.context = 100 : i64} {
  // 2 (K, V) * 2 heads * 64 positions * 16 dims * 2 bytes.
  // CHECK: kernel.cache @kv.0 {offset = 0 : i64} : !kernel.cache<2 x 16, bf16, window = 4, capacity = 64>
  // SHORT: kernel.cache @kv.0 {offset = 0 : i64} : !kernel.cache<2 x 16, bf16, window = 4, capacity = 32>
  kernel.cache @kv.0 : !kernel.cache<2 x 16, bf16, window = 4>
  // CHECK: kernel.cache @kv.1 {offset = 8192 : i64} : !kernel.cache<1 x 32, f32, window = 0, capacity = 128>
  // SHORT: kernel.cache @kv.1 {offset = 4096 : i64} : !kernel.cache<1 x 32, f32, window = 0, capacity = 32>
  kernel.cache @kv.1 : !kernel.cache<1 x 32, f32, window = 0>

  // CHECK: func.func @decode
  // CHECK: kernel.cache_address @kv.0 : <2 x 16, bf16, window = 4, capacity = 64>
  // CHECK: call @layer({{.*}}) : (!kernel.cache<2 x 16, bf16, window = 4, capacity = 64>) -> ()
  func.func @decode(%rows: i64, %ids: !kernel.buffer<8 x 1, i32>,
                    %logits: !kernel.buffer<8 x 64, f32>) attributes {kernel.entry = "decode"} {
    %c = kernel.cache_address @kv.0 : !kernel.cache<2 x 16, bf16, window = 4>
    call @layer(%c) : (!kernel.cache<2 x 16, bf16, window = 4>) -> ()
    return
  }
  func.func @prefill(%rows: i64, %ids: !kernel.buffer<40 x 1, i32>,
                     %logits: !kernel.buffer<1 x 64, f32>) attributes {kernel.entry = "prefill"} {
    return
  }
  // Buffers of functions that are no entry points do not count.
  // CHECK: func.func private @layer(%{{.*}}: !kernel.cache<2 x 16, bf16, window = 4, capacity = 64>)
  func.func private @layer(%c: !kernel.cache<2 x 16, bf16, window = 4>) {
    return
  }
  func.func private @wide(%c: !kernel.buffer<4096 x 1, i32>) {
    return
  }
}

// -----

// Planning again with another chunk replaces the old capacity; no cache, no slot.

// CHECK: module attributes {kernel.context = 64 : i64, kernel.kv_slot_bytes = 4096 : i64}
module attributes {kernel.context = 64 : i64} {
  // CHECK: kernel.cache @kv.0 {offset = 0 : i64} : !kernel.cache<1 x 16, bf16, window = 4, capacity = 32>
  kernel.cache @kv.0 {offset = 64 : i64} : !kernel.cache<1 x 16, bf16, window = 4, capacity = 512>
}

// -----

// CHECK: module attributes {kernel.context = 64 : i64, kernel.kv_slot_bytes = 0 : i64}
module attributes {kernel.context = 64 : i64} {}
