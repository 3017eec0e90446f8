//===- Passes.td - Plans of memory and work for kernel programs -*- tablegen -*-===//

#ifndef GEMCUT_PASSES_KERNEL_PASSES
#define GEMCUT_PASSES_KERNEL_PASSES

include "mlir/Pass/PassBase.td"

def PlanWeightsPass : Pass<"kernel-plan-weights", "mlir::ModuleOp"> {
  let summary = "Lays packed tensors out in the order in which a step reads them.";
  let description = [{
    Sets `offset` of every `kernel.packed` and `kernel.weight_bytes` of the module.

    * Tensors that one `kernel.weight_address` lists lie next to each other in
      that order, without gaps. Lists may share a run: [k, v] fits [q, k, v].
    * Tables of rows come first, so that what every step reads as a whole is one
      range behind them.
    * Otherwise tensors follow the order of their first use in the decode entry, so
      that a step reads one stream; what only other entries use comes after.
    * Offsets are multiples of 64; runs of more than 1 MiB and tables of rows start
      on a page of 4096 bytes, and tables fill their last page.

    Errors: lists that cannot all hold; a part, not the last of its list, whose
    rows are no multiple of 16, because its padding would lie inside the product.

    ```mlir
    kernel.packed @k {sources = ["k"]} : !kernel.weight<32 x 64, int4, tiles>
    kernel.packed @q {sources = ["q"]} : !kernel.weight<64 x 64, int4, tiles>
    ... kernel.weight_address [@q, @k] : !kernel.weight<96 x 64, int4, tiles>
    ```
    becomes
    ```mlir
    kernel.packed @k {offset = 2304 : i64, ...
    kernel.packed @q {offset = 0 : i64, ...
    ```
  }];
  let statistics = [
    Statistic<"numPadding", "padding-bytes", "Bytes lost to alignment">,
  ];
}

def SplitHeadPass : Pass<"kernel-split-head", "mlir::ModuleOp"> {
  let summary = "Adds the entry points of a two-stage head.";
  let description = [{
    Where the decode entry's logits are a gemv with an int8 matrix, adds

    * a packed tensor with the upper 6 bits of the matrix,
    * the entry point `bounds`: decode with kernel.upper_bounds in place of the gemv,
    * the entry point `rescore`, which computes the logits of single weight tiles
      from the input that `bounds` has left (`kernel.kept`).

    The runtime discards every token whose bound is below the best (k-th best) exact
    logit, so greedy and top-k choices stay what they are. Errors: no such gemv;
    a vocabulary that is no multiple of 16.

    ```mlir
    kernel.gemv %n, %x, %w outs %logits {cap = 30.0 : f32, ...}
        : !kernel.buffer<8 x 64, q8>, !kernel.weight<96 x 64, int8, tiles>, ...
    ```
    in `bounds` becomes
    ```mlir
    kernel.upper_bounds %n, %x, %c outs %logits {cap = 30.0 : f32}
        : !kernel.buffer<8 x 64, q8>, !kernel.weight<96 x 64, int8, coarse>, ...
    ```
    and in `rescore`
    ```mlir
    kernel.rescore %n, %tiles, %x, %w outs %logits {cap = 30.0 : f32} : ...
    ```
  }];
}

def PlanKvPass : Pass<"kernel-plan-kv", "mlir::ModuleOp"> {
  let summary = "Gives every KV cache a capacity and a place in the slot.";
  let description = [{
    With chunk the most rows of any entry point and context the positions a slot
    can hold (`kernel.context`), the capacity of a cache is

      window > 0:  round_up(min(window - 1 + chunk, context), 32)    (a ring)
      window = 0:  round_up(context, 32)

    A step first writes all its rows: the ring must still hold the window - 1
    positions in front of the chunk's first row. Sets `capacity` in the cache type
    wherever it occurs, `offset` of every `kernel.cache`, and
    `kernel.kv_slot_bytes`, a multiple of 4096.

    ```mlir
    kernel.cache @kv.0 : !kernel.cache<1 x 256, bf16, window = 512>
    ```
    becomes, with chunks of 256 rows,
    ```mlir
    kernel.cache @kv.0 {offset = 0 : i64}
        : !kernel.cache<1 x 256, bf16, window = 512, capacity = 768>
    ```
  }];
  let options = [
    Option<"context", "context", "int64_t", /*default=*/"0",
           "Positions that a slot can hold; 0: what kernel.context says.">,
  ];
  let statistics = [
    Statistic<"numRings", "rings", "Number of caches that are rings">,
    Statistic<"numLinear", "linear", "Number of caches of the whole context">,
  ];
}

