// RUN: not gemcut-opt %s -gemma-convert-to-kernel="kv=int4" 2>&1 | FileCheck %s --check-prefix=KV
// RUN: not gemcut-opt %s -gemma-convert-to-kernel="context=0" 2>&1 | FileCheck %s --check-prefix=CONTEXT

// KV: error: kv caches cannot be 'int4', expected bf16, f32 or int8
// CONTEXT: error: context must be positive, found 0
module {}
