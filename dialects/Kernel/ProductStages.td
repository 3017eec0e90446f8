//===- ProductStages.td - Products with packed weights -----*- tablegen -*-===//
//
// Products of rows, of rows' experts, and the two stages of a greedy head.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_KERNEL_PRODUCT_STAGES
#define GEMCUT_KERNEL_PRODUCT_STAGES

include "dialects/Kernel/KernelOpBase.td"

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
    /// E of `groups` with so many columns.
    static int64_t getExpertsOf(int64_t groupColumns, int64_t pairs) {
      return (groupColumns - 2 - pairs) / 2;
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

def Kernel_ExpertQuantizeOp : Kernel_Stage<"expert_quantize"> {
  let summary = "Rounds grouped rows to int8, each under a scale of its expert.";
  let description = [{
    Row p of the output is the u8 row (!gemma.u8) of row p of the input if that is
    `grouped`, else of the row of the p-th pair of `groups` (see kernel.route); under
    `scale` of the pair's expert, or under the row's own where that is 0 or absent.

    ```mlir
    kernel.expert_quantize %n, %a, %g outs %u
        {chosen = 8 : i64, experts = 128 : i64, grouped}
        : !kernel.buffer<64 x 704, f32>, !kernel.buffer<1 x 322, i32>,
          !kernel.buffer<64 x 704, u8>
    kernel.expert_quantize %n, %z, %g scale %s outs %v
        {chosen = 8 : i64, experts = 128 : i64}
        : !kernel.buffer<8 x 2816, f32>, !kernel.buffer<1 x 322, i32>
          scale !kernel.weight<1 x 128, f32, vector>, !kernel.buffer<64 x 2816, u8>
    ```
  }];
  let arguments = (ins I64:$rows, Kernel_BufferType:$input,
                       Kernel_BufferType:$groups,
                       Optional<Kernel_WeightType>:$scale,
                       Kernel_BufferType:$output, I64Attr:$experts,
                       I64Attr:$chosen, UnitAttr:$grouped,
                       OptionalAttr<Kernel_PartitionAttr>:$partition);
  let assemblyFormat = [{
    $rows `,` $input `,` $groups (`scale` $scale^)? `outs` $output attr-dict `:`
    type($input) `,` type($groups) (`scale` type($scale)^)? `,` type($output)
  }];
  let hasVerifier = 1;
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

#endif // GEMCUT_KERNEL_PRODUCT_STAGES
