// RUN: gemcut-opt %S/Inputs/edge.mlir -gemcut-gemma-pipeline=quant=int4 -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: gemcut-opt %S/Inputs/edge.mlir -gemcut-gemma-pipeline=quant=f32 | FileCheck %s --check-prefix=F32
// RUN: gemcut-opt %t.mlir -gemcut-kernel-pipeline | FileCheck %s --check-prefix=KERNEL

// The head reads the one quantized table; what embed gives is quantized alone.
// CHECK-LABEL: func.func @decode
// CHECK: %[[X0:.*]] = gemma.embed
// CHECK: %[[Q0:.*]] = gemma.quantize %[[X0]]
// CHECK: gemma.linear %[[Q0]], [%{{.*}}] {scale = 1.250000e-01 : f32}
// CHECK: gemma.ple_inputs
// CHECK: %[[H0:.*]] = gemma.rms_norm %[[X0]], {{.*}} -> tensor<?x64x!gemma.q8>
// CHECK: %[[L0:.*]]:3 = call @decode.layer_kind_0({{.*}} {gemma.layer = 0 : i64}
// CHECK: %[[L1:.*]]:3 = call @decode.layer_kind_1({{.*}} {gemma.layer = 1 : i64}
// A shared layer reads the state of the source layer of its type.
// CHECK: %[[L2:.*]]:2 = call @decode.layer_kind_2({{.*}}%[[L0]]#0{{.*}} {gemma.layer = 2 : i64}
// CHECK: %[[L3:.*]]:2 = call @decode.layer_kind_3({{.*}}%[[L1]]#0{{.*}} {gemma.layer = 3 : i64}
// The last layer has computed the final norm.
// CHECK: %[[LOGITS:.*]] = gemma.linear %[[L3]]#1, {{.*}}cap = 3.000000e+01 : f32{{.*}} tensor<?x64x!gemma.q8>
// CHECK-NEXT: return %[[LOGITS]]

// Prefill: layer 0 runs for all rows, of layer 1 only k and v do.
// CHECK-LABEL: func.func @prefill
// CHECK-SAME: -> tensor<1x256xf32>
// CHECK: call @prefill.layer_kind_0({{.*}} -> (!gemma.kv<2 x 16, window = 4>, tensor<?x64xf32>, tensor<?x64x!gemma.q8>)
// CHECK: call @prefill.layer_kind_1({{.*}} -> (!gemma.kv<2 x 32>, tensor<1x64xf32>, tensor<1x64x!gemma.q8>)
// CHECK: call @prefill.layer_kind_2({{.*}} -> (tensor<1x64xf32>, tensor<1x64x!gemma.q8>)
// CHECK: call @prefill.layer_kind_3({{.*}} -> (tensor<1x64xf32>, tensor<1x64x!gemma.q8>)
// CHECK: gemma.linear {{.*}} -> tensor<1x256xf32>

// CHECK-LABEL: func.func private @decode.layer_kind_0
// CHECK-NEXT: %[[QKV:.*]] = gemma.linear %{{.*}}, [%{{.*}}, %{{.*}}, %{{.*}}]
// CHECK-NEXT: gemma.prepare_qkv %[[QKV]]
// CHECK-NEXT: gemma.attention {{.*}} -> tensor<?x64x!gemma.q8>
// CHECK-NEXT: gemma.linear
// CHECK-NEXT: gemma.residual_norm {{.*}} next {{.*}} tensor<?x64x!gemma.q8>
// CHECK-NEXT: gemma.gated_linear {{.*}} -> tensor<?x96x!gemma.q8>
// CHECK-NEXT: gemma.linear
// CHECK-NEXT: %{{.*}}, %[[X2:.*]] = gemma.residual_norm {{.*}} -> tensor<?x64xf32>, tensor<?x64x!gemma.q8>
// CHECK-NEXT: gemma.modulated_linear %[[X2]], {{.*}} -> tensor<?x32x!gemma.q8>
// CHECK-NEXT: gemma.linear
// CHECK-NEXT: gemma.residual_norm {{.*}} scalar {{.*}} next
// CHECK-NEXT: return

// CHECK-LABEL: func.func private @prefill.layer_kind_1
// CHECK: gemma.linear {{.*}} -> tensor<1x128xf32>
// CHECK-NEXT: gemma.prepare_q {{.*}} tensor<1x128xf32>
// CHECK-NEXT: gemma.linear %{{.*}}, [%{{.*}}, %{{.*}}] {{.*}} -> tensor<?x128xf32>
// CHECK-NEXT: gemma.prepare_kv
// CHECK-NOT: -> tensor<?
// CHECK: return

// Without quantization there is no q8.
// F32-NOT: q8
// F32: gemma.residual_norm
// F32-NOT: q8

// KERNEL: kernel.packed @layers.0.self_attn.q_proj.weight {{.*}}int4, tiles
