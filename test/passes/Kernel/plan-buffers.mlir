// RUN: gemcut-opt %s -kernel-plan-buffers | FileCheck %s

// The arena is the deepest chain: 768 (decode) + 512 (layer) + 256 (inner). The
// larger frame of prefill calls nothing, that of best_fit is not reached.
// CHECK: module attributes {kernel.arena_bytes = 1536 : i64}

// %a, %b and %c live at the same time. %d lives after them, where they were; a
// buffer without a use is gone.
// CHECK-LABEL: func.func @decode
// CHECK-SAME: kernel.frame_bytes = 768 : i64
func.func @decode(%rows: i64, %ids: !kernel.buffer<4 x 1, i32>,
                  %logits: !kernel.buffer<4 x 16, f32>) attributes {kernel.entry = "decode"} {
  // CHECK: kernel.alloc {offset = 0 : i64} : <4 x 16, f32>
  %a = kernel.alloc : !kernel.buffer<4 x 16, f32>
  // CHECK-NEXT: kernel.alloc {offset = 256 : i64} : <4 x 16, f32>
  %b = kernel.alloc : !kernel.buffer<4 x 16, f32>
  // CHECK-NEXT: kernel.alloc {offset = 512 : i64} : <4 x 16, f32>
  %c = kernel.alloc : !kernel.buffer<4 x 16, f32>
  // CHECK-NEXT: kernel.alloc {offset = 0 : i64} : <4 x 64, q8>
  %d = kernel.alloc : !kernel.buffer<4 x 64, q8>
  // CHECK-NEXT: call @layer
  %unused = kernel.alloc : !kernel.buffer<4 x 1000, f32>
  call @layer(%rows, %a, %b) : (i64, !kernel.buffer<4 x 16, f32>, !kernel.buffer<4 x 16, f32>) -> ()
  call @layer(%rows, %a, %c) : (i64, !kernel.buffer<4 x 16, f32>, !kernel.buffer<4 x 16, f32>) -> ()
  call @layer(%rows, %b, %c) : (i64, !kernel.buffer<4 x 16, f32>, !kernel.buffer<4 x 16, f32>) -> ()
  call @use(%rows, %d) : (i64, !kernel.buffer<4 x 64, q8>) -> ()
  return
}

// CHECK-LABEL: func.func @prefill
// CHECK-SAME: kernel.frame_bytes = 1088 : i64
func.func @prefill(%rows: i64, %ids: !kernel.buffer<4 x 1, i32>,
                   %logits: !kernel.buffer<1 x 16, f32>) attributes {kernel.entry = "prefill"} {
  // Sizes are rounded up to 64, so that every offset is aligned.
  // CHECK: kernel.alloc {offset = 1024 : i64} : <4 x 2, i32>
  %p = kernel.alloc : !kernel.buffer<4 x 2, i32>
  kernel.load_rows %rows outs %p : !kernel.buffer<4 x 2, i32>
  // CHECK: kernel.alloc {offset = 0 : i64} : <4 x 64, f32>
  %t = kernel.alloc : !kernel.buffer<4 x 64, f32>
  kernel.rope_table %rows, %p outs %t {head_dim = 64 : i64, pairs = 32 : i64, theta = 1.0e4 : f32}
      : !kernel.buffer<4 x 2, i32>, !kernel.buffer<4 x 64, f32>
  return
}

