// RUN: gemcut-opt %s -gemma-fuse-prepare-qkv | FileCheck %s

// CHECK-LABEL: func.func @qkv
// CHECK-SAME: (%[[Y:.*]]: tensor<?x128xf32>, %[[QN:.*]]: tensor<16xf32>, %[[KN:.*]]: tensor<16xf32>, %[[T:.*]]: tensor<?x16xf32>, %[[P:.*]]: tensor<?xi64>, %[[KV:.*]]: !gemma.kv
// CHECK-NEXT: %[[Q:.*]], %[[S:.*]] = gemma.prepare_qkv %[[Y]], %[[QN]], %[[KN]], %[[T]], %[[P]], %[[KV]]
// CHECK-SAME: {eps = {{.*}} : f32, gemma.layer = 5 : i64, heads = 4 : i64}
// CHECK-NEXT: gemma.attention %[[Q]], %[[S]]
func.func @qkv(%y: tensor<?x128xf32>, %qw: tensor<16xf32>, %kw: tensor<16xf32>,
    %t: tensor<?x16xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) -> tensor<?x64xf32> {
  %q = gemma.slice %y {offset = 0 : i64} : tensor<?x128xf32> -> tensor<?x64xf32>
  %k = gemma.slice %y {offset = 64 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
  %v = gemma.slice %y {offset = 96 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
  %qn = gemma.rms_norm %q, %qw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x64xf32>, tensor<16xf32> -> tensor<?x64xf32>
  %qr = gemma.rope %qn, %t {head_dim = 16 : i64}
      : tensor<?x64xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  %kn = gemma.rms_norm %k, %kw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %vn = gemma.rms_norm %v {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv {gemma.layer = 5 : i64}
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  %a = gemma.attention %qr, %s, %p {heads = 4 : i64}
      : tensor<?x64xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x64xf32>
  return %a : tensor<?x64xf32>
}

// Values that are stored without a norm.
// CHECK-LABEL: func.func @raw_values
// CHECK-SAME: (%[[Y:.*]]: tensor<?x128xf32>, %[[QN:.*]]: tensor<16xf32>, %[[KN:.*]]: tensor<16xf32>, %[[T:.*]]: tensor<?x16xf32>, %[[P:.*]]: tensor<?xi64>, %[[KV:.*]]: !gemma.kv
// CHECK-NEXT: %[[Q:.*]], %[[S:.*]] = gemma.prepare_qkv %[[Y]], %[[QN]], %[[KN]], %[[T]], %[[P]], %[[KV]]
// CHECK-SAME: {eps = {{.*}} : f32, gemma.layer = 5 : i64, heads = 4 : i64, raw_values}
// CHECK-NEXT: gemma.attention %[[Q]], %[[S]]
func.func @raw_values(%y: tensor<?x128xf32>, %qw: tensor<16xf32>, %kw: tensor<16xf32>,
    %t: tensor<?x16xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) -> tensor<?x64xf32> {
  %q = gemma.slice %y {offset = 0 : i64} : tensor<?x128xf32> -> tensor<?x64xf32>
  %k = gemma.slice %y {offset = 64 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
  %v = gemma.slice %y {offset = 96 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
  %qn = gemma.rms_norm %q, %qw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x64xf32>, tensor<16xf32> -> tensor<?x64xf32>
  %qr = gemma.rope %qn, %t {head_dim = 16 : i64}
      : tensor<?x64xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  %kn = gemma.rms_norm %k, %kw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %v, %p, %kv {gemma.layer = 5 : i64}
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  %a = gemma.attention %qr, %s, %p {heads = 4 : i64}
      : tensor<?x64xf32>, !gemma.kv<2 x 16>, tensor<?xi64> -> tensor<?x64xf32>
  return %a : tensor<?x64xf32>
}

// The query of the last row comes from its own projection.
// CHECK-LABEL: func.func @kv_and_q
// CHECK-DAG: %[[S:.*]] = gemma.prepare_kv %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {eps
// CHECK-DAG: %[[Q:.*]] = gemma.prepare_q %{{.*}}, %{{.*}}, %{{.*}} {eps {{.*}}tensor<1x64xf32>
// CHECK: gemma.attention %[[Q]], %[[S]]
func.func @kv_and_q(%y: tensor<?x64xf32>, %q: tensor<1x64xf32>, %qw: tensor<16xf32>,
    %kw: tensor<16xf32>, %t: tensor<?x16xf32>, %t1: tensor<1x16xf32>, %p: tensor<?xi64>,
    %p1: tensor<1xi64>, %kv: !gemma.kv<2 x 16>) -> tensor<1x64xf32> {
  %qn = gemma.rms_norm %q, %qw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<1x64xf32>, tensor<16xf32> -> tensor<1x64xf32>
  %qr = gemma.rope %qn, %t1 {head_dim = 16 : i64}
      : tensor<1x64xf32>, tensor<1x16xf32> -> tensor<1x64xf32>
  %k = gemma.slice %y {offset = 0 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %v = gemma.slice %y {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %kn = gemma.rms_norm %k, %kw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %vn = gemma.rms_norm %v {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  %a = gemma.attention %qr, %s, %p1 {heads = 4 : i64}
      : tensor<1x64xf32>, !gemma.kv<2 x 16>, tensor<1xi64> -> tensor<1x64xf32>
  return %a : tensor<1x64xf32>
}

// v is k: there are no columns of its own.
// CHECK-LABEL: func.func @raw_key_as_value
// CHECK-SAME: (%[[Y:.*]]: tensor<?x96xf32>, %[[QN:.*]]: tensor<16xf32>, %[[KN:.*]]: tensor<16xf32>, %[[T:.*]]: tensor<?x16xf32>, %[[P:.*]]: tensor<?xi64>, %[[KV:.*]]: !gemma.kv
// CHECK-NEXT: %[[Q:.*]], %[[S:.*]] = gemma.prepare_qkv %[[Y]], %[[QN]], %[[KN]], %[[T]], %[[P]], %[[KV]]
// CHECK-NEXT: gemma.attention %[[Q]], %[[S]]
func.func @raw_key_as_value(%y: tensor<?x96xf32>, %qw: tensor<16xf32>, %kw: tensor<16xf32>,
    %t: tensor<?x16xf32>, %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) -> tensor<?x64xf32> {
  %q = gemma.slice %y {offset = 0 : i64} : tensor<?x96xf32> -> tensor<?x64xf32>
  %k = gemma.slice %y {offset = 64 : i64} : tensor<?x96xf32> -> tensor<?x32xf32>
  %qn = gemma.rms_norm %q, %qw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x64xf32>, tensor<16xf32> -> tensor<?x64xf32>
  %qr = gemma.rope %qn, %t {head_dim = 16 : i64}
      : tensor<?x64xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  %kn = gemma.rms_norm %k, %kw {eps = 1.0e-6 : f32, group = 16 : i64}
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

// The same without the query: the projection itself is read.
// CHECK-LABEL: func.func @raw_key_alone
// CHECK-SAME: (%[[K:.*]]: tensor<?x32xf32>,
// CHECK-NEXT: %[[S:.*]] = gemma.prepare_kv %[[K]],
// CHECK-NEXT: return %[[S]]
func.func @raw_key_alone(%k: tensor<?x32xf32>, %kw: tensor<16xf32>, %t: tensor<?x16xf32>,
    %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) -> !gemma.kv<2 x 16> {
  %kn = gemma.rms_norm %k, %kw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %vn = gemma.rms_norm %k {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return %s : !gemma.kv<2 x 16>
}

// k and v in the wrong order: not the layout that prepare_kv reads.
// CHECK-LABEL: func.func @swapped
// CHECK-NOT: gemma.prepare
// CHECK: gemma.kv_write
func.func @swapped(%y: tensor<?x64xf32>, %kw: tensor<16xf32>, %t: tensor<?x16xf32>,
    %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) -> !gemma.kv<2 x 16> {
  %v = gemma.slice %y {offset = 0 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %k = gemma.slice %y {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %kn = gemma.rms_norm %k, %kw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %vn = gemma.rms_norm %v {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return %s : !gemma.kv<2 x 16>
}

// prepare_kv has one eps.
// CHECK-LABEL: func.func @two_eps
// CHECK-NOT: gemma.prepare
// CHECK: gemma.kv_write
func.func @two_eps(%y: tensor<?x64xf32>, %kw: tensor<16xf32>, %t: tensor<?x16xf32>,
    %p: tensor<?xi64>, %kv: !gemma.kv<2 x 16>) -> !gemma.kv<2 x 16> {
  %k = gemma.slice %y {offset = 0 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %v = gemma.slice %y {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %kn = gemma.rms_norm %k, %kw {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x32xf32>, tensor<16xf32> -> tensor<?x32xf32>
  %kr = gemma.rope %kn, %t {head_dim = 16 : i64}
      : tensor<?x32xf32>, tensor<?x16xf32> -> tensor<?x32xf32>
  %vn = gemma.rms_norm %v {eps = 1.0e-5 : f32, group = 16 : i64}
      : tensor<?x32xf32> -> tensor<?x32xf32>
  %s = gemma.kv_write %kr, %vn, %p, %kv
      : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
  return %s : !gemma.kv<2 x 16>
}
