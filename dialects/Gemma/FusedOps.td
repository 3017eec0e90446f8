//===- FusedOps.td - Layers, as kernels compute them -------*- tablegen -*-===//
//
// What passes/Gemma makes of elementary ops; each names those it equals.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_GEMMA_FUSED_OPS
#define GEMCUT_GEMMA_FUSED_OPS

include "dialects/Gemma/GemmaOpBase.td"

def Gemma_QuantizeOp : Gemma_Op<"quantize", [Pure, Gemma_Rowwise]> {
  let summary = "Rounds activations to int8, in groups of 32 or row by row.";
  let description = [{
    See `!gemma.q8` and `!gemma.u8`; `scale` is that of all rows of a u8 result.
    Inserted by `gemma-materialize-activation-quantization` in front of products
    with quantized weights, then fused into the producer.

    ```mlir
    %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
    %u = gemma.quantize %x scale %s
        : tensor<?x64xf32> scale tensor<1xf32> -> tensor<?x64x!gemma.u8>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, Optional<Gemma_Vector>:$scale);
  let results = (outs Gemma_Int8Rows:$result);
  let assemblyFormat = [{
    $input (`scale` $scale^)? attr-dict `:` type($input) (`scale` type($scale)^)?
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_ExpertQuantizeOp : Gemma_Op<"expert_quantize", [Pure, Gemma_Rowwise]> {
  let summary = "Rounds what each row's experts read to int8.";
  let description = [{
    With k experts per row, a width of I per expert, for i < k, e = experts[r, i]:

      result[r, i * I .. (i+1) * I] = u8(x; scale[e])
      x = input[r, i * I .. (i+1) * I], or input[r] if the input is I wide

    each as a row of `!gemma.u8`: under its own scale, max|x| / 127, if there is no
    `scale` or scale[e] is 0. Inserted by
    `gemma-materialize-activation-quantization` in front of products of experts
    whose weights have one scale per row.

    ```mlir
    %u = gemma.expert_quantize %a, %e
        : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x64x!gemma.u8>
    %v = gemma.expert_quantize %z, %e scale %s
        : tensor<?x64xf32>, tensor<?x2xi32> scale tensor<8xf32> -> tensor<?x128x!gemma.u8>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, Gemma_Choice:$experts,
                       Optional<Gemma_Vector>:$scale);
  let results = (outs Gemma_U8Rows:$result);
  let assemblyFormat = [{
    $input `,` $experts (`scale` $scale^)? attr-dict `:` type($input) `,`
    type($experts) (`scale` type($scale)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_AdaptOp : Gemma_Op<"adapt", [Pure, Gemma_Rowwise]> {
  let summary = "Adds the product of the adapter that the step chose (LoRA).";
  let description = [{
    `a` holds (adapters, rank, inputs) and `b` (adapters, rank, outputs) values. With
    n the adapter that the step chose and o = offset:

      t[r, k]          = sum_c a[n, k, c] * input[r, c]
      result[r, o + j] = base[r, o + j] + sum_k b[n, k, j] * t[r, k]

    All other columns, and the whole result of a step that chose none, are `base`.
    Made by `gemma-insert-adapters`; the factor of the product is part of `b`.
    Source: PEFT, tuners/lora/layer.py.

    ```mlir
    %y1 = gemma.adapt %y, %x, %a, %b {offset = 64 : i64, rank = 4 : i64}
        : tensor<?x128xf32>, tensor<?x64xf32>, tensor<512xf32>, tensor<256xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$base, Gemma_Rows:$input, Gemma_Vector:$a,
                       Gemma_Vector:$b, I64Attr:$rank, I64Attr:$offset);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = [{
    $base `,` $input `,` $a `,` $b attr-dict `:`
    custom<SameType>(type($base), type($result)) `,` type($input) `,` type($a) `,`
    type($b)
  }];
  let hasVerifier = 1;
}

def Gemma_PleInputsOp : Gemma_Op<"ple_inputs", [Pure, Gemma_Rowwise]> {
  let summary = "Per-layer inputs from context and token parts.";
  let description = [{
    With P = size of `norm`, for every group of P columns:

      result = factor * (rms_norm(context; norm, eps) + token)

    Equals `rms_norm` + `add` + `scale`. factor = 2^(-1/2).
    HF: Gemma4TextModel.project_per_layer_inputs.

    ```mlir
    %p = gemma.ple_inputs %ctx, %tok, %w {eps = 1.0e-6 : f32, factor = 0.70710678 : f32}
        : tensor<?x192xf32>, tensor<32xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$context, Gemma_Rows:$token,
                       Gemma_Vector:$norm, F32Attr:$eps, F32Attr:$factor);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = [{
    $context `,` $token `,` $norm attr-dict `:`
    custom<SameTypes>(type($context), type($token), type($result)) `,` type($norm)
  }];
  let hasVerifier = 1;
}

def Gemma_PrepareQkvOp : Gemma_Op<"prepare_qkv", [MemoryEffects<[MemWrite]>]> {
  let summary = "Norms and rotates fused q/k/v projections and stores K and V.";
  let description = [{
    `qkv` is (rows, (heads + 2 * kv.heads) * head_dim): q, k, v side by side.

      query = rope(rms_norm(q; q_norm, group = head_dim), table)
      K     = rope(rms_norm(k; k_norm, group = head_dim), table)
      V     = rms_norm(v; group = head_dim)
      kv    = kv_write(K, V, positions, cache)

    With `raw_values` V is v itself (Gemma 3). Without columns for v, that is with
    (heads + kv.heads) * head_dim of them, v is k (HF: attention_k_eq_v). Equals `slice`, `rms_norm`, `rope` and `kv_write` of
    an own-KV layer.

    ```mlir
    %q, %kv1 = gemma.prepare_qkv %qkv, %qn, %kn, %t, %positions, %kv0
        {eps = 1.0e-6 : f32, heads = 4 : i64}
        : tensor<?x128xf32>, tensor<16xf32>, tensor<16xf32>, tensor<?x16xf32>,
          tensor<?xi64>, !gemma.kv<2 x 16, window = 4> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$qkv, Gemma_Vector:$q_norm,
                       Gemma_Vector:$k_norm, Gemma_Rows:$table,
                       Gemma_Positions:$positions, Gemma_KvType:$cache,
                       F32Attr:$eps, I64Attr:$heads, UnitAttr:$raw_values);
  let results = (outs Gemma_Rows:$query, Gemma_KvType:$kv);
  let assemblyFormat = [{
    $qkv `,` $q_norm `,` $k_norm `,` $table `,` $positions `,` $cache attr-dict `:`
    type($qkv) `,` type($q_norm) `,` type($k_norm) `,` type($table) `,`
    type($positions) `,` custom<SameType>(type($cache), type($kv)) `->` type($query)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// False where v is k.
    bool hasValueColumns() {
      KvType kv = getCache().getType();
      return getQkv().getType().getDimSize(1) >
             (int64_t(getHeads()) + kv.getHeads()) * kv.getHeadDim();
    }
  }];
}

def Gemma_PrepareKvOp : Gemma_Op<"prepare_kv", [MemoryEffects<[MemWrite]>]> {
  let summary = "Norms and rotates fused k/v projections and stores K and V.";
  let description = [{
    `prepare_qkv` without the query: `projected` holds k and v side by side, or k
    alone where v is k. Arises where liveness needs K and V of all rows but the
    query of the last row alone.

    ```mlir
    %kv1 = gemma.prepare_kv %kv, %kn, %t, %positions, %kv0 {eps = 1.0e-6 : f32}
        : tensor<?x64xf32>, tensor<16xf32>, tensor<?x16xf32>, tensor<?xi64>,
          !gemma.kv<2 x 16, window = 4>
    ```
  }];
  let arguments = (ins Gemma_Rows:$projected, Gemma_Vector:$k_norm,
                       Gemma_Rows:$table, Gemma_Positions:$positions,
                       Gemma_KvType:$cache, F32Attr:$eps, UnitAttr:$raw_values);
  let results = (outs Gemma_KvType:$kv);
  let assemblyFormat = [{
    $projected `,` $k_norm `,` $table `,` $positions `,` $cache attr-dict `:`
    type($projected) `,` type($k_norm) `,` type($table) `,` type($positions) `,`
    custom<SameType>(type($cache), type($kv))
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// False where v is k.
    bool hasValueColumns() {
      KvType kv = getCache().getType();
      return getProjected().getType().getDimSize(1) >
             kv.getHeads() * kv.getHeadDim();
    }
  }];
}

def Gemma_PrepareQOp : Gemma_Op<"prepare_q", [Pure, Gemma_Rowwise]> {
  let summary = "Norms and rotates a query projection.";
  let description = [{
      result = rope(rms_norm(query; q_norm, group = head_dim), table)

    head_dim is the size of `q_norm`. Equals `rms_norm` + `rope`: a layer that
    reads another layer's K and V.

    ```mlir
    %q1 = gemma.prepare_q %q, %qn, %t {eps = 1.0e-6 : f32}
        : tensor<?x64xf32>, tensor<16xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$query, Gemma_Vector:$q_norm, Gemma_Rows:$table,
                       F32Attr:$eps);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = [{
    $query `,` $q_norm `,` $table attr-dict `:` type($query) `,` type($q_norm) `,`
    type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_GatedLinearOp : Gemma_Op<"gated_linear", [Pure, Gemma_Rowwise]> {
  let summary = "Gate and up projections with their GELU product.";
  let description = [{
      result = gelu(gate input) * (up input)

    Equals two `linear` and a `gelu_mul`.

    ```mlir
    %g = gemma.gated_linear %h, %gate, %up
        : tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32> -> tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Gemma_RowsOrInt8:$input, Gemma_Matrix:$gate,
                       Gemma_Matrix:$up);
  let results = (outs Gemma_RowsOrInt8:$result);
  let assemblyFormat = [{
    $input `,` $gate `,` $up attr-dict `:` type($input) `,` type($gate) `,`
    type($up) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_RouteOp : Gemma_Op<"route", [Pure, Gemma_Rowwise]> {
  let summary = "The experts of each row and their weights, from logits.";
  let description = [{
      weights, experts = top_experts(softmax(logits), scale)

    ```mlir
    %w, %e = gemma.route %l, %s
        : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$logits, Gemma_Vector:$scale);
  let results = (outs Gemma_Rows:$weights, Gemma_Choice:$experts);
  let assemblyFormat = [{
    $logits `,` $scale attr-dict `:` type($logits) `,` type($scale) `->`
    type($weights) `,` type($experts)
  }];
  let hasVerifier = 1;
}

def Gemma_ModulatedLinearOp : Gemma_Op<"modulated_linear",
    [Pure, Gemma_Rowwise]> {
  let summary = "GELU of a projection times a given row (the per-layer input).";
  let description = [{
      result = gelu(weight input) * modulator

    Equals `linear` + `gelu_mul`.

    ```mlir
    %g = gemma.modulated_linear %x, %w, %ple
        : tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x32xf32> -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins Gemma_RowsOrInt8:$input, Gemma_Matrix:$weight,
                       Gemma_Rows:$modulator);
  let results = (outs Gemma_RowsOrInt8:$result);
  let assemblyFormat = [{
    $input `,` $weight `,` $modulator attr-dict `:` type($input) `,`
    type($weight) `,` type($modulator) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_ResidualNormOp : Gemma_Op<"residual_norm",
    [Pure, Gemma_Rowwise, AttrSizedOperandSegments]> {
  let summary = "Post-norm, residual sum, and what the next product reads.";
  let description = [{
      sum  = residual + rms_norm(input; norm, eps)
      sum  = sum * scalar[0]                    (if `scalar` is given)
      next = rms_norm(sum; next_norm, eps)      (if `next_norm` is given)
      next = quantize(sum)                      (if not, and two results are wanted)

    A next of int8 is quantized. Equals `rms_norm`, `add`, `scale_by`,
    `rms_norm`, `quantize`.

    ```mlir
    %x1, %h = gemma.residual_norm %y, %w, %x next %w2 {eps = 1.0e-6 : f32}
        : tensor<?x64xf32>, tensor<64xf32> next tensor<64xf32>
        -> tensor<?x64xf32>, tensor<?x64x!gemma.q8>
    ```
  }];
  let arguments = (ins Gemma_Rows:$input, Gemma_Vector:$norm,
                       Gemma_Rows:$residual, Optional<Gemma_Vector>:$scalar,
                       Optional<Gemma_Vector>:$next_norm, F32Attr:$eps);
  let results = (outs Gemma_Rows:$sum, Optional<Gemma_RowsOrInt8>:$next);
  let assemblyFormat = [{
    $input `,` $norm `,` $residual (`scalar` $scalar^)? (`next` $next_norm^)?
    attr-dict `:` custom<SameType>(type($input), type($residual)) `,` type($norm)
    (`scalar` type($scalar)^)? (`next` type($next_norm)^)?
    `->` type($sum) (`,` type($next)^)?
  }];
  let hasVerifier = 1;
}

#endif // GEMCUT_GEMMA_FUSED_OPS
