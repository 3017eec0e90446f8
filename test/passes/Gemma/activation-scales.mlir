// RUN: gemcut-opt %s -gemma-materialize-activation-quantization -gemma-fuse-quantize -gemma-verify-formats | FileCheck %s

gemma.weight @w.weight {format = #gemma.format<int4_row>, input_scale = @w.input_activation_scale,
    output_scale = "w.output_activation_scale"} : tensor<96x64xf32>
gemma.weight @w.input_activation_scale {format = #gemma.format<f32>} : tensor<1xf32>
gemma.weight @v.weight {format = #gemma.format<int2_row>} : tensor<96x64xf32>
gemma.weight @g.weight {format = #gemma.format<int4>} : tensor<96x64xf32>
gemma.weight @n.weight {format = #gemma.format<f32>} : tensor<64xf32>

// One value, three roundings: under the weight's scale, under each row's own, and in
// groups. Only the last op that sees whole rows, and whose value has no other
// reader, rounds itself.
// CHECK-LABEL: func.func @products
func.func @products(%x: tensor<?x64xf32>)
    -> (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>) {
  %n = gemma.get_weight @n.weight : tensor<64xf32>
  // CHECK: %[[H:.*]] = gemma.rms_norm {{.*}} -> tensor<?x64xf32>
  %h = gemma.rms_norm %x, %n {eps = 1.0e-6 : f32, group = 64 : i64}
      : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  // CHECK-DAG: %[[S:.*]] = gemma.get_weight @w.input_activation_scale : tensor<1xf32>
  // CHECK-DAG: %[[G:.*]] = gemma.quantize %[[H]] scale %[[S]] : tensor<?x64xf32> scale tensor<1xf32> -> tensor<?x64x!gemma.u8>
  // CHECK-DAG: %[[O:.*]] = gemma.quantize %[[H]] : tensor<?x64xf32> -> tensor<?x64x!gemma.u8>
  // CHECK-DAG: %[[Q:.*]] = gemma.quantize %[[H]] : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  // CHECK: gemma.linear %[[G]]
  %w = gemma.get_weight @w.weight : tensor<96x64xf32>
  %a = gemma.linear %h, [%w] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<96x64xf32>] -> tensor<?x96xf32>
  // CHECK: gemma.linear %[[O]]
  %v = gemma.get_weight @v.weight : tensor<96x64xf32>
  %b = gemma.linear %h, [%v] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<96x64xf32>] -> tensor<?x96xf32>
  // CHECK: gemma.linear %[[Q]]
  %g = gemma.get_weight @g.weight : tensor<96x64xf32>
  %c = gemma.linear %h, [%g] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<96x64xf32>] -> tensor<?x96xf32>
  // CHECK: %[[U:.*]] = gemma.rms_norm {{.*}} -> tensor<?x64x!gemma.u8>
  // CHECK: gemma.linear %[[U]]
  %k = gemma.rms_norm %x {eps = 1.0e-6 : f32, group = 16 : i64}
      : tensor<?x64xf32> -> tensor<?x64xf32>
  %d = gemma.linear %k, [%v] {scale = 1.0 : f32}
      : tensor<?x64xf32>, [tensor<96x64xf32>] -> tensor<?x96xf32>
  return %a, %b, %c, %d : tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>
}

// A chunk of a gated product is not whole rows: its own scale comes from a stage.
// CHECK-LABEL: func.func @gated
func.func @gated(%x: tensor<?x64xf32>) -> tensor<?x96xf32> {
  // CHECK: %[[P:.*]] = gemma.gated_linear {{.*}} -> tensor<?x96xf32>
  // CHECK: gemma.quantize %[[P]] : tensor<?x96xf32> -> tensor<?x96x!gemma.u8>
  %v = gemma.get_weight @v.weight : tensor<96x64xf32>
  %p = gemma.gated_linear %x, %v, %v
      : tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32> -> tensor<?x96xf32>
  %y = gemma.get_weight @y.weight : tensor<96x96xf32>
  %r = gemma.linear %p, [%y] {scale = 1.0 : f32}
      : tensor<?x96xf32>, [tensor<96x96xf32>] -> tensor<?x96xf32>
  return %r : tensor<?x96xf32>
}
gemma.weight @y.weight {format = #gemma.format<int8_row>} : tensor<96x96xf32>
