//===- RowStages.td - Stages on rows of activations --------*- tablegen -*-===//
//
// Everything between two products: gathers, norms, rope, attention.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_KERNEL_ROW_STAGES
#define GEMCUT_KERNEL_ROW_STAGES

include "dialects/Kernel/KernelOpBase.td"

def Kernel_LoadRowsOp : Kernel_Stage<"load_rows"> {
  let summary = "Slot and position of each row, side by side.";
  let description = [{
      outs[r, 0] = step.slots[r],   outs[r, 1] = step.positions[r]

    ```mlir
    kernel.load_rows %n outs %r : !kernel.buffer<8 x 2, i32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$output,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = "$rows `outs` $output attr-dict `:` type($output)";
  let hasVerifier = 1;
}

def Kernel_GatherOp : Kernel_Stage<"gather"> {
  let summary = "Scaled rows of a packed table.";
  let description = [{
      outs[r, :] = scale * dequantize(table[ids[r], :])

    The table is in the `rows` layout, or in `tiles` (the embedding that is also
    the head): then single lanes of a tile are read.

    ```mlir
    kernel.gather %n, %ids, %w outs %x {scale = 39.1918 : f32}
        : !kernel.buffer<8 x 1, i32>, !kernel.weight<262144 x 1536, int4, tiles>,
          !kernel.buffer<8 x 1536, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$ids,
                       Kernel_WeightType:$table, Kernel_BufferType:$output,
                       F32Attr:$scale,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $ids `,` $table `outs` $output attr-dict `:` type($ids) `,`
    type($table) `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_RopeTableOp : Kernel_Stage<"rope_table"> {
  let summary = "Cosines and sines of each row's rotation angles.";
  let description = [{
    See gemma.rope_table. `positions` is the buffer of `load_rows`.

    ```mlir
    kernel.rope_table %n, %r outs %t
        {head_dim = 512 : i64, pairs = 64 : i64, theta = 1.0e6 : f32}
        : !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 128, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$positions,
                       Kernel_BufferType:$output, I64Attr:$head_dim,
                       I64Attr:$pairs, F32Attr:$theta,
                       DefaultValuedAttr<F32Attr, "1.0f">:$factor,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $positions `outs` $output attr-dict `:` type($positions) `,`
    type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_RmsNormOp : Kernel_Stage<"rms_norm"> {
  let summary = "Norm of groups of columns, quantized if the output is q8.";
  let description = [{
    See gemma.rms_norm; computed in f32.

    ```mlir
    kernel.rms_norm %n, %x, %w outs %h {eps = 1.0e-6 : f32, group = 1536 : i64}
        : !kernel.buffer<8 x 1536, f32>, !kernel.weight<1 x 1536, f32, vector>,
          !kernel.buffer<8 x 1536, q8>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Optional<Kernel_WeightType>:$weight,
                       Kernel_BufferType:$output, F32Attr:$eps, I64Attr:$group,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input (`,` $weight^)? `outs` $output attr-dict `:`
    custom<NormTypes>(type($input), type($weight), type($output))
  }];
  let hasVerifier = 1;
}

def Kernel_QuantizeOp : Kernel_Stage<"quantize"> {
  let summary = "Rounds rows to int8.";
  let description = [{
    See !gemma.q8 and !gemma.u8. `scale` is that of every u8 row; without it a row's
    own largest value gives it.

    ```mlir
    kernel.quantize %n, %x outs %q
        : !kernel.buffer<8 x 1536, f32>, !kernel.buffer<8 x 1536, q8>
    kernel.quantize %n, %x scale %s outs %u
        : !kernel.buffer<8 x 1536, f32> scale !kernel.weight<1 x 1, f32, vector>,
          !kernel.buffer<8 x 1536, u8>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Optional<Kernel_WeightType>:$scale,
                       Kernel_BufferType:$output,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input (`scale` $scale^)? `outs` $output attr-dict `:` type($input)
    (`scale` type($scale)^)? `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_GeluMulOp : Kernel_Stage<"gelu_mul"> {
  let summary = "Tanh-GELU of one row times another.";
  let description = [{
    See gemma.gelu_mul; for products whose outputs change before it (kernel.adapt).

    ```mlir
    kernel.gelu_mul %n, %gate, %up outs %g : !kernel.buffer<8 x 96, f32>,
        !kernel.buffer<8 x 96, f32>, !kernel.buffer<8 x 96, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$gate, Kernel_BufferType:$up,
                       Kernel_BufferType:$output,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $gate `,` $up `outs` $output attr-dict `:` type($gate) `,`
    type($up) `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_AdaptOp : Kernel_Stage<"adapt"> {
  let summary = "Adds the product of the adapter that the step chose.";
  let description = [{
    See gemma.adapt. gemcut_step.adapter chooses; 0 copies `base`, bit for bit.

    ```mlir
    kernel.adapt %n, %y, %x, %a, %b outs %z {offset = 64 : i64, rank = 4 : i64}
        : !kernel.buffer<8 x 128, f32>, !kernel.buffer<8 x 64, f32>,
          !kernel.weight<1 x 512, f32, vector>,
          !kernel.weight<1 x 256, f32, vector>, !kernel.buffer<8 x 128, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$base,
                       Kernel_BufferType:$input, Kernel_WeightType:$a,
                       Kernel_WeightType:$b, Kernel_BufferType:$output,
                       I64Attr:$rank, I64Attr:$offset,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $base `,` $input `,` $a `,` $b `outs` $output attr-dict `:`
    type($base) `,` type($input) `,` type($a) `,` type($b) `,` type($output)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Columns that the adapters change.
    int64_t getOutputs() {
      return getB().getType().getColumns() * getInput().getType().getColumns() /
             getA().getType().getColumns();
    }
  }];
}

def Kernel_PleInputsOp : Kernel_Stage<"ple_inputs"> {
  let summary = "Per-layer inputs from context and token parts.";
  let description = [{
    See gemma.ple_inputs.

    ```mlir
    kernel.ple_inputs %n, %ctx, %tok, %w outs %p
        {eps = 1.0e-6 : f32, factor = 0.70710678 : f32}
        : !kernel.buffer<8 x 192, f32>, !kernel.buffer<8 x 192, f32>,
          !kernel.weight<1 x 32, f32, vector>, !kernel.buffer<8 x 192, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$context,
                       Kernel_BufferType:$token, Kernel_WeightType:$norm,
                       Kernel_BufferType:$output, F32Attr:$eps, F32Attr:$factor,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $context `,` $token `,` $norm `outs` $output attr-dict `:`
    type($context) `,` type($token) `,` type($norm) `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_PrepareQOp : Kernel_Stage<"prepare_q"> {
  let summary = "Norms and rotates query heads.";
  let description = [{
    `input` is (rows, heads * head_dim or wider): its first `heads` heads are
    query heads; head_dim is the size of `q_norm`. See gemma.prepare_q.

    ```mlir
    kernel.prepare_q %n, %y, %qn, %t outs %q {eps = 1.0e-6 : f32, heads = 4 : i64}
        : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>,
          !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 64, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_WeightType:$q_norm, Kernel_BufferType:$table,
                       Kernel_BufferType:$output, F32Attr:$eps, I64Attr:$heads,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $q_norm `,` $table `outs` $output attr-dict `:`
    type($input) `,` type($q_norm) `,` type($table) `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_PrepareKvOp : Kernel_Stage<"prepare_kv"> {
  let summary = "Norms and rotates keys, norms values, stores both.";
  let description = [{
    `input` is (rows, 2 * kv heads * head_dim): k, v; or (rows, kv heads *
    head_dim) where v is k. Row r goes to entry positions[r] % capacity of the
    cache of slot positions[r].slot. With `raw_values` values are stored as they
    are. See gemma.prepare_kv.

    ```mlir
    kernel.prepare_kv %n, %y, %kn, %t, %r, %c {eps = 1.0e-6 : f32}
        : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 16, f32, vector>,
          !kernel.buffer<8 x 16, f32>, !kernel.buffer<8 x 2, i32>,
          !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_WeightType:$k_norm, Kernel_BufferType:$table,
                       Kernel_BufferType:$positions, Kernel_CacheType:$cache,
                       F32Attr:$eps, UnitAttr:$raw_values,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $k_norm `,` $table `,` $positions `,` $cache attr-dict
    `:` type($input) `,` type($k_norm) `,` type($table) `,` type($positions) `,`
    type($cache)
  }];
  let hasVerifier = 1;
}

def Kernel_PrepareQkvOp : Kernel_Stage<"prepare_qkv"> {
  let summary = "prepare_q and prepare_kv of one fused projection.";
  let description = [{
    `input` is (rows, (heads + 2 * kv heads) * head_dim): q, k, v; or without the
    columns of v where v is k. See gemma.prepare_qkv.

    ```mlir
    kernel.prepare_qkv %n, %y, %qn, %kn, %t, %r, %c outs %q
        {eps = 1.0e-6 : f32, heads = 4 : i64}
        : !kernel.buffer<8 x 128, f32>, !kernel.weight<1 x 16, f32, vector>,
          !kernel.weight<1 x 16, f32, vector>, !kernel.buffer<8 x 16, f32>,
          !kernel.buffer<8 x 2, i32>,
          !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>,
          !kernel.buffer<8 x 64, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_WeightType:$q_norm, Kernel_WeightType:$k_norm,
                       Kernel_BufferType:$table, Kernel_BufferType:$positions,
                       Kernel_CacheType:$cache, Kernel_BufferType:$output,
                       F32Attr:$eps, I64Attr:$heads, UnitAttr:$raw_values,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $q_norm `,` $k_norm `,` $table `,` $positions `,` $cache
    `outs` $output attr-dict `:` type($input) `,` type($q_norm) `,` type($k_norm)
    `,` type($table) `,` type($positions) `,` type($cache) `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_AttentionOp : Kernel_Stage<"attention"> {
  let summary = "Attention of each row's query heads over its slot's cache.";
  let description = [{
    See gemma.attention; online softmax in f32 over blocks of 32 keys. Quantized if
    the output is q8. Cost follows the visible positions, not the capacity; levels
    with a bf16 dot product round query elements and exponentials to bf16 where the
    cache is bf16.

    Partition `heads, n`: a chunk is up to n rows and the query heads of one KV
    head. Rows of one slot at consecutive positions read K and V once for all of
    them; other rows of a chunk are computed one after another. Partition
    `keys, n`: the visible keys of such a chunk are shared out further, in up to
    `kMostParts` parts whose results `partials` holds until they are merged; with
    one row and few KV heads nothing else is left to share. Partition `rows, 1`: a
    chunk is one row with all its heads, where a head's output is not whole groups
    of a q8 row.

    ```mlir
    kernel.attention %n, %q, %c, %r outs %o {heads = 4 : i64}
        : !kernel.buffer<8 x 64, f32>,
          !kernel.cache<2 x 16, bf16, window = 4, capacity = 288>,
          !kernel.buffer<8 x 2, i32>, !kernel.buffer<8 x 64, q8>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$query,
                       Kernel_CacheType:$cache, Kernel_BufferType:$positions,
                       Optional<Kernel_BufferType>:$partials,
                       Kernel_BufferType:$output, I64Attr:$heads,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $query `,` $cache `,` $positions (`partials` $partials^)? `outs`
    $output attr-dict `:` type($query) `,` type($cache) `,` type($positions)
    (`partials` type($partials)^)? `,` type($output)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Parts that the visible keys of one row are shared out in, at most.
    static constexpr int64_t kMostParts = 16;
    /// Most rows of a stage that shares out keys; more rows are enough to share.
    static constexpr int64_t kMostRowsOfParts = 8;
    /// Bytes of one head's partial result: head_dim f32 padded to 16, and 64
    /// bytes for what they are relative to.
    static int64_t getPartialBytes(int64_t headDim) {
      return gemcut_round_up(4 * headDim, 64) + 64;
    }
    /// f32 columns of `partials`: per row (kMostParts, heads) partial results.
    static int64_t getPartialColumns(int64_t heads, int64_t headDim) {
      return kMostParts * heads * getPartialBytes(headDim) / 4;
    }
    /// Merging parts, or padding rows of q8 behind their heads, takes another.
    int64_t getBarrierCount();
    /// True if the output of every head is whole groups of a q8 row, or f32.
    static bool hasWholeHeads(BufferType output, CacheType cache) {
      return output.getElement() != Element::Q8 ||
             cache.getHeadDim() % GEMCUT_GROUP == 0;
    }
  }];
}

def Kernel_ResidualNormOp : Kernel_Stage<"residual_norm",
    [AttrSizedOperandSegments]> {
  let summary = "Post-norm, residual sum, scalar, next norm, quantization.";
  let description = [{
    See gemma.residual_norm. `sum` may be the buffer of `residual`.

    ```mlir
    kernel.residual_norm %n, %y, %w, %x next %w2 outs %x1, %h {eps = 1.0e-6 : f32}
        : !kernel.buffer<8 x 64, f32>, !kernel.weight<1 x 64, f32, vector>,
          !kernel.buffer<8 x 64, f32> next !kernel.weight<1 x 64, f32, vector>
          outs !kernel.buffer<8 x 64, f32>, !kernel.buffer<8 x 64, q8>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_WeightType:$norm, Kernel_BufferType:$residual,
                       Optional<Kernel_WeightType>:$scalar,
                       Optional<Kernel_WeightType>:$next_norm,
                       Kernel_BufferType:$sum, Optional<Kernel_BufferType>:$next,
                       F32Attr:$eps,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $norm `,` $residual (`scalar` $scalar^)?
    (`next` $next_norm^)? `outs` $sum (`,` $next^)? attr-dict `:` type($input) `,`
    type($norm) `,` type($residual) (`scalar` type($scalar)^)?
    (`next` type($next_norm)^)? `outs` type($sum) (`,` type($next)^)?
  }];
  let hasVerifier = 1;
}

#endif // GEMCUT_KERNEL_ROW_STAGES
