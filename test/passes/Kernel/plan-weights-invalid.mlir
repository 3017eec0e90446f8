// RUN: gemcut-opt %s -split-input-file -kernel-plan-weights -verify-diagnostics

// Two tensors cannot both follow a third.
kernel.packed @q {sources = ["q"]} : !kernel.weight<16 x 64, q4_0, tiles>
kernel.packed @k {sources = ["k"]} : !kernel.weight<16 x 64, q4_0, tiles>
kernel.packed @v {sources = ["v"]} : !kernel.weight<16 x 64, q4_0, tiles>
func.func @decode() {
  // expected-note@+1 {{because of this one}}
  %a = kernel.weight_address [@q, @k] : !kernel.weight<32 x 64, q4_0, tiles>
  // expected-error@+1 {{needs 'v' directly behind 'q', but 'k' must be directly behind it}}
  %b = kernel.weight_address [@q, @v] : !kernel.weight<32 x 64, q4_0, tiles>
  return
}

// -----

// Nor can one follow two.
kernel.packed @q {sources = ["q"]} : !kernel.weight<16 x 64, q4_0, tiles>
kernel.packed @k {sources = ["k"]} : !kernel.weight<16 x 64, q4_0, tiles>
kernel.packed @v {sources = ["v"]} : !kernel.weight<16 x 64, q4_0, tiles>
func.func @decode() {
  // expected-note@+1 {{because of this one}}
  %a = kernel.weight_address [@q, @v] : !kernel.weight<32 x 64, q4_0, tiles>
  // expected-error@+1 {{needs 'v' directly behind 'k', but it must be directly behind 'q'}}
  %b = kernel.weight_address [@k, @v] : !kernel.weight<32 x 64, q4_0, tiles>
  return
}

// -----

// A tensor is at one place: k cannot be its own value part.
kernel.packed @k {sources = ["k"]} : !kernel.weight<16 x 64, q4_0, tiles>
kernel.packed @q {sources = ["q"]} : !kernel.weight<16 x 64, q4_0, tiles>
func.func @decode() {
  // expected-error@+1 {{needs 'q' directly behind 'k', but also in front of it}}
  %a = kernel.weight_address [@q, @k, @q] : !kernel.weight<48 x 64, q4_0, tiles>
  return
}

// -----

// Padding rows inside a product would be outputs.
// expected-note@+1 {{declared here}}
kernel.packed @q {sources = ["q"]} : !kernel.weight<20 x 64, q4_0, tiles>
kernel.packed @k {sources = ["k"]} : !kernel.weight<16 x 64, q4_0, tiles>
func.func @decode() {
  // expected-error@+1 {{joins 'q' of 20 rows to the next; only the last part can have rows that are no multiple of 16}}
  %a = kernel.weight_address [@q, @k] : !kernel.weight<36 x 64, q4_0, tiles>
  return
}
