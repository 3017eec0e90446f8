//===- ElementaryOps.td - Layers, as the importer writes them *- tablegen -*-===//
//
// Each op holds one formula of the model and its source.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_GEMMA_ELEMENTARY_OPS
#define GEMCUT_GEMMA_ELEMENTARY_OPS

include "dialects/Gemma/GemmaOpBase.td"

def Gemma_EmbedOp : Gemma_Op<"embed", [Pure, Gemma_Rowwise]> {
  let summary = "Scaled rows of an embedding table.";
  let description = [{
      result[r, :] = scale * table[ids[r], :]

    `scale` is sqrt(hidden_size) for the token table and sqrt(P) for the per-layer
    table (HF: Gemma4TextScaledWordEmbedding, computed in f32).

    ```mlir
    %x = gemma.embed %ids, %table {scale = 39.1918 : f32}
        : tensor<?xi32>, tensor<262144x1536xbf16> -> tensor<?x1536xf32>
    ```
  }];
  let arguments = (ins Gemma_Ids:$ids, Gemma_Matrix:$table, F32Attr:$scale);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = [{
    $ids `,` $table attr-dict `:` type($ids) `,` type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_LinearOp : Gemma_Op<"linear", [Pure, Gemma_Rowwise]> {
  let summary = "Product with one or more weight matrices.";
  let description = [{
    With W the matrices stacked along their rows (out, in):

      y[r, n] = scale * sum_k W[n, k] * input[r, k]
      result  = cap absent ? y : cap * tanh(y / cap)

    Several weights are the fused q/k/v projection: the result holds their outputs
    side by side. Weights may round the input and the sums (see `weight`). `cap` is final_logit_softcapping, fused by `gemma-fuse-softcap`.
    HF: torch.nn.Linear without bias.

    ```mlir
    %y = gemma.linear %x, [%wq, %wk, %wv] {scale = 1.0 : f32}
        : tensor<?x64xf32>, [tensor<64x64xf32>, tensor<16x64xf32>,
          tensor<16x64xf32>] -> tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Gemma_RowsOrInt8:$input, Variadic<Gemma_Matrix>:$weights,
                       F32Attr:$scale, OptionalAttr<F32Attr>:$cap);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = [{
    $input `,` `[` $weights `]` attr-dict `:` type($input) `,` `[` type($weights) `]`
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_RmsNormOp : Gemma_Op<"rms_norm", [Pure, Gemma_Rowwise]> {
  let summary = "Root-mean-square normalization of groups of the last dimension.";
  let description = [{
    For every group of `group` consecutive elements x of the last dimension:

      result = x * (mean(x^2) + eps)^(-1/2) * weight      (weight absent: 1)

    `group` is the row for layer norms, head_dim for q/k/v norms, P for the
    per-layer embedding. The multiplier is the weight itself, not 1 + weight. A
    result of int8 is norm followed by `gemma.quantize`.
    HF: Gemma4RMSNorm.

    ```mlir
    %h = gemma.rms_norm %x, %w {eps = 1.0e-6 : f32, group = 64 : i64}
        : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, Optional<Gemma_Vector>:$weight,
                       F32Attr:$eps, I64Attr:$group);
  let results = (outs Gemma_RowsOrInt8:$result);
  let assemblyFormat = [{
    $input (`,` $weight^)? attr-dict `:` type($input) (`,` type($weight)^)?
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_RopeTableOp : Gemma_Op<"rope_table", [Pure, Gemma_Rowwise]> {
  let summary = "Cosines and sines of the rotation angles of each row.";
  let description = [{
    With f[j] = (1 / theta^(2j / head_dim)) / factor in f32 and the angle as the f32
    product a = f32(position) * f[j], for j in 0 .. pairs-1:

      result[r, j] = cos(a),   result[r, pairs + j] = sin(a)

    `pairs` is head_dim/2 for rope_type "default" and
    int(partial_rotary_factor * head_dim // 2) for "proportional". `factor` is that of
    linear scaling (HF: rope_type "linear"), 1 without. The f32 product
    is part of the definition: HF forms it so (Gemma4TextRotaryEmbedding), and at
    position 100,000 an exact angle differs visibly.

    ```mlir
    %t = gemma.rope_table %positions
        {head_dim = 512 : i64, pairs = 64 : i64, theta = 1.0e6 : f32}
        : tensor<?xi64> -> tensor<?x128xf32>
    ```
  }];
  let arguments = (ins Gemma_Positions:$positions, I64Attr:$head_dim,
                       I64Attr:$pairs, F32Attr:$theta,
                       DefaultValuedAttr<F32Attr, "1.0f">:$factor);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat =
      "$positions attr-dict `:` type($positions) `->` type($result)";
  let hasVerifier = 1;
}

def Gemma_RopeOp : Gemma_Op<"rope", [Pure, Gemma_Rowwise]> {
  let summary = "Rotary position embedding, half-split pairs.";
  let description = [{
    For each head x of head_dim = d elements and j in 0 .. pairs-1, with c and s
    from the row of `table` (see `rope_table`):

      result[j]       = x[j] * c[j] - x[j + d/2] * s[j]
      result[j + d/2] = x[j + d/2] * c[j] + x[j] * s[j]

    Elements of pairs beyond the table's pass through. HF: apply_rotary_pos_emb.

    ```mlir
    %q1 = gemma.rope %q, %t {head_dim = 16 : i64}
        : tensor<?x64xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, Gemma_Rows:$table, I64Attr:$head_dim);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = [{
    $input `,` $table attr-dict `:` type($input) `,` type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_KvWriteOp : Gemma_Op<"kv_write", [MemoryEffects<[MemWrite]>]> {
  let summary = "Stores the keys and values of the step's rows.";
  let description = [{
    For every row r and KV head h, position positions[r] of the cache becomes
    key[r, h, :] and value[r, h, :]. The result is the state after the write.

    ```mlir
    %kv1 = gemma.kv_write %k, %v, %positions, %kv0
        : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi64>, !gemma.kv<2 x 16>
    ```
  }];
  let arguments = (ins Gemma_Rows:$key, Gemma_Rows:$value,
                       Gemma_Positions:$positions, Gemma_KvType:$cache);
  let results = (outs Gemma_KvType:$result);
  let assemblyFormat = [{
    $key `,` $value `,` $positions `,` $cache attr-dict `:` type($key) `,`
    type($value) `,` type($positions) `,` custom<SameType>(type($cache), type($result))
  }];
  let hasVerifier = 1;
}

def Gemma_AttentionOp : Gemma_Op<"attention",
    [Gemma_Rowwise, MemoryEffects<[MemRead]>]> {
  let summary = "Causal grouped-query attention over a KV state.";
  let description = [{
    `query` is (rows, heads * head_dim), heads in order. For row r at position p,
    head h, and g = h / (heads / kv.heads), over the positions t with t <= p and,
    if kv.window = W > 0, t > p - W:

      s[t] = sum_d K[t, g, d] * query[r, h, d]           (no 1/sqrt(d): scale is 1)
      result[r, h, :] = sum_t softmax(s)[t] * V[t, g, :]

    HF: eager_attention_forward with scaling = 1.0.

    ```mlir
    %o = gemma.attention %q, %kv, %positions {heads = 4 : i64}
        : tensor<?x64xf32>, !gemma.kv<2 x 16, window = 4>, tensor<?xi64>
        -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$query, Gemma_KvType:$kv,
                       Gemma_Positions:$positions, I64Attr:$heads);
  let results = (outs Gemma_RowsOrInt8:$result);
  let assemblyFormat = [{
    $query `,` $kv `,` $positions attr-dict `:` type($query) `,` type($kv) `,`
    type($positions) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_GeluMulOp : Gemma_Op<"gelu_mul",
    [Pure, Gemma_Rowwise, SameOperandsAndResultType]> {
  let summary = "Tanh-GELU of one operand times the other.";
  let description = [{
      gelu(u) = u/2 * (1 + tanh(sqrt(2/pi) * (u + 0.044715 u^3)))
      result  = gelu(gate) * up

    HF: hidden_activation "gelu_pytorch_tanh".

    ```mlir
    %g = gemma.gelu_mul %gate, %up : tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$gate, Gemma_Rows:$up);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` type($result)";
}

def Gemma_AddOp : Gemma_Op<"add",
    [Pure, Gemma_Rowwise, Commutative, SameOperandsAndResultType]> {
  let summary = "Elementwise sum.";
  let description = [{
      result = lhs + rhs

    ```mlir
    %s = gemma.add %a, %b : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$lhs, Gemma_Rows:$rhs);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def Gemma_ScaleOp : Gemma_Op<"scale",
    [Pure, Gemma_Rowwise, SameOperandsAndResultType]> {
  let summary = "Product with a constant.";
  let description = [{
      result = factor * input

    ```mlir
    %s = gemma.scale %x {factor = 0.70710678 : f32} : tensor<?x192xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, F32Attr:$factor);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}

def Gemma_ScaleByOp : Gemma_Op<"scale_by", [Pure, Gemma_Rowwise]> {
  let summary = "Product with a stored scalar (layer_scalar).";
  let description = [{
      result = scalar[0] * input

    ```mlir
    %x1 = gemma.scale_by %x, %s : tensor<?x64xf32>, tensor<1xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, Gemma_Vector:$scalar);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = [{
    $input `,` $scalar attr-dict `:` type($input) `,` type($scalar) `->`
    type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_SliceOp : Gemma_Op<"slice", [Pure, Gemma_Rowwise]> {
  let summary = "A range of columns.";
  let description = [{
      result[r, c] = input[r, offset + c]

    ```mlir
    %p3 = gemma.slice %ple {offset = 96 : i64} : tensor<?x192xf32> -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, I64Attr:$offset);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Gemma_SoftcapOp : Gemma_Op<"softcap",
    [Pure, Gemma_Rowwise, SameOperandsAndResultType]> {
  let summary = "Soft cap of the logits.";
  let description = [{
      result = cap * tanh(input / cap)

    HF: final_logit_softcapping.

    ```mlir
    %l = gemma.softcap %y {cap = 30.0 : f32} : tensor<?x256xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, F32Attr:$cap);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}

def Gemma_SoftmaxOp : Gemma_Op<"softmax",
    [Pure, Gemma_Rowwise, SameOperandsAndResultType]> {
  let summary = "Softmax of each row: the router's probabilities.";
  let description = [{
      result[r, e] = exp(input[r, e]) / sum_j exp(input[r, j])

    HF: Gemma4TextRouter, over all experts, in f32.

    ```mlir
    %p = gemma.softmax %l : tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}

def Gemma_TopExpertsOp : Gemma_Op<"top_experts", [Pure, Gemma_Rowwise]> {
  let summary = "The most probable experts of each row and their weights.";
  let description = [{
    With k the width of the results and S the k experts e of largest probs[r, e]
    in descending order, the lowest first of equal ones:

      experts[r, i] = S[i]
      weights[r, i] = probs[r, S[i]] / (sum_j probs[r, S[j]]) * scale[S[i]]

    `scale` multiplies after the weights were made to sum to 1.
    HF: Gemma4TextRouter.

    ```mlir
    %w, %e = gemma.top_experts %p, %s
        : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$probs, Gemma_Vector:$scale);
  let results = (outs Gemma_Rows:$weights, Gemma_Choice:$experts);
  let assemblyFormat = [{
    $probs `,` $scale attr-dict `:` type($probs) `,` type($scale) `->`
    type($weights) `,` type($experts)
  }];
  let hasVerifier = 1;
}

def Gemma_ExpertGatedLinearOp : Gemma_Op<"expert_gated_linear",
    [Pure, Gemma_Rowwise]> {
  let summary = "Gate and up projections of each row's experts.";
  let description = [{
    With k experts per row and a width of I per expert, for i < k, e = experts[r, i]:

      result[r, i * I + n] = gelu(gate[e] input[r])[n] * (up[e] input[r])[n]

    `matrices` is (E, 2 I, in): the first I rows of an expert are its gate, the
    others its up projection. Experts that no row has chosen are not read. If the
    input is k * in wide, input[r] is its part i instead (`expert_quantize`).
    HF: Gemma4TextExperts.

    ```mlir
    %a = gemma.expert_gated_linear %z, %e, %w
        : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x64x64xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_RowsOrInt8:$input, Gemma_Choice:$experts,
                       Gemma_Experts:$matrices);
  let results = (outs Gemma_RowsOrInt8:$result);
  let assemblyFormat = [{
    $input `,` $experts `,` $matrices attr-dict `:` type($input) `,`
    type($experts) `,` type($matrices) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_ExpertLinearOp : Gemma_Op<"expert_linear", [Pure, Gemma_Rowwise]> {
  let summary = "Weighted sum of the down projections of each row's experts.";
  let description = [{
    With k experts per row and I = in of `matrices`, for e = experts[r, i]:

      result[r] = sum_{i < k} weights[r, i] * matrices[e] input[r, i * I .. (i+1) * I]

    HF: Gemma4TextExperts.

    ```mlir
    %y = gemma.expert_linear %a, %e, %w, %down
        : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32>
        -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_RowsOrInt8:$input, Gemma_Choice:$experts,
                       Gemma_Rows:$weights, Gemma_Experts:$matrices);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = [{
    $input `,` $experts `,` $weights `,` $matrices attr-dict `:` type($input) `,`
    type($experts) `,` type($weights) `,` type($matrices) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_SelectLastOp : Gemma_Op<"select_last", [Pure]> {
  let summary = "The last row.";
  let description = [{
      result[0, ...] = input[rows - 1, ...]

    ```mlir
    %l = gemma.select_last %x : tensor<?x64xf32> -> tensor<1x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // GEMCUT_GEMMA_ELEMENTARY_OPS
