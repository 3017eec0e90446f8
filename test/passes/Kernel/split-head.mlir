// RUN: gemcut-opt %s -kernel-split-head | FileCheck %s
// RUN: gemcut-opt %s -kernel-split-head -kernel-plan-weights -kernel-plan-buffers \
// RUN:   -kernel-partition-stages | FileCheck %s --check-prefix=PLANNED

// The coarse form has the exact form's source and lies behind all that decode reads.
// CHECK: kernel.packed @embed {sources = ["e"]} : {{.*}}<96 x 64, int8, tiles>
// CHECK-NEXT: kernel.packed @embed.coarse {sources = ["e"]} : {{.*}}<96 x 64, int8, coarse>
// PLANNED: kernel.packed @embed.coarse {offset = 6528 : i64
kernel.packed @embed {sources = ["e"]} : !kernel.weight<96 x 64, int8, tiles>

// Functions of layers are passed over.
// CHECK: func.func private @layer
func.func private @layer(%n: i64) {
  return
}

// decode stays what it was.
// CHECK-LABEL: func.func @decode
// CHECK: kernel.gemv
// CHECK-NOT: kernel.upper_bounds
func.func @decode(%n: i64, %ids: !kernel.buffer<8 x 1, i32>, %logits: !kernel.buffer<8 x 96, f32>)
    attributes {kernel.entry = "decode"} {
  %w = kernel.weight_address [@embed] : !kernel.weight<96 x 64, int8, tiles>
  %e = kernel.alloc : !kernel.buffer<8 x 64, f32>
  %x = kernel.alloc : !kernel.buffer<8 x 64, q8>
  kernel.gather %n, %ids, %w outs %e {scale = 8.0 : f32}
      : !kernel.buffer<8 x 1, i32>, !kernel.weight<96 x 64, int8, tiles>, !kernel.buffer<8 x 64, f32>
  kernel.quantize %n, %e outs %x : !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, q8>
  kernel.gemv %n, %x, %w outs %logits {cap = 30.0 : f32, epilogue = #kernel.epilogue<softcap>, scale = 1.0 : f32}
      : !kernel.buffer<8 x 64, q8>, !kernel.weight<96 x 64, int8, tiles>, !kernel.buffer<8 x 96, f32>
  return
}

// bounds keeps the head's input; the embedding still reads the exact form.
// CHECK-LABEL: func.func @bounds
// CHECK-SAME: kernel.entry = "bounds"
// CHECK: %[[W:.*]] = kernel.weight_address [@embed]
// CHECK: %[[X:.*]] = kernel.alloc {kernel.kept} : <8 x 64, q8>
// CHECK: kernel.gather %{{.*}}, %{{.*}}, %[[W]]
// CHECK: %[[C:.*]] = kernel.weight_address [@embed.coarse] : <96 x 64, int8, coarse>
// CHECK: kernel.upper_bounds %{{.*}}, %[[X]], %[[C]] outs %{{.*}} {cap = 3.000000e+01 : f32}
// CHECK-NOT: kernel.gemv

// Both find the input at the start of the frame.
// PLANNED-LABEL: func.func @bounds
// PLANNED: kernel.alloc {kernel.kept, offset = 0 : i64} : <8 x 64, q8>
// PLANNED-LABEL: func.func @rescore
// PLANNED: kernel.alloc {kernel.kept, offset = 0 : i64} : <8 x 64, q8>
// PLANNED: kernel.rescore {{.*}}partition = #kernel.partition<rows, 1>

// CHECK-LABEL: func.func @rescore
// CHECK-SAME: (%[[N:.*]]: i64, %[[T:.*]]: !kernel.buffer<6 x 1, i32>, %[[L:.*]]: !kernel.buffer<8 x 96, f32>)
// CHECK-SAME: kernel.entry = "rescore"
// CHECK: %[[X:.*]] = kernel.alloc {kernel.kept} : <8 x 64, q8>
// CHECK: %[[W:.*]] = kernel.weight_address [@embed]
// CHECK: kernel.rescore %[[N]], %[[T]], %[[X]], %[[W]] outs %[[L]] {cap = 3.000000e+01 : f32}
