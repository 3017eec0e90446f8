// RUN: gemcut-opt %s -split-input-file -gemma-verify-fused -verify-diagnostics

// Slices of the per-layer inputs, and a quantize that nothing can take in.
func.func private @layer(tensor<?x32xf32>)
func.func @fused(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>)
    -> (tensor<?x32xf32>, tensor<1x32xf32>, tensor<?x64x!gemma.q8>) {
  %s = gemma.slice %x {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %y = gemma.modulated_linear %x, %w, %s
      : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
  call @layer(%s) : (tensor<?x32xf32>) -> ()
  %l = gemma.select_last %s : tensor<?x32xf32> -> tensor<1x32xf32>
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
  return %y, %l, %q : tensor<?x32xf32>, tensor<1x32xf32>, tensor<?x64x!gemma.q8>
}

// An adapter stands between products and their GELU.
func.func @adapted(%x: tensor<?x64xf32>, %y: tensor<?x32xf32>, %a: tensor<128xf32>,
    %b: tensor<64xf32>) -> tensor<?x32xf32> {
  %z = gemma.adapt %y, %x, %a, %b {offset = 0 : i64, rank = 2 : i64}
      : tensor<?x32xf32>, tensor<?x64xf32>, tensor<128xf32>, tensor<64xf32>
  %s = gemma.slice %x {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %g = gemma.gelu_mul %z, %s : tensor<?x32xf32>
  return %g : tensor<?x32xf32>
}

// -----

func.func @left_over(%x: tensor<?x64xf32>, %s: tensor<1xf32>, %t: tensor<?x16xf32>,
    %p: tensor<?xi64>, %kv: !gemma.kv<4 x 16>) -> tensor<?x64xf32> {
  // expected-error@+1 {{'gemma.add' op in layer 3 has no kernel stage; the fusions do not cover how it is used here}}
  %0 = gemma.add %x, %x {gemma.layer = 3 : i64} : tensor<?x64xf32>
  // expected-error@+1 {{'gemma.scale' op has no kernel stage}}
  %1 = gemma.scale %0 {factor = 2.0 : f32} : tensor<?x64xf32>
  // expected-error@+1 {{'gemma.scale_by' op has no kernel stage}}
  %2 = gemma.scale_by %1, %s : tensor<?x64xf32>, tensor<1xf32> -> tensor<?x64xf32>
  // expected-error@+1 {{'gemma.gelu_mul' op has no kernel stage}}
  %3 = gemma.gelu_mul %2, %2 : tensor<?x64xf32>
  // expected-error@+1 {{'gemma.softcap' op has no kernel stage}}
  %4 = gemma.softcap %3 {cap = 30.0 : f32} : tensor<?x64xf32>
  // expected-error@+1 {{'gemma.rope' op has no kernel stage}}
  %5 = gemma.rope %4, %t {head_dim = 16 : i64}
      : tensor<?x64xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  // expected-error@+1 {{'gemma.kv_write' op has no kernel stage}}
  %6 = gemma.kv_write %5, %4, %p, %kv
      : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi64>, !gemma.kv<4 x 16>
  return %5 : tensor<?x64xf32>
}

// -----

func.func @slice(%x: tensor<?x64xf32>, %n: tensor<32xf32>) -> tensor<?x32xf32> {
  // expected-error@+1 {{'gemma.slice' op has no kernel stage unless a modulator, a call or a select_last reads it}}
  %s = gemma.slice %x {offset = 32 : i64} : tensor<?x64xf32> -> tensor<?x32xf32>
  %y = gemma.rms_norm %s, %n {eps = 1.0e-6 : f32, group = 32 : i64}
      : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
