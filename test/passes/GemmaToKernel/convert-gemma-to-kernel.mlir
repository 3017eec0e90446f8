// RUN: gemcut-opt %s -gemma-convert-to-kernel="kv=bf16 context=100" | FileCheck %s

// A model of two layers: layer 0 owns its cache and projects q, k and v at once;
// layer 1 shares it. The table of token embeddings is also the head.

gemma.weight @embed {format = #gemma.format<int4>} : tensor<256x64xbf16>
gemma.weight @ple_table {format = #gemma.format<int8>} : tensor<256x64xbf16>
gemma.weight @ple_proj {format = #gemma.format<bf16>} : tensor<64x64xbf16>
gemma.weight @ple_norm : tensor<32xbf16>
gemma.weight @norm : tensor<64xbf16>
gemma.weight @l0.in_norm : tensor<64xbf16>
gemma.weight @l0.post_norm : tensor<64xbf16>
gemma.weight @l0.ffn_norm : tensor<64xbf16>
gemma.weight @l0.ffn_post_norm : tensor<64xbf16>
gemma.weight @l0.scalar : tensor<1xbf16>
gemma.weight @l0.q_norm : tensor<16xbf16>
gemma.weight @l0.k_norm : tensor<16xbf16>
gemma.weight @l0.q_proj.weight {format = #gemma.format<int4>} : tensor<64x64xbf16>
gemma.weight @l0.k_proj.weight {format = #gemma.format<int4>} : tensor<32x64xbf16>
gemma.weight @l0.v_proj.weight {format = #gemma.format<int4>} : tensor<32x64xbf16>
gemma.weight @l0.o_proj.weight {format = #gemma.format<int4>} : tensor<64x64xbf16>
gemma.weight @l0.gate_proj.weight {format = #gemma.format<int4>} : tensor<96x64xbf16>
gemma.weight @l0.up_proj.weight {format = #gemma.format<int4>} : tensor<96x64xbf16>
gemma.weight @l0.down_proj.weight {format = #gemma.format<int4>} : tensor<64x96xbf16>
gemma.weight @l1.q_norm : tensor<16xbf16>
gemma.weight @l1.q_proj.weight {format = #gemma.format<int8>} : tensor<64x64xbf16>
gemma.weight @l1.mod.weight {format = #gemma.format<bf16>} : tensor<32x64xbf16>
gemma.weight @l1.back.weight {format = #gemma.format<bf16>} : tensor<64x32xbf16>
gemma.weight @unused : tensor<4x4xbf16>
gemma.kv_cache @kv.0 : !gemma.kv<2 x 16, window = 4>

// Packed tensors in order of use; a dead weight is not among them.
// CHECK: module attributes {kernel.context = 100 : i64}
// CHECK-DAG: kernel.packed @embed {sources = ["embed"]} : !kernel.weight<256 x 64, int4, tiles>
// CHECK-DAG: kernel.packed @ple_table {sources = ["ple_table"]} : !kernel.weight<256 x 64, int8, rows>
// CHECK-DAG: kernel.packed @l0.in_norm {sources = ["l0.in_norm"]} : !kernel.weight<1 x 64, f32, vector>
// CHECK-DAG: kernel.packed @l0.gate_up_proj.weight {sources = ["l0.gate_proj.weight", "l0.up_proj.weight"]} : !kernel.weight<192 x 64, int4, interleaved>
// CHECK-NOT: unused
// CHECK: kernel.cache @kv.0 : !kernel.cache<2 x 16, bf16, window = 4>

// CHECK-LABEL: func.func @decode
// CHECK-SAME: (%[[ROWS:.*]]: i64, %[[IDS:.*]]: !kernel.buffer<8 x 1, i32>, %[[LOGITS:.*]]: !kernel.buffer<8 x 256, f32>)
// CHECK-SAME: attributes {kernel.entry = "decode"}
// CHECK-NEXT: %[[PAIRS:.*]] = kernel.alloc : <8 x 2, i32>
// CHECK-NEXT: kernel.load_rows %[[ROWS]] outs %[[PAIRS]]
// CHECK: %[[X:.*]] = kernel.alloc : <8 x 64, f32>
// CHECK-NEXT: kernel.gather %[[ROWS]], %[[IDS]], %{{.*}} outs %[[X]] {scale = 8.000000e+00 : f32}
// CHECK-SAME: <256 x 64, int4, tiles>
// CHECK: kernel.gather {{.*}}<256 x 64, int8, rows>
// CHECK: kernel.ple_inputs
// CHECK: kernel.rope_table %[[ROWS]], %[[PAIRS]]
// CHECK: %[[KV:.*]] = kernel.cache_address @kv.0 : <2 x 16, bf16, window = 4>
// CHECK: %[[QKV:.*]] = kernel.weight_address [@l0.q_proj.weight, @l0.k_proj.weight, @l0.v_proj.weight] : <128 x 64, int4, tiles>
// CHECK: kernel.count_rows %[[ROWS]] {layer = 0 : i64}
// CHECK-NEXT: call @own(%[[ROWS]], {{.*}}%[[PAIRS]], %[[KV]], {{.*}}%[[QKV]]
// CHECK: %[[PLE1:.*]] = kernel.columns %{{.*}} {offset = 32 : i64} : <8 x 64, f32> -> <8 x 32, f32, stride = 256>
// CHECK: kernel.count_rows %[[ROWS]] {layer = 1 : i64}
// CHECK-NEXT: call @shared(%[[ROWS]], {{.*}}%[[PLE1]]{{.*}}%[[KV]]
// CHECK: kernel.gemv {{.*}} outs %[[LOGITS]] {cap = 3.000000e+01 : f32, epilogue = #kernel.epilogue<softcap>
// CHECK-SAME: <8 x 64, q8>
// CHECK-NEXT: return
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x256xf32>
    attributes {gemma.entry = "decode", gemma.max_rows = 8 : i64} {
  %embed = gemma.get_weight @embed : tensor<256x64xbf16>
  %x0 = gemma.embed %ids, %embed {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  %table = gemma.get_weight @ple_table : tensor<256x64xbf16>
  %tok = gemma.embed %ids, %table {scale = 5.65685415 : f32}
      : tensor<?xi32>, tensor<256x64xbf16> -> tensor<?x64xf32>
  %proj = gemma.get_weight @ple_proj : tensor<64x64xbf16>
  %ctx = gemma.linear %x0, [%proj] {scale = 0.125 : f32}
      : tensor<?x64xf32>, [tensor<64x64xbf16>] -> tensor<?x64xf32>
  %pn = gemma.get_weight @ple_norm : tensor<32xbf16>
  %ple = gemma.ple_inputs %ctx, %tok, %pn {eps = 1.0e-6 : f32, factor = 0.70710678 : f32}
      : tensor<?x64xf32>, tensor<32xbf16>
  %t = gemma.rope_table %positions {head_dim = 16 : i64, pairs = 8 : i64, theta = 1.0e4 : f32}
      : tensor<?xi64> -> tensor<?x16xf32>
  %kv0 = gemma.get_cache @kv.0 : !gemma.kv<2 x 16, window = 4>
  %in = gemma.get_weight @l0.in_norm : tensor<64xbf16>
  %h0 = gemma.rms_norm %x0, %in {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xbf16> -> tensor<?x64x!gemma.q8>
  %wq = gemma.get_weight @l0.q_proj.weight : tensor<64x64xbf16>
  %wk = gemma.get_weight @l0.k_proj.weight : tensor<32x64xbf16>
  %wv = gemma.get_weight @l0.v_proj.weight : tensor<32x64xbf16>
  %wo = gemma.get_weight @l0.o_proj.weight : tensor<64x64xbf16>
  %wg = gemma.get_weight @l0.gate_proj.weight : tensor<96x64xbf16>
  %wu = gemma.get_weight @l0.up_proj.weight : tensor<96x64xbf16>
  %wd = gemma.get_weight @l0.down_proj.weight : tensor<64x96xbf16>
  %qn = gemma.get_weight @l0.q_norm : tensor<16xbf16>
  %kn = gemma.get_weight @l0.k_norm : tensor<16xbf16>
  %post = gemma.get_weight @l0.post_norm : tensor<64xbf16>
  %fn = gemma.get_weight @l0.ffn_norm : tensor<64xbf16>
  %fp = gemma.get_weight @l0.ffn_post_norm : tensor<64xbf16>
  %s = gemma.get_weight @l0.scalar : tensor<1xbf16>
  %x1, %kv1 = func.call @own(%x0, %h0, %t, %positions, %kv0, %wq, %wk, %wv, %qn, %kn, %wo,
                             %post, %fn, %wg, %wu, %wd, %fp, %s) {gemma.layer = 0 : i64}
      : (tensor<?x64xf32>, tensor<?x64x!gemma.q8>, tensor<?x16xf32>, tensor<?xi64>,
         !gemma.kv<2 x 16, window = 4>, tensor<64x64xbf16>, tensor<32x64xbf16>,
         tensor<32x64xbf16>, tensor<16xbf16>, tensor<16xbf16>, tensor<64x64xbf16>,
         tensor<64xbf16>, tensor<64xbf16>, tensor<96x64xbf16>, tensor<96x64xbf16>,
         tensor<64x96xbf16>, tensor<64xbf16>, tensor<1xbf16>)
      -> (tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>)
  %p1 = gemma.slice %ple {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %wq1 = gemma.get_weight @l1.q_proj.weight : tensor<64x64xbf16>
  %qn1 = gemma.get_weight @l1.q_norm : tensor<16xbf16>
  %wm1 = gemma.get_weight @l1.mod.weight : tensor<32x64xbf16>
  %wb1 = gemma.get_weight @l1.back.weight : tensor<64x32xbf16>
  %x2 = func.call @shared(%x1, %p1, %t, %positions, %kv1, %wq1, %qn1, %wm1, %wb1)
      {gemma.layer = 1 : i64}
      : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>, tensor<?xi64>,
         !gemma.kv<2 x 16, window = 4>, tensor<64x64xbf16>, tensor<16xbf16>,
         tensor<32x64xbf16>, tensor<64x32xbf16>) -> tensor<?x64xf32>
  %n = gemma.get_weight @norm : tensor<64xbf16>
  %h = gemma.rms_norm %x2, %n {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xbf16> -> tensor<?x64x!gemma.q8>
  %logits = gemma.linear %h, [%embed] {scale = 1.0 : f32, cap = 30.0 : f32}
      : tensor<?x64x!gemma.q8>, [tensor<256x64xbf16>] -> tensor<?x256xf32>
  return %logits : tensor<?x256xf32>
}

// Entries come in order, layers where they are first called. The function has
// one weight operand for q, k and v, one for gate and up, and writes its result.
// CHECK-LABEL: func.func private @own(
// CHECK-SAME: %[[N:arg[0-9]+]]: i64, %[[RES:[a-z0-9]+]]: !kernel.buffer<8 x 64, f32>, %[[IN:[a-z0-9]+]]: !kernel.buffer<8 x 64, q8>
// CHECK-SAME: %[[P:[a-z0-9]+]]: !kernel.buffer<8 x 2, i32>, %[[C:[a-z0-9]+]]: !kernel.cache<2 x 16, bf16, window = 4>
// CHECK-SAME: %[[WQKV:[a-z0-9]+]]: !kernel.weight<128 x 64, int4, tiles>
// CHECK-SAME: %[[WGU:[a-z0-9]+]]: !kernel.weight<192 x 64, int4, interleaved>
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: !kernel.buffer<8 x 64, f32>) {
// CHECK: %[[Y:.*]] = kernel.alloc : <8 x 128, f32>
// CHECK-NEXT: kernel.gemv %[[N]], %[[IN]], %[[WQKV]] outs %[[Y]]
// CHECK: %[[Q:.*]] = kernel.alloc
// CHECK-NEXT: kernel.prepare_qkv %[[N]], %[[Y]], %{{.*}}, %{{.*}}, %{{.*}}, %[[P]], %[[C]] outs %[[Q]]
// CHECK: kernel.attention %[[N]], %[[Q]], %[[C]], %[[P]] outs
// CHECK: kernel.residual_norm {{.*}} next
// CHECK: kernel.gemv %[[N]], %{{.*}}, %[[WGU]] outs %{{.*}} {epilogue = #kernel.epilogue<gelu_gate>
// CHECK: kernel.residual_norm {{.*}} scalar {{.*}} outs %[[OUT]]
// CHECK-NEXT: return
func.func private @own(%x: tensor<?x64xf32>, %h: tensor<?x64x!gemma.q8>, %t: tensor<?x16xf32>,
    %positions: tensor<?xi64>, %kv: !gemma.kv<2 x 16, window = 4>,
    %wq: tensor<64x64xbf16>, %wk: tensor<32x64xbf16>, %wv: tensor<32x64xbf16>,
    %qn: tensor<16xbf16>, %kn: tensor<16xbf16>, %wo: tensor<64x64xbf16>,
    %post: tensor<64xbf16>, %fn: tensor<64xbf16>, %wg: tensor<96x64xbf16>,
    %wu: tensor<96x64xbf16>, %wd: tensor<64x96xbf16>, %fp: tensor<64xbf16>,
    %s: tensor<1xbf16>) -> (tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>) {
  %qkv = gemma.linear %h, [%wq, %wk, %wv] {scale = 1.0 : f32}
      : tensor<?x64x!gemma.q8>, [tensor<64x64xbf16>, tensor<32x64xbf16>, tensor<32x64xbf16>]
      -> tensor<?x128xf32>
  %q, %kv1 = gemma.prepare_qkv %qkv, %qn, %kn, %t, %positions, %kv {eps = 1.0e-6 : f32, heads = 4 : i64}
      : tensor<?x128xf32>, tensor<16xbf16>, tensor<16xbf16>, tensor<?x16xf32>,
        tensor<?xi64>, !gemma.kv<2 x 16, window = 4> -> tensor<?x64xf32>
  %o = gemma.attention %q, %kv1, %positions {heads = 4 : i64}
      : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>, tensor<?xi64> -> tensor<?x64x!gemma.q8>
  %y = gemma.linear %o, [%wo] {scale = 1.0 : f32}
      : tensor<?x64x!gemma.q8>, [tensor<64x64xbf16>] -> tensor<?x64xf32>
  %x1, %h1 = gemma.residual_norm %y, %post, %x next %fn {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<64xbf16> next tensor<64xbf16>
      -> tensor<?x64xf32>, tensor<?x64x!gemma.q8>
  %g = gemma.gated_linear %h1, %wg, %wu
      : tensor<?x64x!gemma.q8>, tensor<96x64xbf16>, tensor<96x64xbf16> -> tensor<?x96x!gemma.q8>
  %d = gemma.linear %g, [%wd] {scale = 1.0 : f32}
      : tensor<?x96x!gemma.q8>, [tensor<64x96xbf16>] -> tensor<?x64xf32>
  %x2 = gemma.residual_norm %d, %fp, %x1 scalar %s {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<64xbf16> scalar tensor<1xbf16> -> tensor<?x64xf32>
  return %x2, %kv1 : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>
}

// CHECK-LABEL: func.func private @shared(
// CHECK-SAME: %[[N:arg[0-9]+]]: i64
// CHECK: kernel.quantize
// CHECK: kernel.gemv {{.*}}<64 x 64, int8, tiles>
// CHECK: kernel.prepare_q {{.*}} {eps = {{.*}}, heads = 4 : i64}
// CHECK: kernel.attention
// CHECK: kernel.gemv {{.*}} mul {{.*}} {epilogue = #kernel.epilogue<gelu_mul>
// CHECK-SAME: mul !kernel.buffer<8 x 32, f32, stride = 256>
// CHECK: kernel.gemv
func.func private @shared(%x: tensor<?x64xf32>, %p: tensor<?x32xf32>, %t: tensor<?x16xf32>,
    %positions: tensor<?xi64>, %kv: !gemma.kv<2 x 16, window = 4>, %wq: tensor<64x64xbf16>,
    %qn: tensor<16xbf16>, %wm: tensor<32x64xbf16>, %wb: tensor<64x32xbf16>) -> tensor<?x64xf32> {
  %h = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  %q = gemma.linear %h, [%wq] {scale = 1.0 : f32}
      : tensor<?x64x!gemma.q8>, [tensor<64x64xbf16>] -> tensor<?x64xf32>
  %q1 = gemma.prepare_q %q, %qn, %t {eps = 1.0e-6 : f32}
      : tensor<?x64xf32>, tensor<16xbf16>, tensor<?x16xf32> -> tensor<?x64xf32>
  %o = gemma.attention %q1, %kv, %positions {heads = 4 : i64}
      : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>, tensor<?xi64> -> tensor<?x64xf32>
  %m = gemma.modulated_linear %o, %wm, %p
      : tensor<?x64xf32>, tensor<32x64xbf16>, tensor<?x32xf32> -> tensor<?x32xf32>
  %y = gemma.linear %m, [%wb] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<64x32xbf16>] -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
