//===- KernelOps.td - Stages on buffers ---------------------*- tablegen -*-===//
//
// Part 1: symbols and addresses. Part 2: stages.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_KERNEL_OPS
#define GEMCUT_KERNEL_OPS

include "dialects/Kernel/KernelDialect.td"
include "dialects/Kernel/KernelInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// 1. Symbols and addresses
//===----------------------------------------------------------------------===//

def Kernel_PackedOp : Kernel_Op<"packed", [Symbol]> {
  let summary = "Declares a packed tensor of the weight blob.";
  let description = [{
    `sources` are checkpoint tensors: one, or for an interleaved layout two (tiles
    of the first and second alternate). With `experts` there is one source, which
    holds a matrix for each; tiles of expert e follow those of expert e - 1, and in
    an interleaved layout the two matrices are the halves of an expert's rows.
    `offset` is in bytes from the start of the weight section, set by
    `kernel-plan-weights`. `output_scales`, of formats with row scales, name a
    tensor of one element for each source, under which products round what the
    source's rows give; "" where they do not. The packer reads these ops.

    ```mlir
    kernel.packed @"layers.3.mlp.gate_up"
        {sources = ["model.layers.3.mlp.gate_proj.weight",
                    "model.layers.3.mlp.up_proj.weight"], offset = 4096 : i64}
        : !kernel.weight<12288 x 1536, int4, interleaved>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       StrArrayAttr:$sources, OptionalAttr<I64Attr>:$experts,
                       OptionalAttr<I64Attr>:$offset,
                       TypeAttrOf<Kernel_WeightType>:$type,
                       OptionalAttr<StrArrayAttr>:$output_scales);
  let assemblyFormat = "$sym_name attr-dict `:` $type";
  let hasVerifier = 1;
}

def Kernel_CacheOp : Kernel_Op<"cache", [Symbol]> {
  let summary = "Declares the KV cache of one layer.";
  let description = [{
    `offset` is in bytes from the start of a slot, set by `kernel-plan-kv`.

    ```mlir
    kernel.cache @kv.13 {offset = 0 : i64}
        : !kernel.cache<1 x 256, bf16, window = 512, capacity = 768>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<I64Attr>:$offset,
                       TypeAttrOf<Kernel_CacheType>:$type);
  let assemblyFormat = "$sym_name attr-dict `:` $type";
}

def Kernel_WeightAddressOp : Kernel_Op<"weight_address",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The address of packed tensors that lie next to each other.";
  let description = [{
    Several symbols are a fused product (q, k, v): their tiles follow each other
    without gaps, which `kernel-plan-weights` guarantees. The result's rows are the
    sum of theirs.

    ```mlir
    %w = kernel.weight_address [@"layers.3.q_proj", @"layers.3.k_proj"]
        : !kernel.weight<2304 x 1536, int4, tiles>
    ```
  }];
  let arguments = (ins FlatSymbolRefArrayAttr:$weights);
  let results = (outs Kernel_WeightType:$result);
  let assemblyFormat = "$weights attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Kernel_CacheAddressOp : Kernel_Op<"cache_address",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The address of a layer's KV cache in slot 0.";
  let description = [{
    ```mlir
    %c = kernel.cache_address @kv.13
        : !kernel.cache<1 x 256, bf16, window = 512, capacity = 768>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$cache);
  let results = (outs Kernel_CacheType:$result);
  let assemblyFormat = "$cache attr-dict `:` type($result)";
}

def Kernel_AllocOp : Kernel_Op<"alloc",
    [MemoryEffects<[MemAlloc]>]> {
  let summary = "Arena storage of the enclosing function.";
  let description = [{
    `offset` is in bytes from the function's frame, set by `kernel-plan-buffers`; a
    called function's frame starts behind the caller's. Contents are undefined.

    ```mlir
    %x = kernel.alloc {offset = 0 : i64} : !kernel.buffer<8 x 1536, f32>
    ```
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$offset);
  let results = (outs Kernel_BufferType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def Kernel_ColumnsOp : Kernel_Op<"columns", [Pure]> {
  let summary = "A view of a range of columns of an f32 buffer.";
  let description = [{
    ```mlir
    %p = kernel.columns %ple {offset = 256 : i64}
        : !kernel.buffer<8 x 8960, f32> -> !kernel.buffer<8 x 256, f32, stride = 35840>
    ```
  }];
  let arguments = (ins Kernel_BufferType:$input, I64Attr:$offset);
  let results = (outs Kernel_BufferType:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Kernel_LastRowOp : Kernel_Op<"last_row", [Pure]> {
  let summary = "A view of row `rows - 1`.";
  let description = [{
    ```mlir
    %l = kernel.last_row %rows, %x
        : !kernel.buffer<256 x 64, f32> -> !kernel.buffer<1 x 64, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input);
  let results = (outs Kernel_BufferType:$result);
  let assemblyFormat =
      "$rows `,` $input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Kernel_CountRowsOp : Kernel_Op<"count_rows"> {
  let summary = "Adds `rows` to the step's counter of a layer.";
  let description = [{
    Thread 0 adds; read through gemcut_step.layer_rows. It shows how many rows each
    layer really ran for.

    ```mlir
    kernel.count_rows %rows {layer = 3 : i64}
    ```
  }];
  let arguments = (ins I64:$rows, I64Attr:$layer);
  let assemblyFormat = "$rows attr-dict";
}

//===----------------------------------------------------------------------===//
// 2. Stages
//===----------------------------------------------------------------------===//

class Kernel_Stage<string mnemonic, list<Trait> traits = []>
    : Kernel_Op<mnemonic, !listconcat([Kernel_StageOpInterface], traits)>;

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

def Kernel_RouteOp : Kernel_Stage<"route"> {
  let summary = "Chooses each row's experts and groups rows by expert.";
  let description = [{
    `weights` and the experts as in gemma.route, with E columns of `logits` and k
    of `weights`. A pair i * k + j is the j-th expert of row i, in `experts`
    (rows, k). `groups` is one row of getGroupColumns(E, k * rows) numbers:

      groups[0]               = G, how many experts any row has chosen
      groups[1 + g]           = expert of group g < G, ascending
      groups[1 + E + g]       = number of pairs in front of group g, for g <= G
      groups[2 + 2 E + p]     = the p-th pair; ascending in each group

    ```mlir
    kernel.route %n, %l, %s outs %w, %e, %g
        : !kernel.buffer<8 x 128, f32>, !kernel.weight<1 x 128, f32, vector>,
          !kernel.buffer<8 x 8, f32>, !kernel.buffer<8 x 8, i32>,
          !kernel.buffer<1 x 322, i32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$logits,
                       Kernel_WeightType:$scale, Kernel_BufferType:$weights,
                       Kernel_BufferType:$experts, Kernel_BufferType:$groups,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $logits `,` $scale `outs` $weights `,` $experts `,` $groups
    attr-dict `:` type($logits) `,` type($scale) `,` type($weights) `,`
    type($experts) `,` type($groups)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    static int64_t getGroupColumns(int64_t experts, int64_t pairs) {
      return 2 + 2 * experts + pairs;
    }
    /// Columns of `groups` at which the numbers of each kind begin.
    static constexpr int64_t kGroupExperts = 1;
    static int64_t getGroupStarts(int64_t experts) { return 1 + experts; }
    static int64_t getGroupPairs(int64_t experts) { return 2 + 2 * experts; }
    /// One between the choice, row by row, and the grouping.
    int64_t getBarrierCount() { return 2; }
  }];
}

def Kernel_GroupRowsOp : Kernel_Stage<"group_rows"> {
  let summary = "Copies rows to where their experts read them.";
  let description = [{
    Row p of the output is the row of the p-th pair of `groups` (see
    kernel.route), so that the rows of an expert follow each other.

    ```mlir
    kernel.group_rows %n, %z, %g outs %x {experts = 128 : i64}
        : !kernel.buffer<8 x 2816, q8>, !kernel.buffer<1 x 322, i32>,
          !kernel.buffer<64 x 2816, q8>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_BufferType:$groups, Kernel_BufferType:$output,
                       I64Attr:$experts,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $groups `outs` $output attr-dict `:` type($input) `,`
    type($groups) `,` type($output)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Experts of each row.
    int64_t getChosen() {
      return getOutput().getType().getRows() / getInput().getType().getRows();
    }
  }];
}

def Kernel_ExpertGatedOp : Kernel_Stage<"expert_gated"> {
  let summary = "Gate and up projections of grouped rows.";
  let description = [{
    For row p of the input, whose group has expert e, and I outputs of an expert
    (`chosen` experts of each row of the step):

      outs[p, n] = gelu(gate[e] input[p])[n] * (up[e] input[p])[n]

    Reads the experts that `groups` names and no others. A chunk is
    `partition<tiles, n>` pairs of tiles of one expert.

    ```mlir
    kernel.expert_gated %n, %x, %w, %g outs %a {chosen = 8 : i64, experts = 128 : i64}
        : !kernel.buffer<64 x 2816, q8>,
          !kernel.weight<180224 x 2816, int4, interleaved>,
          !kernel.buffer<1 x 322, i32>, !kernel.buffer<64 x 704, q8>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_WeightType:$weight, Kernel_BufferType:$groups,
                       Kernel_BufferType:$output, I64Attr:$experts,
                       I64Attr:$chosen,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $weight `,` $groups `outs` $output attr-dict `:`
    type($input) `,` type($weight) `,` type($groups) `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_ExpertSumOp : Kernel_Stage<"expert_sum"> {
  let summary = "Weighted sum of each row's experts' down projections.";
  let description = [{
    With `input` the grouped rows of kernel.expert_gated and p the pair of row r
    and its j-th expert e:

      outs[r] = sum_j weights[r, j] * matrix[e] input[p]

    in ascending order of experts. Reads the experts that `groups` names and no
    others. A chunk is `partition<tiles, n>` tiles of outputs, of all experts.

    ```mlir
    kernel.expert_sum %n, %a, %w, %g, %p outs %y {experts = 128 : i64}
        : !kernel.buffer<64 x 704, q8>, !kernel.weight<360448 x 704, int4, tiles>,
          !kernel.buffer<1 x 322, i32>, !kernel.buffer<8 x 8, f32>,
          !kernel.buffer<8 x 2816, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_WeightType:$weight, Kernel_BufferType:$groups,
                       Kernel_BufferType:$weights, Kernel_BufferType:$output,
                       I64Attr:$experts,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $weight `,` $groups `,` $weights `outs` $output attr-dict
    `:` type($input) `,` type($weight) `,` type($groups) `,` type($weights) `,`
    type($output)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Experts of each row.
    int64_t getChosen() { return getWeights().getType().getColumns(); }
  }];
}

class Kernel_ProductOp<string mnemonic, string text> : Kernel_Stage<mnemonic> {
  let summary = text;
  let description = [{
    With W the packed matrix (N, K), x the input row (q8 for int4, q4_0 and int8
    weights, u8 for those with one scale per row, f32 for bf16 and f32 weights), f32
    accumulation across groups, int32 inside a group of 32 or a row of u8:

      y[r, n] = scale * sum_k W[n, k] * x[r, k]

    where the sum is rounded under the row's output scale if W's format has one
    (runtime/abi/packed_layout.h), as gemma.weight says,

    and by epilogue:

      none       outs[r, n] = y[r, n]
      gelu_gate  outs[r, n] = gelu(y of tile 2i) * (y of tile 2i + 1)   interleaved W
      gelu_mul   outs[r, n] = gelu(y[r, n]) * modulator[r, n]
      softcap    outs[r, n] = cap * tanh(y[r, n] / cap)

    Quantized if the output is q8. An f32 output is written in whole tiles: its
    rows have room for N rounded up to 16.

    ```mlir
    kernel.gemv %n, %h, %w outs %g {epilogue = #kernel.epilogue<gelu_gate>,
        scale = 1.0 : f32, tile = #kernel.tile<1 x 1>}
        : !kernel.buffer<8 x 1536, q8>,
          !kernel.weight<12288 x 1536, int4, interleaved>,
          !kernel.buffer<8 x 6144, q8>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_WeightType:$weight,
                       Optional<Kernel_BufferType>:$modulator,
                       Kernel_BufferType:$output,
                       DefaultValuedAttr<Kernel_EpilogueAttr,
                           "::gemcut::kernel::Epilogue::None">:$epilogue,
                       F32Attr:$scale, OptionalAttr<F32Attr>:$cap,
                       OptionalAttr<Kernel_TileAttr>:$tile,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $weight (`mul` $modulator^)? `outs` $output attr-dict `:`
    type($input) `,` type($weight) (`mul` type($modulator)^)? `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_GemvOp : Kernel_ProductOp<"gemv",
    "Product with a packed matrix for a few rows: one pass over the weights.">;
def Kernel_GemmOp : Kernel_ProductOp<"gemm",
    "Product with a packed matrix for many rows, register-blocked.">;


def Kernel_UpperBoundsOp : Kernel_Stage<"upper_bounds"> {
  let summary = "Upper bounds of a product from the upper bits of its weights.";
  let description = [{
    For one row x (q8) and an int8 matrix of which only the upper 6 bits of each
    quant q = 4 u - 128 + r, 0 <= r <= 3, are read:

      outs[0, n] >= y[n] = sum_g ws[n, g] xs[g] sum_k q[n, k] qx[k]
      outs[0, n] = sum_g ws[n, g] xs[g]
                     (sum_k (4 u[n, k] - 128) qx[k] + 3 max(qx[k], 0) + m[g])

    because r qx <= 3 max(qx, 0). m[g] covers the roundings of this sum and of
    the f32 sum that kernel.gemv computes: with G groups each is at most G + 2
    roundings of 2^-24 relative to sum_g ws xs 131 sum_k |qx|, so

      m[g] = 1 + ((G + 2) sum_k |qx[k]| >> 15)  >=  2 (G + 2) 2^-24 131 sum_k |qx|

    With `cap` both sides go through cap * tanh(y / cap), plus 1e-6 cap for the
    error of tanh, so that the order of computed values holds as well.

    ```mlir
    kernel.upper_bounds %n, %x, %w outs %b {cap = 30.0 : f32}
        : !kernel.buffer<8 x 1536, q8>, !kernel.weight<262144 x 1536, int8, coarse>,
          !kernel.buffer<8 x 262144, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_WeightType:$weight, Kernel_BufferType:$output,
                       OptionalAttr<F32Attr>:$cap,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $weight `outs` $output attr-dict `:` type($input) `,`
    type($weight) `,` type($output)
  }];
  let hasVerifier = 1;
}

def Kernel_RescoreOp : Kernel_Stage<"rescore"> {
  let summary = "The outputs of single weight tiles, as kernel.gemv gives them.";
  let description = [{
    `rows` is the number of tiles, `tiles` their indices t. For each, outs[0, 16 t ..
    16 t + 15] gets the bits that kernel.gemv (with epilogue softcap if there is a
    cap) writes for row 0 of `input`.

    ```mlir
    kernel.rescore %n, %t, %x, %w outs %y {cap = 30.0 : f32}
        : !kernel.buffer<16384 x 1, i32>, !kernel.buffer<8 x 1536, q8>,
          !kernel.weight<262144 x 1536, int8, tiles>, !kernel.buffer<8 x 262144, f32>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$tiles,
                       Kernel_BufferType:$input, Kernel_WeightType:$weight,
                       Kernel_BufferType:$output, OptionalAttr<F32Attr>:$cap,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $tiles `,` $input `,` $weight `outs` $output attr-dict `:`
    type($tiles) `,` type($input) `,` type($weight) `,` type($output)
  }];
  let hasVerifier = 1;
}

#endif // GEMCUT_KERNEL_OPS