def PlanBuffersPass : Pass<"kernel-plan-buffers", "mlir::ModuleOp"> {
  let summary = "Gives every buffer a place in its function's frame.";
  let description = [{
    A buffer lives from the first to the last op that uses it or a view of it; a
    buffer passed to a call lives across the call. Buffers that live at the same
    time never overlap. Largest first, each buffer goes to the smallest gap that
    fits, aligned to 64 bytes. A buffer with the attribute `kernel.kept` lives
    throughout and goes to the start of the frame.

    Sets `offset` of every `kernel.alloc`, `kernel.frame_bytes` of every function
    and `kernel.arena_bytes` of every entry point: the largest sum of frames from it
    to its deepest callee; that of the module is the largest of them. Buffers without a use are erased.

    ```mlir
    %a = kernel.alloc : !kernel.buffer<8 x 64, f32>
    ```
    becomes
    ```mlir
    %a = kernel.alloc {offset = 0 : i64} : !kernel.buffer<8 x 64, f32>
    ```
  }];
  let statistics = [
    Statistic<"numBuffers", "buffers", "Number of buffers placed">,
    Statistic<"numReused", "reused-bytes",
              "Bytes of buffers less bytes of the frames that hold them">,
  ];
}

def PartitionStagesPass : Pass<"kernel-partition-stages", "mlir::ModuleOp"> {
  let summary = "Says what one chunk of every stage is, and how products block.";
  let description = [{
    Threads claim chunks as they go, so chunks are small enough to share out
    evenly and large enough that claiming one costs nothing.

    * Row ops: one row; 16 rows for those that write K and V, if there are many.
    * Attention: up to 64 query vectors of up to 16 rows and one KV head, shared
      out further by keys if the stage has `partials` (see kernel.attention); one
      row where a head's output is not whole q8 groups.
    * gemv: 2 to 32 output tiles, as even a share of those there are as 2, 4 and 8
      threads can have in 8 chunks or more; register block min(rows, 4) x 1: one
      tile at a time keeps the weight stream sequential.
    * gemm: as many output tiles, at most those of a gemv, as fit half of the L2
      cache; register block from the options.

    A chunk of a product with a q8 output covers whole groups of 32 outputs. Tiles
    of an interleaved weight count in pairs.

    ```mlir
    kernel.gemv %n, %x, %w outs %y {scale = 1.0 : f32} : ...
    ```
    becomes
    ```mlir
    kernel.gemv %n, %x, %w outs %y {partition = #kernel.partition<tiles, 8>,
        scale = 1.0 : f32, tile = #kernel.tile<4 x 1>} : ...
    ```
  }];
  let options = [
    Option<"l2Bytes", "l2-bytes", "int64_t", /*default=*/"1048576",
           "Bytes of one core's L2 cache.">,
    Option<"gemmRows", "gemm-rows", "int64_t", /*default=*/"6",
           "Rows of the gemm register block.">,
    Option<"gemmTiles", "gemm-tiles", "int64_t", /*default=*/"2",
           "Weight tiles of the gemm register block.">,
  ];
  let statistics = [
    Statistic<"numStages", "stages", "Number of stages partitioned">,
  ];
}

def VerifyPlannedPass : Pass<"kernel-verify-planned", "mlir::ModuleOp"> {
  let summary = "Rejects kernel programs that code generation cannot trust.";
  let description = [{
    Requires: nothing. Ensures: every packed tensor, cache and buffer has a place;
    nothing that is in use at the same time overlaps; the tensors of each
    `weight_address` follow each other; every frame, slot, arena and the weight
    section holds what is placed in it; every stage has a partition and every
    product a register block. Changes nothing; reports every offender.
  }];
}

#endif // GEMCUT_PASSES_KERNEL_PASSES
