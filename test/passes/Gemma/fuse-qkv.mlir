// RUN: gemcut-opt %s -gemma-fuse-qkv | FileCheck %s

gemma.weight @q : tensor<64x32xf32>
gemma.weight @k : tensor<32x32xf32>
gemma.weight @v : tensor<32x32xf32>
gemma.weight @n : tensor<16xf32>
gemma.weight @k8 : tensor<8x32xf32>
gemma.weight @n8 : tensor<8xf32>

// Roles come from the readers, not from names or order: q, k, v.
// CHECK-LABEL: func.func @own_kv
// CHECK-DAG: %[[WQ:.*]] = gemma.get_weight @q
// CHECK-DAG: %[[WK:.*]] = gemma.get_weight @k
// CHECK-DAG: %[[WV:.*]] = gemma.get_weight @v
// CHECK: %[[Y:.*]] = gemma.linear %{{.*}}, [%[[WQ]], %[[WK]], %[[WV]]] {gemma.layer = 0 : i64, scale = 1.000000e+00 : f32}
// CHECK-SAME: -> tensor<?x128xf32>
// CHECK-NEXT: %[[Q:.*]] = gemma.slice %[[Y]] {gemma.layer = 0 : i64, offset = 0 : i64} : tensor<?x128xf32> -> tensor<?x64xf32>
// CHECK-NEXT: %[[K:.*]] = gemma.slice %[[Y]] {gemma.layer = 0 : i64, offset = 64 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
// CHECK-NEXT: %[[V:.*]] = gemma.slice %[[Y]] {gemma.layer = 0 : i64, offset = 96 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
// CHECK-NOT: gemma.linear
// CHECK: gemma.rms_norm %[[V]] {
// CHECK: gemma.rms_norm %[[K]], %
// CHECK: gemma.rms_norm %[[Q]], %
func.func @own_kv(%h: tensor<?x32xf32>, %t: tensor<?x16xf32>, %p: tensor<?xi64>,
    %kv: !gemma.kv<2 x 16>) -> tensor<?x64xf32> {
  %n = gemma.get_weight @n : tensor<16xf32>
  %wv = gemma.get_weight @v : tensor<32x32xf32>
  %v = gemma.linear %h, [%wv] {scale = 1.0 : f32, gemma.layer = 0 : i64}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %vn = gemma.rms_norm %v {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %wk = gemma.get_weight @k : tensor<32x32xf32>
  %k = gemma.linear %h, [%wk] {scale = 1.0 : f32, gemma.layer = 0 : i64}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %kn = gemma.rms_norm %k, %n {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  %wq = gemma.get_weight @q : tensor<64x32xf32>
  %q = gemma.linear %h, [%wq] {scale = 1.0 : f32, gemma.layer = 0 : i64}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %qn = gemma.rms_norm %q, %n {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x64xf32>, tensor<16xf32> -> tensor<?x64xf32>
  %qr = gemma.rope %qn, %t {head_dim = 16 : i64}
      : tensor<?x64xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  %a = gemma.attention %qr, %s, %p {heads = 4 : i64}
      : tensor<?x64xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x64xf32>
  return %a : tensor<?x64xf32>
}

// Where q is of the last row only, it stays alone. Gate and up stay too, though
// they read one input.
// CHECK-LABEL: func.func @last_row_query
// CHECK: gemma.linear %{{.*}}, [%{{.*}}] {{.*}} -> tensor<1x64xf32>
// CHECK: %[[Y:.*]] = gemma.linear %{{.*}}, [%{{.*}}, %{{.*}}] {{.*}} -> tensor<?x64xf32>
// CHECK-NEXT: gemma.slice %[[Y]] {offset = 0 : i64}
// CHECK-NEXT: gemma.slice %[[Y]] {offset = 32 : i64}
// CHECK: %[[G:.*]] = gemma.linear %{{.*}}, [%{{[a-z0-9_]*}}]
// CHECK: %[[U:.*]] = gemma.linear %{{.*}}, [%{{[a-z0-9_]*}}]
// CHECK: gemma.gelu_mul %[[G]], %[[U]]
func.func @last_row_query(%h: tensor<?x32xf32>, %h1: tensor<1x32xf32>,
    %t: tensor<?x16xf32>, %t1: tensor<1x16xf32>, %p: tensor<?xi64>,
    %p1: tensor<1xi64>, %kv: !gemma.kv<2 x 16>) -> (tensor<1x64xf32>, tensor<?x32xf32>) {
  %n = gemma.get_weight @n : tensor<16xf32>
  %wq = gemma.get_weight @q : tensor<64x32xf32>
  %wk = gemma.get_weight @k : tensor<32x32xf32>
  %wv = gemma.get_weight @v : tensor<32x32xf32>
  %q = gemma.linear %h1, [%wq] {scale = 1.0 : f32}
      : tensor<1x32xf32>, [tensor<64x32xf32>] -> tensor<1x64xf32>
  %qn = gemma.rms_norm %q, %n {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<1x64xf32>, tensor<16xf32> -> tensor<1x64xf32>
  %qr = gemma.rope %qn, %t1 {head_dim = 16 : i64}
      : tensor<1x64xf32>, tensor<1x16xf32> -> tensor<1x64xf32>
  %k = gemma.linear %h, [%wk] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %v = gemma.linear %h, [%wv] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %kn = gemma.rms_norm %k, %n {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %vn = gemma.rms_norm %v {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  %a = gemma.attention %qr, %s, %p1 {heads = 4 : i64}
      : tensor<1x64xf32>, !gemma.kv<2 x 16>, tensor<1xi64> -> tensor<1x64xf32>
  %g = gemma.linear %h, [%wk] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %u = gemma.linear %h, [%wv] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %m = gemma.gelu_mul %g, %u : tensor<?x32xf32>
  return %a, %m : tensor<1x64xf32>, tensor<?x32xf32>
}

// Where v is the raw k, q and k are one product, and both norms read its k.
// CHECK-LABEL: func.func @raw_key_as_value
// CHECK: %[[Y:.*]] = gemma.linear %{{.*}}, [%{{[a-z0-9_]*}}, %{{[a-z0-9_]*}}] {{.*}} -> tensor<?x96xf32>
// CHECK-NEXT: %[[Q:.*]] = gemma.slice %[[Y]] {offset = 0 : i64}
// CHECK-NEXT: %[[K:.*]] = gemma.slice %[[Y]] {offset = 64 : i64}
// CHECK-NOT: gemma.linear
// CHECK: gemma.rms_norm %[[K]], %
// CHECK: gemma.rms_norm %[[K]] {
func.func @raw_key_as_value(%h: tensor<?x32xf32>, %t: tensor<?x16xf32>, %p: tensor<?xi64>,
    %kv: !gemma.kv<2 x 16>) -> tensor<?x64xf32> {
  %n = gemma.get_weight @n : tensor<16xf32>
  %wq = gemma.get_weight @q : tensor<64x32xf32>
  %wk = gemma.get_weight @k : tensor<32x32xf32>
  %q = gemma.linear %h, [%wq] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32>
  %qn = gemma.rms_norm %q, %n {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x64xf32>, tensor<16xf32> -> tensor<?x64xf32>
  %qr = gemma.rope %qn, %t {head_dim = 16 : i64}
      : tensor<?x64xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  %k = gemma.linear %h, [%wk] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %kn = gemma.rms_norm %k, %n {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %vn = gemma.rms_norm %k {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  %a = gemma.attention %qr, %s, %p {heads = 4 : i64}
      : tensor<?x64xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x64xf32>
  return %a : tensor<?x64xf32>
}

// Without the query there is nothing to join.
// CHECK-LABEL: func.func @raw_key_alone
// CHECK-NOT: gemma.slice
// CHECK: return
func.func @raw_key_alone(%h: tensor<?x32xf32>, %t: tensor<?x16xf32>, %p: tensor<?xi64>,
    %kv: !gemma.kv<2 x 16>) -> !gemma.kv<2 x 16> {
  %n = gemma.get_weight @n : tensor<16xf32>
  %wk = gemma.get_weight @k : tensor<32x32xf32>
  %k = gemma.linear %h, [%wk] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %kn = gemma.rms_norm %k, %n {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %vn = gemma.rms_norm %k {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return %s : !gemma.kv<2 x 16>
}

// Values that are stored without a norm.
// CHECK-LABEL: func.func @raw_values
// CHECK: %[[Y:.*]] = gemma.linear %{{.*}}, [%{{[a-z0-9_]*}}, %{{[a-z0-9_]*}}]
// CHECK-NEXT: %[[K:.*]] = gemma.slice %[[Y]] {offset = 0 : i64}
// CHECK-NEXT: %[[V:.*]] = gemma.slice %[[Y]] {offset = 32 : i64}
// CHECK: gemma.kv_write %{{.*}}, %[[V]]
func.func @raw_values(%h: tensor<?x32xf32>, %t: tensor<?x16xf32>, %p: tensor<?xi64>,
    %kv: !gemma.kv<2 x 16>) -> !gemma.kv<2 x 16> {
  %n = gemma.get_weight @n : tensor<16xf32>
  %wk = gemma.get_weight @k : tensor<32x32xf32>
  %wv = gemma.get_weight @v : tensor<32x32xf32>
  %k = gemma.linear %h, [%wk] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %kn = gemma.rms_norm %k, %n {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %v = gemma.linear %h, [%wv] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<32x32xf32>] -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %v, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return %s : !gemma.kv<2 x 16>
}

// Eight output rows do not fill a tile.
// CHECK-LABEL: func.func @partial_tile
// CHECK: gemma.linear
// CHECK: gemma.linear
// CHECK-NOT: gemma.slice
func.func @partial_tile(%h: tensor<?x32xf32>, %t: tensor<?x8xf32>, %p: tensor<?xi64>,
    %kv: !gemma.kv<1 x 8>) -> !gemma.kv<1 x 8> {
  %n = gemma.get_weight @n8 : tensor<8xf32>
  %w = gemma.get_weight @k8 : tensor<8x32xf32>
  %k = gemma.linear %h, [%w] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<8x32xf32>] -> tensor<?x8xf32>
  %kn = gemma.rms_norm %k, %n {eps = 1.0e-6 : f32, group = 8 : i64}
      : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %kr = gemma.rope %kn, %t {head_dim = 8 : i64}
      : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %v = gemma.linear %h, [%w] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<8x32xf32>] -> tensor<?x8xf32>
  %vn = gemma.rms_norm %v {eps = 1.0e-6 : f32, group = 8 : i64}
      : tensor<?x8xf32> -> tensor<?x8xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi64>, !gemma.kv<1 x 8>
  return %s : !gemma.kv<1 x 8>
}
