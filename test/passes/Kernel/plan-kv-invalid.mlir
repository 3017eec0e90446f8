// RUN: gemcut-opt %s -split-input-file -kernel-plan-kv -verify-diagnostics

// expected-error@+1 {{no context to plan for: the module has no positive kernel.context and option context is 0}}
module {}

// -----

// expected-error@+1 {{no context to plan for}}
module attributes {kernel.context = -1 : i64} {}
