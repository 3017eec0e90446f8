// RUN: not gemcut-opt %s -gemma-convert-to-kernel="kv=int8" 2>&1 | FileCheck %s --check-prefix=KV
// RUN: not gemcut-opt %s -gemma-convert-to-kernel="context=0" 2>&1 | FileCheck %s --check-prefix=CONTEXT

// KV: error: kv caches cannot be 'int8', expected bf16 or f32
// CONTEXT: error: context must be positive, found 0
module {}
