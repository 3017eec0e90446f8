// RUN: gemcut-opt %s -split-input-file -gemma-materialize-entry-points -verify-diagnostics
// RUN: not gemcut-opt %s -split-input-file -gemma-materialize-entry-points="score-chunk=0" 2>&1 | FileCheck %s

// CHECK: rows of one call of 'score' must be positive, found 0
func.func @forward(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x256xf32> {
  %w = gemma.get_weight @w : tensor<256x256xf32>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x256xf32> -> tensor<?x256xf32>
  return %x : tensor<?x256xf32>
}
gemma.weight @w : tensor<256x256xf32>

// -----

// expected-error@+1 {{has no function 'forward' with a body to make entry points of}}
module {
  func.func private @forward(tensor<?xi32>, tensor<?xi64>) -> tensor<?x256xf32>
}

// -----

// expected-error@+1 {{has type '(tensor<?xi32>) -> tensor<?xi32>', expected (tensor<?xi32>, tensor<?xi64>) -> tensor<?xVxf32>: ids, positions, logits}}
func.func @forward(%ids: tensor<?xi32>) -> tensor<?xi32> {
  return %ids : tensor<?xi32>
}

// -----

// expected-note@+1 {{by this symbol}}
func.func private @prefill()
// expected-error@+1 {{cannot make the entry point 'prefill': the name is taken}}
func.func @forward(%ids: tensor<?xi32>, %positions: tensor<?xi64>) -> tensor<?x256xf32> {
  %w = gemma.get_weight @w : tensor<256x256xf32>
  %x = gemma.embed %ids, %w {scale = 8.0 : f32}
      : tensor<?xi32>, tensor<256x256xf32> -> tensor<?x256xf32>
  return %x : tensor<?x256xf32>
}
gemma.weight @w : tensor<256x256xf32>
