// RUN: gemcut-opt %s -split-input-file -gemma-verify-imported -verify-diagnostics

// Elementary ops with names.
gemma.weight @w : tensor<64x32xf32> loc("w")
func.func @imported(%x: tensor<?x32xf32>) -> tensor<?x64xf32> {
  %w = gemma.get_weight @w : tensor<64x32xf32> loc("w")
  %y = gemma.linear %x, [%w] {scale = 1.0 : f32}
      : tensor<?x32xf32>, [tensor<64x32xf32>] -> tensor<?x64xf32> loc("w")
  return %y : tensor<?x64xf32>
}

// -----

func.func @fused(%x: tensor<?x32xf32>) -> tensor<?x32x!gemma.q8> {
  // expected-error@unknown {{is fused; an importer writes elementary ops}}
  %y = gemma.quantize %x : tensor<?x32xf32> -> tensor<?x32x!gemma.q8> loc("x")
  return %y : tensor<?x32x!gemma.q8>
}

// -----

// Every offender is reported.
func.func @nameless(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // expected-error@+1 {{has no name in its location; an importer gives every op the name of its tensor or layer}}
  %y = gemma.add %x, %x : tensor<?x32xf32>
  // expected-error@+1 {{has no name in its location}}
  %z = gemma.add %x, %y : tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}
