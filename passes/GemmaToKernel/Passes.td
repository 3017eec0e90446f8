//===- Passes.td - From layers on tensors to stages on buffers -*- tablegen -*-===//

#ifndef GEMCUT_PASSES_GEMMATOKERNEL_PASSES
#define GEMCUT_PASSES_GEMMATOKERNEL_PASSES

include "mlir/Pass/PassBase.td"

def ConvertGemmaToKernelPass : Pass<"gemma-convert-to-kernel", "mlir::ModuleOp"> {
  let summary = "Converts fused gemma functions to kernel stages on buffers.";
  let description = [{
    Requires: entry functions with `gemma.entry` and `gemma.max_rows` that hold
    fused gemma ops and call private layer functions; weights that are multiplied
    or looked up have a format. Ensures: no gemma op is left.

    * An entry becomes `(rows, ids, logits)`. Its first stage, `kernel.load_rows`,
      writes the (slot, position) pairs that stand for the positions tensor.
    * A layer function becomes `(rows, operands, weights, outputs)` without
      results; its callers allocate the outputs. A function that is called with
      different buffer sizes, formats or strides becomes one function for each.
    * A leading dimension `?` is the argument `rows`, a static one a constant.
      A buffer has room for `gemma.max_rows` rows.
    * A product is a `kernel.gemv` if its buffers hold at most 8 rows, else a
      `kernel.gemm`.
    * Weights become `kernel.packed` in the layout their use asks for: `tiles`
      (products; several weights share one `weight_address`), `interleaved` (gate
      and up together), `vector` (norms and scalars), `rows` (tables; a table that
      is also multiplied stays in `tiles`). Weights without a use vanish.
    * All states of a KV cache become the one `kernel.cache` they are stored in.
    * A call of a layer is preceded by `kernel.count_rows`.

    ```mlir
    %h = gemma.rms_norm %x, %n {eps = 1.0e-6 : f32, group = 64 : i64}
        : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64x!gemma.q8>
    %y = gemma.linear %h, [%q, %k] {scale = 1.0 : f32} : ...
    ```
    becomes
    ```mlir
    %n = kernel.weight_address [@norm] : !kernel.weight<1 x 64, f32, vector>
    %h = kernel.alloc : !kernel.buffer<8 x 64, q8>
    kernel.rms_norm %rows, %x, %n outs %h {...} : ...
    %w = kernel.weight_address [@q, @k] : !kernel.weight<96 x 64, int4, tiles>
    %y = kernel.alloc : !kernel.buffer<8 x 96, f32>
    kernel.gemv %rows, %h, %w outs %y {scale = 1.0 : f32} : ...
    ```
  }];
  let options = [
    Option<"kv", "kv", "std::string", /*default=*/"\"bf16\"",
           "Format of the KV caches: bf16, f32 or int8.">,
    Option<"context", "context", "int64_t", /*default=*/"4096",
           "Positions that a slot can hold; kept as kernel.context.">,
  ];
  let statistics = [
    Statistic<"numStages", "stages", "Number of stages created">,
    Statistic<"numPacked", "packed", "Number of packed tensors declared">,
    Statistic<"numDeadWeights", "dead-weights",
              "Number of weights that no function reads">,
  ];
  let dependentDialects = ["::gemcut::kernel::KernelDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::arith::ArithDialect"];
}

#endif // GEMCUT_PASSES_GEMMATOKERNEL_PASSES
