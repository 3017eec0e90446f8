// RUN: gemcut-opt %s | gemcut-opt | FileCheck %s
// RUN: gemcut-opt %s -mlir-print-op-generic | gemcut-opt | FileCheck %s

// Every op keeps its text in both forms.

// CHECK: kernel.packed @tiles {offset = 64 : i64, sources = ["a"]} : !kernel.weight<32 x 64, int4, tiles>
kernel.packed @tiles {sources = ["a"], offset = 64 : i64} : !kernel.weight<32 x 64, int4, tiles>
// CHECK: kernel.packed @pair {sources = ["a", "b"]} : !kernel.weight<192 x 64, int8, interleaved>
kernel.packed @pair {sources = ["a", "b"]} : !kernel.weight<192 x 64, int8, interleaved>
// CHECK: kernel.cache @kv {offset = 0 : i64} : !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>
kernel.cache @kv {offset = 0 : i64} : !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>
// CHECK: kernel.cache @unplanned : !kernel.cache<2 x 16, f32, window = 0>
kernel.cache @unplanned : !kernel.cache<2 x 16, f32, window = 0>

// CHECK-LABEL: func.func @storage
func.func @storage(%n: i64, %x: !kernel.buffer<8 x 192, f32>) {
  // CHECK: kernel.weight_address [@tiles, @tiles] : <64 x 64, int4, tiles>
  %w = kernel.weight_address [@tiles, @tiles] : !kernel.weight<64 x 64, int4, tiles>
  // CHECK: kernel.cache_address @kv : <2 x 16, bf16, window = 4, capacity = 288>
  %c = kernel.cache_address @kv : !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>
  // CHECK: kernel.alloc : <8 x 64, q8>
  %a = kernel.alloc : !kernel.buffer<8 x 64, q8>
  // CHECK: kernel.alloc {offset = 128 : i64} : <8 x 2, i32>
  %r = kernel.alloc {offset = 128 : i64} : !kernel.buffer<8 x 2, i32>
  // CHECK: kernel.columns %{{.*}} {offset = 32 : i64} : <8 x 192, f32> -> <8 x 32, f32, stride = 768>
  %v = kernel.columns %x {offset = 32 : i64}
      : !kernel.buffer<8 x 192, f32> -> !kernel.buffer<8 x 32, f32, stride = 768>
  // CHECK: kernel.last_row %{{.*}}, %{{.*}} : <8 x 192, f32> -> <1 x 192, f32>
  %l = kernel.last_row %n, %x : !kernel.buffer<8 x 192, f32> -> !kernel.buffer<1 x 192, f32>
  // CHECK: kernel.count_rows %{{.*}} {layer = 3 : i64}
  kernel.count_rows %n {layer = 3 : i64}
  return
}

