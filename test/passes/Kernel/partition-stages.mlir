// RUN: gemcut-opt %s -kernel-partition-stages | FileCheck %s
// RUN: gemcut-opt %s -kernel-partition-stages="gemm-rows=4 gemm-tiles=3 l2-bytes=4096" | FileCheck %s --check-prefix=SMALL
// RUN: not gemcut-opt %s -kernel-partition-stages="gemm-rows=0" 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: l2-bytes, gemm-rows and gemm-tiles must be positive, found 1048576, 0 and 2

// Chunks of a gemv grow with the number of output tiles; a row block has at most
// 4 rows.
// CHECK-LABEL: func.func @gemv
func.func @gemv(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %x1: !kernel.buffer<1 x 64, q8>,
    %few: !kernel.weight<496 x 64, int4, tiles>, %some: !kernel.weight<1024 x 64, int4, tiles>,
    %many: !kernel.weight<2048 x 64, int4, tiles>, %pairs: !kernel.weight<2048 x 64, int4, interleaved>,
    %y0: !kernel.buffer<8 x 496, f32>, %y1: !kernel.buffer<8 x 1024, f32>,
    %y2: !kernel.buffer<8 x 2048, f32>, %y3: !kernel.buffer<8 x 1024, q8>,
    %y4: !kernel.buffer<1 x 496, f32>) {
  // CHECK-NEXT: partition = #kernel.partition<tiles, 2>{{.*}} tile = #kernel.tile<4 x 1>
  kernel.gemv %n, %x, %few outs %y0 {scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<496 x 64, int4, tiles>, !kernel.buffer<8 x 496, f32>
  // CHECK-NEXT: partition = #kernel.partition<tiles, 8>
  kernel.gemv %n, %x, %some outs %y1 {scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<1024 x 64, int4, tiles>, !kernel.buffer<8 x 1024, f32>
  // CHECK-NEXT: partition = #kernel.partition<tiles, 16>
  kernel.gemv %n, %x, %many outs %y2 {scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<2048 x 64, int4, tiles>, !kernel.buffer<8 x 2048, f32>
  // Pairs count once: 128 tiles, 64 pairs.
  // CHECK-NEXT: partition = #kernel.partition<tiles, 8>
  kernel.gemv %n, %x, %pairs outs %y3 {epilogue = #kernel.epilogue<gelu_gate>, scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<2048 x 64, int4, interleaved>, !kernel.buffer<8 x 1024, q8>
  // CHECK-NEXT: tile = #kernel.tile<1 x 1>
  kernel.gemv %n, %x1, %few outs %y4 {scale = 1.0 : f32}
      : !kernel.buffer<1 x 64, q8>, !kernel.weight<496 x 64, int4, tiles>, !kernel.buffer<1 x 496, f32>
  return
}

// Tiles are shared out evenly: 176 as 8 chunks of 22, not as 11 of 16, which
// make one of two threads wait for the other's sixth. 132 pairs leave 9 chunks,
// the last of which is short.
// CHECK-LABEL: func.func @even
func.func @even(%n: i64, %x: !kernel.buffer<1 x 64, q8>, %w: !kernel.weight<2816 x 64, int4, tiles>,
    %pairs: !kernel.weight<4224 x 64, int4, interleaved>,
    %y0: !kernel.buffer<1 x 2816, f32>, %y1: !kernel.buffer<1 x 2112, q8>) {
  // CHECK-NEXT: partition = #kernel.partition<tiles, 22>
  kernel.gemv %n, %x, %w outs %y0 {scale = 1.0 : f32}
      : !kernel.buffer<1 x 64, q8>, !kernel.weight<2816 x 64, int4, tiles>, !kernel.buffer<1 x 2816, f32>
  // CHECK-NEXT: partition = #kernel.partition<tiles, 16>
  kernel.gemv %n, %x, %pairs outs %y1 {epilogue = #kernel.epilogue<gelu_gate>, scale = 1.0 : f32}
      : !kernel.buffer<1 x 64, q8>, !kernel.weight<4224 x 64, int4, interleaved>, !kernel.buffer<1 x 2112, q8>
  return
}

// A gemm chunk is whole register blocks and whole q8 groups, and its weights fit
// half of the L2 cache: 524288 bytes hold 2 tiles of 6144 bf16 columns.
// CHECK-LABEL: func.func @gemm
// SMALL-LABEL: func.func @gemm
func.func @gemm(%n: i64, %x: !kernel.buffer<32 x 64, q8>, %xf: !kernel.buffer<32 x 6144, f32>,
    %many: !kernel.weight<2048 x 64, int4, tiles>, %pairs: !kernel.weight<2048 x 64, int4, interleaved>,
    %wide: !kernel.weight<2048 x 6144, bf16, tiles>, %one: !kernel.weight<16 x 64, int4, tiles>,
    %y0: !kernel.buffer<32 x 2048, f32>, %y1: !kernel.buffer<32 x 2048, q8>,
    %y2: !kernel.buffer<32 x 1024, q8>, %y3: !kernel.buffer<32 x 16, f32>) {
  // CHECK-NEXT: partition = #kernel.partition<tiles, 16>{{.*}} tile = #kernel.tile<6 x 2>
  // SMALL-NEXT: partition = #kernel.partition<tiles, 3>{{.*}} tile = #kernel.tile<4 x 3>
  kernel.gemm %n, %x, %many outs %y0 {scale = 1.0 : f32}
      : !kernel.buffer<32 x 64, q8>, !kernel.weight<2048 x 64, int4, tiles>, !kernel.buffer<32 x 2048, f32>
  // Blocks of 3 tiles and groups of 2: chunks of 6.
  // CHECK-NEXT: partition = #kernel.partition<tiles, 16>
  // SMALL-NEXT: partition = #kernel.partition<tiles, 6>
  kernel.gemm %n, %x, %many outs %y1 {scale = 1.0 : f32}
      : !kernel.buffer<32 x 64, q8>, !kernel.weight<2048 x 64, int4, tiles>, !kernel.buffer<32 x 2048, q8>
  // CHECK-NEXT: partition = #kernel.partition<tiles, 8>
  // SMALL-NEXT: partition = #kernel.partition<tiles, 2>
  kernel.gemm %n, %x, %pairs outs %y2 {epilogue = #kernel.epilogue<gelu_gate>, scale = 1.0 : f32}
      : !kernel.buffer<32 x 64, q8>, !kernel.weight<2048 x 64, int4, interleaved>, !kernel.buffer<32 x 1024, q8>
  // CHECK-NEXT: partition = #kernel.partition<tiles, 2>
  kernel.gemm %n, %xf, %wide outs %y0 {scale = 1.0 : f32}
      : !kernel.buffer<32 x 6144, f32>, !kernel.weight<2048 x 6144, bf16, tiles>, !kernel.buffer<32 x 2048, f32>
  // One tile cannot be blocked by two.
  // CHECK-NEXT: partition = #kernel.partition<tiles, 2>{{.*}} tile = #kernel.tile<6 x 1>
  kernel.gemm %n, %x, %one outs %y3 {scale = 1.0 : f32}
      : !kernel.buffer<32 x 64, q8>, !kernel.weight<16 x 64, int4, tiles>, !kernel.buffer<32 x 16, f32>
  return
}

// Attention shares out blocks of rows, with partials also keys, unless a head is
// not whole q8 groups.
// CHECK-LABEL: func.func @attention
func.func @attention(%n: i64, %q: !kernel.buffer<256 x 128, f32>, %p: !kernel.buffer<256 x 2, i32>,
    %wide: !kernel.cache<2 x 32, bf16, window = 4>, %narrow: !kernel.cache<2 x 16, bf16, window = 4>,
    %o: !kernel.buffer<256 x 128, q8>, %q4: !kernel.buffer<4 x 128, f32>, %p4: !kernel.buffer<4 x 2, i32>,
    %o4: !kernel.buffer<4 x 128, q8>, %parts: !kernel.buffer<4 x 3072, f32>) {
  // 64 query vectors would be 32 rows of two heads.
  // CHECK-NEXT: partition = #kernel.partition<heads, 16>
  kernel.attention %n, %q, %wide, %p outs %o {heads = 4 : i64}
      : !kernel.buffer<256 x 128, f32>, !kernel.cache<2 x 32, bf16, window = 4>,
        !kernel.buffer<256 x 2, i32>, !kernel.buffer<256 x 128, q8>
  // CHECK-NEXT: partition = #kernel.partition<keys, 4>
  kernel.attention %n, %q4, %wide, %p4 partials %parts outs %o4 {heads = 4 : i64}
      : !kernel.buffer<4 x 128, f32>, !kernel.cache<2 x 32, bf16, window = 4>,
        !kernel.buffer<4 x 2, i32> partials !kernel.buffer<4 x 3072, f32>, !kernel.buffer<4 x 128, q8>
  // CHECK-NEXT: partition = #kernel.partition<rows, 1>
  kernel.attention %n, %q, %narrow, %p outs %o {heads = 8 : i64}
      : !kernel.buffer<256 x 128, f32>, !kernel.cache<2 x 16, bf16, window = 4>,
        !kernel.buffer<256 x 2, i32>, !kernel.buffer<256 x 128, q8>
  // CHECK-NEXT: partition = #kernel.partition<heads, 16>
  kernel.attention %n, %q, %narrow, %p outs %q {heads = 8 : i64}
      : !kernel.buffer<256 x 128, f32>, !kernel.cache<2 x 16, bf16, window = 4>,
        !kernel.buffer<256 x 2, i32>, !kernel.buffer<256 x 128, f32>
  return
}

// Rows that write K and V go 16 at a time where there are many.
// CHECK-LABEL: func.func @prepare
func.func @prepare(%n: i64, %y: !kernel.buffer<256 x 64, f32>, %y1: !kernel.buffer<8 x 64, f32>,
    %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<256 x 16, f32>, %r: !kernel.buffer<256 x 2, i32>,
    %c: !kernel.cache<2 x 16, bf16, window = 4>) {
  // CHECK-NEXT: partition = #kernel.partition<rows, 16>
  kernel.prepare_kv %n, %y, %w, %t, %r, %c {eps = 1.0e-6 : f32}
      : !kernel.buffer<256 x 64, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<256 x 16, f32>,
        !kernel.buffer<256 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>
  // CHECK-NEXT: partition = #kernel.partition<rows, 1>
  kernel.prepare_kv %n, %y1, %w, %t, %r, %c {eps = 1.0e-6 : f32}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<256 x 16, f32>,
        !kernel.buffer<256 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>
  return
}

// Everything else goes row by row.
// CHECK-LABEL: func.func @rows
func.func @rows(%n: i64, %x: !kernel.buffer<8 x 64, f32>, %p: !kernel.buffer<8 x 2, i32>,
    %q: !kernel.buffer<8 x 64, q8>) {
  // CHECK-NEXT: load_rows {{.*}}partition = #kernel.partition<rows, 1>
  kernel.load_rows %n outs %p : !kernel.buffer<8 x 2, i32>
  // CHECK-NEXT: quantize {{.*}}partition = #kernel.partition<rows, 1>
  kernel.quantize %n, %x outs %q : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, q8>
  return
}
