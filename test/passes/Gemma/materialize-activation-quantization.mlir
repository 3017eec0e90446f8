// RUN: gemcut-opt %s -split-input-file -gemma-materialize-activation-quantization -verify-diagnostics | FileCheck %s

gemma.weight @a {format = #gemma.format<int4>} : tensor<32x64xf32>
gemma.weight @b {format = #gemma.format<int4>} : tensor<32x64xf32>
gemma.weight @c {format = #gemma.format<int8>} : tensor<32x64xf32>
gemma.weight @d {format = #gemma.format<bf16>} : tensor<32x64xf32>

// One quantize for all products that read a value, whatever their format; products
// with other weights read the value itself.
// CHECK-LABEL: func.func @share
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x64xf32>
// CHECK: %[[Q:.*]] = gemma.quantize %[[X]] : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
// CHECK-NOT: gemma.quantize
// CHECK: gemma.linear %[[Q]], [%{{.*}}, %{{.*}}]
// CHECK: gemma.gated_linear %[[Q]]
// CHECK: gemma.modulated_linear %[[Q]]
// CHECK: gemma.linear %[[X]], [%{{.*}}]
func.func @share(%x: tensor<?x64xf32>, %m: tensor<?x32xf32>)
    -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %a = gemma.get_weight @a : tensor<32x64xf32>
  %b = gemma.get_weight @b : tensor<32x64xf32>
  %c = gemma.get_weight @c : tensor<32x64xf32>
  %d = gemma.get_weight @d : tensor<32x64xf32>
  %y = gemma.linear %x, [%a, %b] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>, tensor<32x64xf32>] -> tensor<?x64xf32>
  %g = gemma.gated_linear %x, %a, %b
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %n = gemma.modulated_linear %x, %c, %m
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  %z = gemma.linear %x, [%d] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  return %y, %g, %n, %z
      : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// The last row is taken from the quantized rows if there are any.
// CHECK-LABEL: func.func @last_row
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x64xf32>, %[[Y:[a-z0-9]+]]: tensor<?x64xf32>
// CHECK-DAG: %[[Q:.*]] = gemma.quantize %[[X]]
// CHECK-DAG: %[[L:.*]] = gemma.select_last %[[Q]] : tensor<?x64x!gemma.q8> -> tensor<1x64x!gemma.q8>
// CHECK-DAG: gemma.linear %[[Q]]
// CHECK-DAG: gemma.linear %[[L]]
// CHECK-DAG: %[[M:.*]] = gemma.select_last %[[Y]] : tensor<?x64xf32> -> tensor<1x64xf32>
// CHECK-DAG: %[[N:.*]] = gemma.quantize %[[M]] : tensor<1x64xf32> -> tensor<1x64x!gemma.q8>
// CHECK-DAG: gemma.linear %[[N]]
func.func @last_row(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>)
    -> (tensor<1x32xf32>, tensor<?x32xf32>, tensor<1x32xf32>) {
  %a = gemma.get_weight @a : tensor<32x64xf32>
  %l = gemma.select_last %x : tensor<?x64xf32> -> tensor<1x64xf32>
  %m = gemma.select_last %y : tensor<?x64xf32> -> tensor<1x64xf32>
  %p = gemma.linear %l, [%a] {scale = 1.0 : f32}
      : tensor<1x64xf32>, [tensor<32x64xf32>] -> tensor<1x32xf32>
  %q = gemma.linear %x, [%a] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  %r = gemma.linear %m, [%a] {scale = 1.0 : f32}
      : tensor<1x64xf32>, [tensor<32x64xf32>] -> tensor<1x32xf32>
  return %p, %q, %r : tensor<1x32xf32>, tensor<?x32xf32>, tensor<1x32xf32>
}

// -----

// int4 and int8 in one product, and quantized with unquantized.
gemma.weight @a {format = #gemma.format<int4>} : tensor<32x64xf32>
gemma.weight @c {format = #gemma.format<int8>} : tensor<32x64xf32>
func.func @mixed(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %a = gemma.get_weight @a : tensor<32x64xf32>
  %c = gemma.get_weight @c : tensor<32x64xf32>
  // expected-error@+1 {{multiplies 'a' as int4 and 'c' as int8; the weights of one product need one format, so give both names the same in the recipe}}
  %y = gemma.linear %x, [%a, %c] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>, tensor<32x64xf32>] -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

gemma.weight @a {format = #gemma.format<bf16>} : tensor<32x64xf32>
gemma.weight @c {format = #gemma.format<int8>} : tensor<32x64xf32>
func.func @mixed(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %a = gemma.get_weight @a : tensor<32x64xf32>
  %c = gemma.get_weight @c : tensor<32x64xf32>
  // expected-error@+1 {{multiplies 'a' as bf16 and 'c' as int8}}
  %y = gemma.gated_linear %x, %a, %c
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// expected-note@+1 {{declared here}}
gemma.weight @a : tensor<32x64xf32>
func.func @no_format(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %a = gemma.get_weight @a : tensor<32x64xf32>
  // expected-error@+1 {{multiplies weight 'a', which has no format; run gemma-assign-formats first}}
  %y = gemma.linear %x, [%a] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

func.func @outlined(%x: tensor<?x64xf32>, %a: tensor<32x64xf32>) -> tensor<?x32xf32> {
  // expected-error@+1 {{multiplies a value that is no gemma.get_weight; formats are chosen before layers are outlined}}
  %y = gemma.linear %x, [%a] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<32x64xf32>] -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