// CHECK-LABEL: func.func @row_stages
func.func @row_stages(%n: i64, %ids: !kernel.buffer<8 x 1, i32>, %r: !kernel.buffer<8 x 2, i32>,
    %table: !kernel.weight<256 x 64, bf16, rows>, %x: !kernel.buffer<8 x 64, f32>,
    %t: !kernel.buffer<8 x 16, f32>, %w: !kernel.weight<1 x 64, f32, vector>,
    %g: !kernel.weight<1 x 32, f32, vector>, %s: !kernel.weight<1 x 1, f32, vector>,
    %q: !kernel.buffer<8 x 64, q8>) {
  // CHECK: kernel.load_rows %{{.*}} outs %{{.*}} {partition = #kernel.partition<rows, 1>} : <8 x 2, i32>
  kernel.load_rows %n outs %r {partition = #kernel.partition<rows, 1>} : !kernel.buffer<8 x 2, i32>
  // CHECK: kernel.gather %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {scale = 8.000000e+00 : f32} : <8 x 1, i32>, <256 x 64, bf16, rows>, <8 x 64, f32>
  kernel.gather %n, %ids, %table outs %x {scale = 8.0 : f32}
      : !kernel.buffer<8 x 1, i32>, !kernel.weight<256 x 64, bf16, rows>, !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.rope_table %{{.*}}, %{{.*}} outs %{{.*}} {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.000000e+04 : f32} : <8 x 2, i32>, <8 x 16, f32>
  kernel.rope_table %n, %r outs %t {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32}
      : !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 16, f32>
  // CHECK: kernel.rms_norm %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {{.*}} : <8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, <8 x 64, q8>
  kernel.rms_norm %n, %x, %w outs %q {eps = 1.0e-6 : f32, group = 64 : i64}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, q8>
  // CHECK: kernel.rms_norm %{{.*}}, %{{.*}} outs %{{.*}} {{.*}} : <8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  kernel.rms_norm %n, %x outs %x {eps = 1.0e-6 : f32, group = 16 : i64}
      : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.quantize %{{.*}}, %{{.*}} outs %{{.*}} : <8 x 64, f32>, <8 x 64, q8>
  kernel.quantize %n, %x outs %q : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, q8>
  // CHECK: kernel.gelu_mul %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} : <8 x 64, f32>, <8 x 64, f32>, <8 x 64, f32>
  kernel.gelu_mul %n, %x, %x outs %x : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.adapt %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {offset = 32 : i64, rank = 1 : i64} : <8 x 64, f32>, <8 x 64, f32>, <1 x 64, f32, vector>, <1 x 32, f32, vector>, <8 x 64, f32>
  kernel.adapt %n, %x, %x, %w, %g outs %x {offset = 32 : i64, rank = 1 : i64}
      : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>,
        !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.ple_inputs %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {{.*}} : <8 x 64, f32>, <8 x 64, f32>, <1 x 32, f32, vector>, <8 x 64, f32>
  kernel.ple_inputs %n, %x, %x, %g outs %x {eps = 1.0e-6 : f32, factor = 0.5 : f32}
      : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 32, f32, vector>,
        !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.residual_norm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {eps = {{.*}} : f32} : <8 x 64, f32>, <1 x 64, f32, vector>, <8 x 64, f32> outs <8 x 64, f32>
  kernel.residual_norm %n, %x, %w, %x outs %x {eps = 1.0e-6 : f32}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32>
        outs !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.residual_norm {{.*}} scalar %{{.*}} next %{{.*}} outs %{{.*}}, %{{.*}} {{.*}} scalar !kernel.weight<1 x 1, f32, vector> next !kernel.weight<1 x 64, f32, vector> outs <8 x 64, f32>, !kernel.buffer<8 x 64, q8>
  kernel.residual_norm %n, %x, %w, %x scalar %s next %w outs %x, %q {eps = 1.0e-6 : f32}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>, !kernel.buffer<8 x 64, f32>
        scalar !kernel.weight<1 x 1, f32, vector> next !kernel.weight<1 x 64, f32, vector>
        outs !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, q8>
  return
}

// The two stages of a head.
// CHECK-LABEL: func.func @head_stages
func.func @head_stages(%n: i64, %t: !kernel.buffer<6 x 1, i32>, %x: !kernel.buffer<8 x 64, q8>,
    %c: !kernel.weight<96 x 64, int8, coarse>, %w: !kernel.weight<96 x 64, int8, tiles>,
    %y: !kernel.buffer<8 x 96, f32>) {
  // CHECK: kernel.upper_bounds %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {cap = 3.000000e+01 : f32} : <8 x 64, q8>, <96 x 64, int8, coarse>, <8 x 96, f32>
  kernel.upper_bounds %n, %x, %c outs %y {cap = 30.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<96 x 64, int8, coarse>, !kernel.buffer<8 x 96, f32>
  // CHECK: kernel.rescore %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} : <6 x 1, i32>, <8 x 64, q8>, <96 x 64, int8, tiles>, <8 x 96, f32>
  kernel.rescore %n, %t, %x, %w outs %y
      : !kernel.buffer<6 x 1, i32>, !kernel.buffer<8 x 64, q8>, !kernel.weight<96 x 64, int8, tiles>, !kernel.buffer<8 x 96, f32>
  return
}

// CHECK-LABEL: func.func @attention_stages
func.func @attention_stages(%n: i64, %qkv: !kernel.buffer<8 x 128, f32>, %y: !kernel.buffer<8 x 64, f32>,
    %w: !kernel.weight<1 x 16, f32, vector>, %t: !kernel.buffer<8 x 16, f32>, %r: !kernel.buffer<8 x 2, i32>,
    %c: !kernel.cache<2 x 16, bf16, window = 4>, %o: !kernel.buffer<8 x 64, q8>,
    %p: !kernel.buffer<8 x 2048, f32>) {
  // CHECK: kernel.prepare_q %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {eps = {{.*}}, heads = 4 : i64} : <8 x 64, f32>, <1 x 16, f32, vector>, <8 x 16, f32>, <8 x 64, f32>
  kernel.prepare_q %n, %y, %w, %t outs %y {eps = 1.0e-6 : f32, heads = 4 : i64}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>,
        !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.prepare_kv {{.*}} : <8 x 64, f32>, <1 x 16, f32, vector>, <8 x 16, f32>, <8 x 2, i32>, <2 x 16, bf16, window = 4>
  kernel.prepare_kv %n, %y, %w, %t, %r, %c {eps = 1.0e-6 : f32}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>,
        !kernel.buffer<8 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>
  // CHECK: kernel.prepare_qkv {{.*}} outs %{{.*}} {eps = {{.*}}, heads = 4 : i64} : <8 x 128, f32>
  kernel.prepare_qkv %n, %qkv, %w, %w, %t, %r, %c outs %y {eps = 1.0e-6 : f32, heads = 4 : i64}
      : !kernel.buffer<8 x 128, f32>, !kernel.weight<1 x 16, f32, vector>, !kernel.weight<1 x 16, f32, vector>,
        !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 2, i32>, !kernel.cache<2 x 16, bf16, window = 4>,
        !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.attention {{.*}} outs %{{.*}} {heads = 4 : i64, partition = #kernel.partition<heads, 1>} : <8 x 64, f32>, <2 x 16, bf16, window = 4>, <8 x 2, i32>, <8 x 64, q8>
  kernel.attention %n, %y, %c, %r outs %o {heads = 4 : i64, partition = #kernel.partition<heads, 1>}
      : !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32>,
        !kernel.buffer<8 x 64, q8>
  // CHECK: kernel.attention {{.*}} partials %{{.*}} outs %{{.*}} {heads = 4 : i64, partition = #kernel.partition<keys, 8>} : <8 x 64, f32>, <2 x 16, bf16, window = 4>, <8 x 2, i32> partials !kernel.buffer<8 x 2048, f32>, <8 x 64, f32>
  kernel.attention %n, %y, %c, %r partials %p outs %y {heads = 4 : i64, partition = #kernel.partition<keys, 8>}
      : !kernel.buffer<8 x 64, f32>, !kernel.cache<2 x 16, bf16, window = 4>, !kernel.buffer<8 x 2, i32>
        partials !kernel.buffer<8 x 2048, f32>, !kernel.buffer<8 x 64, f32>
  return
}

// CHECK-LABEL: func.func @products
func.func @products(%n: i64, %x: !kernel.buffer<8 x 64, q8>, %f: !kernel.buffer<8 x 64, f32>,
    %w: !kernel.weight<64 x 64, int4, tiles>, %p: !kernel.weight<128 x 64, int4, interleaved>,
    %b: !kernel.weight<64 x 64, bf16, tiles>) {
  // CHECK: kernel.gemv %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {scale = 1.000000e+00 : f32, tile = #kernel.tile<1 x 1>} : <8 x 64, q8>, <64 x 64, int4, tiles>, <8 x 64, f32>
  kernel.gemv %n, %x, %w outs %f {scale = 1.0 : f32, tile = #kernel.tile<1 x 1>}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<64 x 64, int4, tiles>, !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.gemm {{.*}} {epilogue = #kernel.epilogue<gelu_gate>, partition = #kernel.partition<tiles, 8>, scale
  kernel.gemm %n, %x, %p outs %x {epilogue = #kernel.epilogue<gelu_gate>, scale = 1.0 : f32,
      partition = #kernel.partition<tiles, 8>}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<128 x 64, int4, interleaved>, !kernel.buffer<8 x 64, q8>
  // CHECK: kernel.gemv {{.*}} mul %{{.*}} outs %{{.*}} {epilogue = #kernel.epilogue<gelu_mul>, scale = {{.*}} mul !kernel.buffer<8 x 64, f32>, <8 x 64, f32>
  kernel.gemv %n, %f, %b mul %f outs %f {epilogue = #kernel.epilogue<gelu_mul>, scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<64 x 64, bf16, tiles> mul !kernel.buffer<8 x 64, f32>,
        !kernel.buffer<8 x 64, f32>
  // CHECK: kernel.gemm {{.*}} {cap = 3.000000e+01 : f32, epilogue = #kernel.epilogue<softcap>
  kernel.gemm %n, %f, %b outs %f {epilogue = #kernel.epilogue<softcap>, cap = 30.0 : f32, scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, f32>, !kernel.weight<64 x 64, bf16, tiles>, !kernel.buffer<8 x 64, f32>
  return
}

// CHECK: kernel.packed @experts {experts = 8 : i64, sources = ["experts.gate_up_proj"]} : !kernel.weight<512 x 64, int4, interleaved>
kernel.packed @experts {experts = 8 : i64, sources = ["experts.gate_up_proj"]} : !kernel.weight<512 x 64, int4, interleaved>

// CHECK-LABEL: func.func @experts_stages
func.func @experts_stages(%n: i64, %l: !kernel.buffer<4 x 8, f32>, %s: !kernel.weight<1 x 8, f32, vector>,
    %w: !kernel.buffer<4 x 2, f32>, %e: !kernel.buffer<4 x 2, i32>, %g: !kernel.buffer<1 x 26, i32>,
    %z: !kernel.buffer<4 x 64, q8>, %x: !kernel.buffer<8 x 64, q8>, %up: !kernel.weight<512 x 64, int4, interleaved>,
    %a: !kernel.buffer<8 x 32, q8>, %down: !kernel.weight<512 x 32, int4, tiles>, %y: !kernel.buffer<4 x 64, f32>,
    %f: !kernel.buffer<8 x 64, f32>, %u: !kernel.buffer<8 x 64, u8>) {
  // CHECK: kernel.route %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}}, %{{.*}}, %{{.*}} : <4 x 8, f32>, <1 x 8, f32, vector>, <4 x 2, f32>, <4 x 2, i32>, <1 x 26, i32>
  kernel.route %n, %l, %s outs %w, %e, %g
      : !kernel.buffer<4 x 8, f32>, !kernel.weight<1 x 8, f32, vector>, !kernel.buffer<4 x 2, f32>,
        !kernel.buffer<4 x 2, i32>, !kernel.buffer<1 x 26, i32>
  // CHECK: kernel.group_rows %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {experts = 8 : i64} : <4 x 64, q8>, <1 x 26, i32>, <8 x 64, q8>
  kernel.group_rows %n, %z, %g outs %x {experts = 8 : i64}
      : !kernel.buffer<4 x 64, q8>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<8 x 64, q8>
  // CHECK: kernel.expert_gated %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {chosen = 2 : i64, experts = 8 : i64} : <8 x 64, q8>, <512 x 64, int4, interleaved>, <1 x 26, i32>, <8 x 32, q8>
  kernel.expert_gated %n, %x, %up, %g outs %a {chosen = 2 : i64, experts = 8 : i64}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<512 x 64, int4, interleaved>, !kernel.buffer<1 x 26, i32>,
        !kernel.buffer<8 x 32, q8>
  // CHECK: kernel.expert_quantize %{{.*}}, %{{.*}}, %{{.*}} scale %{{.*}} outs %{{.*}} {chosen = 2 : i64, experts = 8 : i64} : <4 x 64, f32>, <1 x 26, i32> scale !kernel.weight<1 x 8, f32, vector>, <8 x 64, u8>
  kernel.expert_quantize %n, %y, %g scale %s outs %u {chosen = 2 : i64, experts = 8 : i64}
      : !kernel.buffer<4 x 64, f32>, !kernel.buffer<1 x 26, i32> scale !kernel.weight<1 x 8, f32, vector>,
        !kernel.buffer<8 x 64, u8>
  // CHECK: kernel.expert_quantize %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {chosen = 2 : i64, experts = 8 : i64, grouped} : <8 x 64, f32>, <1 x 26, i32>, <8 x 64, u8>
  kernel.expert_quantize %n, %f, %g outs %u {chosen = 2 : i64, experts = 8 : i64, grouped}
      : !kernel.buffer<8 x 64, f32>, !kernel.buffer<1 x 26, i32>, !kernel.buffer<8 x 64, u8>
  // CHECK: kernel.expert_sum %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} outs %{{.*}} {experts = 8 : i64} : <8 x 32, q8>, <512 x 32, int4, tiles>, <1 x 26, i32>, <4 x 2, f32>, <4 x 64, f32>
  kernel.expert_sum %n, %a, %down, %g, %w outs %y {experts = 8 : i64}
      : !kernel.buffer<8 x 32, q8>, !kernel.weight<512 x 32, int4, tiles>, !kernel.buffer<1 x 26, i32>,
        !kernel.buffer<4 x 2, f32>, !kernel.buffer<4 x 64, f32>
  return
}
