// RUN: gemcut-opt %s -split-input-file -kernel-plan-weights | FileCheck %s

// Tensors follow the order of use in decode, also through a call; tensors of one
// address lie together; a prefix or tail of a run may have an address of its own.
// What only other entries use comes after, what nobody uses last.

// CHECK-LABEL: module {{.*}}@order
// CHECK-SAME: kernel.weight_bytes = 17920 : i64
module @order {
  // CHECK-DAG: kernel.packed @unused {offset = 17856 : i64
  kernel.packed @unused {sources = ["unused"]} : !kernel.weight<1 x 16, f32, vector>
  // CHECK-DAG: kernel.packed @prefill_only {offset = 15552 : i64
  kernel.packed @prefill_only {sources = ["p"]} : !kernel.weight<64 x 64, q4_0, tiles>
  // CHECK-DAG: kernel.packed @v {offset = 11712 : i64
  kernel.packed @v {sources = ["v"]} : !kernel.weight<32 x 64, q4_0, tiles>
  // CHECK-DAG: kernel.packed @k {offset = 10560 : i64
  kernel.packed @k {sources = ["k"]} : !kernel.weight<32 x 64, q4_0, tiles>
  // CHECK-DAG: kernel.packed @q {offset = 8256 : i64
  kernel.packed @q {sources = ["q"]} : !kernel.weight<64 x 64, q4_0, tiles>
  // CHECK-DAG: kernel.packed @norm {offset = 8192 : i64
  kernel.packed @norm {sources = ["n"]} : !kernel.weight<1 x 3, f32, vector>
  // CHECK-DAG: kernel.packed @table {offset = 0 : i64
  kernel.packed @table {sources = ["t"]} : !kernel.weight<64 x 64, bf16, rows>
  // Rows of the last part may be any number.
  // CHECK-DAG: kernel.packed @tail {offset = 12864 : i64
  kernel.packed @tail {sources = ["tail"]} : !kernel.weight<20 x 64, q4_0, tiles>
  // CHECK-DAG: kernel.packed @gate_up {offset = 14016 : i64
  kernel.packed @gate_up {sources = ["g", "u"]} : !kernel.weight<24 x 64, q4_0, interleaved>
  // CHECK-DAG: kernel.packed @scalar {offset = 15168 : i64
  kernel.packed @scalar {sources = ["s"]} : !kernel.weight<1 x 1, f32, vector>
  // CHECK-DAG: kernel.packed @late {offset = 15232 : i64
  kernel.packed @late {sources = ["l"]} : !kernel.weight<1 x 80, f32, vector>

  func.func @prefill() attributes {kernel.entry = "prefill"} {
    %p = kernel.weight_address [@prefill_only] : !kernel.weight<64 x 64, q4_0, tiles>
    %kv = kernel.weight_address [@k, @v] : !kernel.weight<64 x 64, q4_0, tiles>
    %q = kernel.weight_address [@q] : !kernel.weight<64 x 64, q4_0, tiles>
    return
  }
  func.func @decode() attributes {kernel.entry = "decode"} {
    %t = kernel.weight_address [@table] : !kernel.weight<64 x 64, bf16, rows>
    %n = kernel.weight_address [@norm] : !kernel.weight<1 x 3, f32, vector>
    call @layer() : () -> ()
    %l = kernel.weight_address [@late] : !kernel.weight<1 x 80, f32, vector>
    return
  }
  func.func private @layer() {
    %qkv = kernel.weight_address [@q, @k, @v, @tail] : !kernel.weight<148 x 64, q4_0, tiles>
    %g = kernel.weight_address [@gate_up] : !kernel.weight<24 x 64, q4_0, interleaved>
    %s = kernel.weight_address [@scalar] : !kernel.weight<1 x 1, f32, vector>
    return
  }
}

// -----

// Tables come first, by use. Tables and runs of more than 1 MiB start on a page,
// even if each part is smaller; a run of exactly 1 MiB does not.

// CHECK-LABEL: module {{.*}}@pages
module @pages {
  // CHECK: kernel.packed @a {offset = 45056 : i64
  kernel.packed @a {sources = ["a"]} : !kernel.weight<1 x 16, f32, vector>
  // CHECK: kernel.packed @exact {offset = 45120 : i64
  kernel.packed @exact {sources = ["x"]} : !kernel.weight<512 x 1024, bf16, tiles>
  // CHECK: kernel.packed @first {offset = 1097728 : i64
  kernel.packed @first {sources = ["f"]} : !kernel.weight<512 x 1024, bf16, tiles>
  // CHECK: kernel.packed @second {offset = 2146304 : i64
  kernel.packed @second {sources = ["g"]} : !kernel.weight<16 x 1024, bf16, tiles>
  // CHECK: kernel.packed @table {offset = 0 : i64
  kernel.packed @table {sources = ["t"]} : !kernel.weight<2 x 8, f32, rows>
  // CHECK: kernel.packed @next {offset = 2179072 : i64
  kernel.packed @next {sources = ["n"]} : !kernel.weight<2 x 8, f32, tiles>
  // CHECK: kernel.packed @rows {offset = 4096 : i64
  kernel.packed @rows {sources = ["r"]} : !kernel.weight<4 x 8960, int8, rows>
  // Three of the rows take seven pages, the fourth begins on the eighth.
  // CHECK: kernel.packed @behind {offset = 2183168 : i64
  kernel.packed @behind {sources = ["b"]} : !kernel.weight<1 x 8, f32, vector>
  func.func @decode() attributes {kernel.entry = "decode"} {
    %a = kernel.weight_address [@a] : !kernel.weight<1 x 16, f32, vector>
    %x = kernel.weight_address [@exact] : !kernel.weight<512 x 1024, bf16, tiles>
    %f = kernel.weight_address [@first, @second] : !kernel.weight<528 x 1024, bf16, tiles>
    %t = kernel.weight_address [@table] : !kernel.weight<2 x 8, f32, rows>
    %n = kernel.weight_address [@next] : !kernel.weight<2 x 8, f32, tiles>
    %r = kernel.weight_address [@rows] : !kernel.weight<4 x 8960, int8, rows>
    %b = kernel.weight_address [@behind] : !kernel.weight<1 x 8, f32, vector>
    return
  }
}