// A view keeps the storage of what it views alive: %y starts behind %x, though the
// last use of %x itself is in front of it.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: kernel.frame_bytes = 512 : i64
func.func private @layer(%rows: i64, %in: !kernel.buffer<4 x 16, f32>, %out: !kernel.buffer<4 x 16, f32>) {
  // CHECK: kernel.alloc {offset = 0 : i64} : <4 x 16, f32>
  %x = kernel.alloc : !kernel.buffer<4 x 16, f32>
  kernel.rms_norm %rows, %in outs %x {eps = 1.0e-6 : f32, group = 16 : i64}
      : !kernel.buffer<4 x 16, f32>, !kernel.buffer<4 x 16, f32>
  %last = kernel.last_row %rows, %x : !kernel.buffer<4 x 16, f32> -> !kernel.buffer<1 x 16, f32>
  %view = kernel.columns %last {offset = 8 : i64}
      : !kernel.buffer<1 x 16, f32> -> !kernel.buffer<1 x 8, f32, stride = 64>
  // CHECK: kernel.alloc {offset = 256 : i64} : <4 x 16, f32>
  %y = kernel.alloc : !kernel.buffer<4 x 16, f32>
  kernel.rms_norm %rows, %in outs %y {eps = 1.0e-6 : f32, group = 16 : i64}
      : !kernel.buffer<4 x 16, f32>, !kernel.buffer<4 x 16, f32>
  call @inner(%rows, %view, %y) : (i64, !kernel.buffer<1 x 8, f32, stride = 64>, !kernel.buffer<4 x 16, f32>) -> ()
  return
}

// Without the view %y would reuse %x: the near miss of @layer.
// CHECK-LABEL: func.func private @inner
// CHECK-SAME: kernel.frame_bytes = 256 : i64
func.func private @inner(%rows: i64, %in: !kernel.buffer<1 x 8, f32, stride = 64>, %out: !kernel.buffer<4 x 16, f32>) {
  // CHECK: kernel.alloc {offset = 0 : i64}
  %x = kernel.alloc : !kernel.buffer<4 x 16, f32>
  kernel.rms_norm %rows, %out outs %x {eps = 1.0e-6 : f32, group = 16 : i64}
      : !kernel.buffer<4 x 16, f32>, !kernel.buffer<4 x 16, f32>
  // CHECK: kernel.alloc {offset = 0 : i64}
  %y = kernel.alloc : !kernel.buffer<4 x 16, f32>
  kernel.rms_norm %rows, %out outs %y {eps = 1.0e-6 : f32, group = 16 : i64}
      : !kernel.buffer<4 x 16, f32>, !kernel.buffer<4 x 16, f32>
  return
}

func.func private @use(%rows: i64, %in: !kernel.buffer<4 x 64, q8>) {
  return
}

// Best fit: %small goes to the hole of 512 bytes that %n left, not to the first
// one, of 1024 bytes, that %l left.
// CHECK-LABEL: func.func private @best_fit
// CHECK-SAME: kernel.frame_bytes = 2560 : i64
func.func private @best_fit() {
  // CHECK-NEXT: kernel.alloc {offset = 0 : i64} : <4 x 64, f32>
  %l = kernel.alloc : !kernel.buffer<4 x 64, f32>
  // CHECK-NEXT: kernel.alloc {offset = 1024 : i64} : <4 x 48, f32>
  %m = kernel.alloc : !kernel.buffer<4 x 48, f32>
  // CHECK-NEXT: kernel.alloc {offset = 1792 : i64} : <4 x 32, f32>
  %n = kernel.alloc : !kernel.buffer<4 x 32, f32>
  // CHECK-NEXT: kernel.alloc {offset = 2304 : i64} : <4 x 16, f32>
  %o = kernel.alloc : !kernel.buffer<4 x 16, f32>
  // CHECK-NEXT: kernel.alloc {offset = 1792 : i64} : <1 x 16, f32>
  %small = kernel.alloc : !kernel.buffer<1 x 16, f32>
  call @four(%l, %m, %n, %o)
      : (!kernel.buffer<4 x 64, f32>, !kernel.buffer<4 x 48, f32>, !kernel.buffer<4 x 32, f32>,
         !kernel.buffer<4 x 16, f32>) -> ()
  call @three(%m, %o, %small)
      : (!kernel.buffer<4 x 48, f32>, !kernel.buffer<4 x 16, f32>, !kernel.buffer<1 x 16, f32>) -> ()
  return
}
func.func private @four(!kernel.buffer<4 x 64, f32>, !kernel.buffer<4 x 48, f32>,
                        !kernel.buffer<4 x 32, f32>, !kernel.buffer<4 x 16, f32>)
func.func private @three(!kernel.buffer<4 x 48, f32>, !kernel.buffer<4 x 16, f32>,
                         !kernel.buffer<1 x 16, f32>)
