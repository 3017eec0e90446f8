//===- Passes.td - From the imported model to fused layers -*- tablegen -*-===//
//
// In the order in which compiler/Pipeline runs them: verify the import, make entry
// points, fuse, choose formats, outline.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_PASSES_GEMMA_PASSES
#define GEMCUT_PASSES_GEMMA_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Import
//===----------------------------------------------------------------------===//

def VerifyImportedPass : Pass<"gemma-verify-imported", "mlir::ModuleOp"> {
  let summary = "Rejects modules that an importer may not produce.";
  let description = [{
    Requires: any verified module. Ensures: every gemma op is one of
    SymbolOps.td or ElementaryOps.td and its location holds a name, so that later
    messages can say which tensor or layer they mean. Changes nothing; reports
    every offender, not only the first.
  }];
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

def MaterializeEntryPointsPass
    : Pass<"gemma-materialize-entry-points", "mlir::ModuleOp"> {
  let summary = "Makes the entry points of @forward.";
  let description = [{
    Requires: `@forward(tensor<?xi32>, tensor<?xi64>) -> tensor<?xVxf32>`, which
    nothing calls. Ensures: four functions instead of it.

    * `@decode`: logits of every row; rows of one or of several sequences.
    * `@prefill`: a chunk of one sequence; the logits of its last row alone.
    * `@extend`: a chunk of one sequence that more will follow; no result, so
      everything behind the last keys and values is gone.
    * `@score`: a chunk of one sequence; logits of every row.

    ```mlir
    func.func @forward(%ids: tensor<?xi32>, %positions: tensor<?xi64>)
        -> tensor<?x256xf32>
    ```
    becomes, besides the others,
    ```mlir
    func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi64>)
        -> tensor<1x256xf32>
        attributes {gemma.entry = "prefill", gemma.max_rows = 256 : i64} {
      ...
      %last = gemma.select_last %logits : tensor<?x256xf32> -> tensor<1x256xf32>
      return %last : tensor<1x256xf32>
    }
    ```
  }];
  let options = [
    Option<"decodeMaxRows", "decode-max-rows", "int64_t", /*default=*/"8",
           "Most rows of one call of decode.">,
    Option<"prefillChunk", "prefill-chunk", "int64_t", /*default=*/"256",
           "Most rows of one call of prefill and extend.">,
    Option<"scoreChunk", "score-chunk", "int64_t", /*default=*/"64",
           "Most rows of one call of score.">,
  ];
  let statistics = [
    Statistic<"numEntries", "entries", "Number of entry points made">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def SinkSelectLastPass : Pass<"gemma-sink-select-last", "mlir::func::FuncOp"> {
  let summary = "Computes for the last row what only the last row needs.";
  let description = [{
    Liveness of rows, from the results to the inputs: an op whose row r depends on
    row r of its operands alone (trait Rowwise), and whose results are read by
    `select_last` only, is replaced by the op on `select_last` of its row operands
    (those with a dynamic leading dimension; ids and positions too). The
    `select_last` ops of one value become one.

    `kv_write` is not Rowwise: later calls read every row it stores. So in prefill
    everything that does not lead to a KV state runs for one row: all layers after
    the last own-KV layer, and of that layer all but k and v.

    ```mlir
    %y = gemma.linear %x, [%w] {scale = 1.0 : f32}
        : tensor<?x64xf32>, [tensor<96x64xf32>] -> tensor<?x96xf32>
    %l = gemma.select_last %y : tensor<?x96xf32> -> tensor<1x96xf32>
    ```
    becomes
    ```mlir
    %x1 = gemma.select_last %x : tensor<?x64xf32> -> tensor<1x64xf32>
    %l = gemma.linear %x1, [%w] {scale = 1.0 : f32}
        : tensor<1x64xf32>, [tensor<96x64xf32>] -> tensor<1x96xf32>
    ```
  }];
  let statistics = [
    Statistic<"numSunk", "sunk", "Number of ops reduced to one row">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

//===----------------------------------------------------------------------===//
// Fusion
//===----------------------------------------------------------------------===//

def FuseScalePass : Pass<"gemma-fuse-scale", "mlir::func::FuncOp"> {
  let summary = "Folds a constant factor into the linear in front of it.";
  let description = [{
        scale(linear(x; scale = a); factor = b)  =  linear(x; scale = a * b)

    The linear has no cap and no other user. In Gemma 4 this is the H^(-1/2) of
    the per-layer context projection, where a = 1 and nothing is rounded anew.

    ```mlir
    %y = gemma.linear %x, [%w] {scale = 1.0 : f32} : ...
    %s = gemma.scale %y {factor = 0.125 : f32} : tensor<?x192xf32>
    ```
    becomes
    ```mlir
    %s = gemma.linear %x, [%w] {scale = 0.125 : f32} : ...
    ```
  }];
  let statistics = [Statistic<"numFused", "fused", "Number of scales folded">];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FuseSoftcapPass : Pass<"gemma-fuse-softcap", "mlir::func::FuncOp"> {
  let summary = "Applies the soft cap where the logits are computed.";
  let description = [{
        softcap(linear(x); cap)  =  linear(x; cap)

    The linear has no cap yet and no other user.

    ```mlir
    %y = gemma.linear %x, [%w] {scale = 1.0 : f32} : ...
    %l = gemma.softcap %y {cap = 30.0 : f32} : tensor<?x256xf32>
    ```
    becomes
    ```mlir
    %l = gemma.linear %x, [%w] {cap = 30.0 : f32, scale = 1.0 : f32} : ...
    ```
  }];
  let statistics = [Statistic<"numFused", "fused", "Number of caps fused">];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FusePleInputsPass : Pass<"gemma-fuse-ple-inputs", "mlir::func::FuncOp"> {
  let summary = "Fuses norm, sum and factor of the per-layer inputs.";
  let description = [{
        scale(add(rms_norm(context; w, eps, group), token); factor)
          =  ple_inputs(context, token, w; eps, factor)

    ```mlir
    %n = gemma.rms_norm %ctx, %w {eps = 1.0e-6 : f32, group = 32 : i64} : ...
    %s = gemma.add %n, %tok : tensor<?x192xf32>
    %p = gemma.scale %s {factor = 0.70710678 : f32} : tensor<?x192xf32>
    ```
    becomes
    ```mlir
    %p = gemma.ple_inputs %ctx, %tok, %w {eps = 1.0e-6 : f32, factor = 0.70710678 : f32}
        : tensor<?x192xf32>, tensor<32xf32>
    ```
  }];
  let statistics = [Statistic<"numFused", "fused", "Number of ple_inputs made">];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FuseQkvPass : Pass<"gemma-fuse-qkv", "mlir::func::FuncOp"> {
  let summary = "Projects q, k and v in one product.";
  let description = [{
    Finds k and v as what `kv_write` stores, behind norm (v also without) and RoPE, and q as what an
    attention over the written state asks with. Linears that read the same input,
    in the same layer, become one with several weights, in the order q, k, v, and
    slices of its result. q stays alone where it reads another input (the last row
    only). Where v is the raw k, there are only q and k to join.

    Every output size must be a multiple of 16, the rows of a packed tile:
    otherwise the weights would not be one packed operand.

    ```mlir
    %q = gemma.linear %h, [%wq] {scale = 1.0 : f32} : ... -> tensor<?x64xf32>
    %k = gemma.linear %h, [%wk] {scale = 1.0 : f32} : ... -> tensor<?x32xf32>
    %v = gemma.linear %h, [%wv] {scale = 1.0 : f32} : ... -> tensor<?x32xf32>
    ```
    becomes
    ```mlir
    %y = gemma.linear %h, [%wq, %wk, %wv] {scale = 1.0 : f32} : ... -> tensor<?x128xf32>
    %q = gemma.slice %y {offset = 0 : i64} : tensor<?x128xf32> -> tensor<?x64xf32>
    %k = gemma.slice %y {offset = 64 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
    %v = gemma.slice %y {offset = 96 : i64} : tensor<?x128xf32> -> tensor<?x32xf32>
    ```
  }];
  let statistics = [
    Statistic<"numFused", "fused", "Number of linears that became part of one">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def InsertAdaptersPass : Pass<"gemma-insert-adapters", "mlir::ModuleOp"> {
  let summary = "Adds the products of adapters behind those they change.";
  let description = [{
    A `gemma.weight` with the attributes `gemma.adapter` (symbols of A and B) and
    `gemma.adapter_rank` may be changed at run time. Behind each linear with such
    weights stands one `adapt` for each of them, at its columns.

    Runs when q, k and v are one product and before all fusions that would hide a
    product's result: gate and up of an adapted layer stay two products.

    ```mlir
    %y = gemma.linear %x, [%wq, %wk] {scale = 1.0 : f32} : ...
    ```
    becomes, with adapters of wk,
    ```mlir
    %y0 = gemma.linear %x, [%wq, %wk] {scale = 1.0 : f32} : ...
    %y = gemma.adapt %y0, %x, %a, %b {offset = 64 : i64, rank = 4 : i64} : ...
    ```
  }];
  let statistics = [Statistic<"numInserted", "inserted", "Number of adapt made">];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FusePrepareQkvPass : Pass<"gemma-fuse-prepare-qkv", "mlir::func::FuncOp"> {
  let summary = "Fuses norms, rotations and the KV write behind a projection.";
  let description = [{
    With y the fused projection of `gemma-fuse-qkv`:

        q = rope(rms_norm(slice(y)))             = prepare_qkv(y)
        kv_write(rope(rms_norm(slice(y))),       (prepare_kv without the q slice)
                 rms_norm(slice(y)))

    and for a layer that reads another layer's state

        rope(rms_norm(query))                    = prepare_q(query)

    The fused op stands where `kv_write` stood, so the order of writes stays. All
    norms need the same eps, q and k the same rope table, and the slices must cover
    y in the order q, k, v. Where v is k, both read one slice, or y itself.
    Values that are stored without a norm give the attribute `raw_values`.
  }];
  let statistics = [
    Statistic<"numQkv", "qkv", "Number of prepare_qkv made">,
    Statistic<"numKv", "kv", "Number of prepare_kv made">,
    Statistic<"numQ", "q", "Number of prepare_q made">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FuseGatedLinearPass : Pass<"gemma-fuse-gated-linear", "mlir::func::FuncOp"> {
  let summary = "Fuses gate and up projections with their GELU product.";
  let description = [{
        gelu_mul(linear(x; gate), linear(x; up))  =  gated_linear(x; gate, up)

    Both linears have one weight, scale 1, no cap and no other user. What the
    checkpoint stores the weights as may differ.

    ```mlir
    %a = gemma.linear %h, [%gate] {scale = 1.0 : f32} : ...
    %b = gemma.linear %h, [%up] {scale = 1.0 : f32} : ...
    %g = gemma.gelu_mul %a, %b : tensor<?x96xf32>
    ```
    becomes
    ```mlir
    %g = gemma.gated_linear %h, %gate, %up : ... -> tensor<?x96xf32>
    ```
  }];
  let statistics = [Statistic<"numFused", "fused", "Number of gated_linear made">];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FuseModulatedLinearPass
    : Pass<"gemma-fuse-modulated-linear", "mlir::func::FuncOp"> {
  let summary = "Fuses a projection with the GELU product that reads it.";
  let description = [{
        gelu_mul(linear(x; w), m)  =  modulated_linear(x; w, m)

    where m does not come from a linear (that would be `gated_linear`). The linear
    has one weight, scale 1, no cap and no other user.

    ```mlir
    %a = gemma.linear %x, [%w] {scale = 1.0 : f32} : ...
    %g = gemma.gelu_mul %a, %ple : tensor<?x32xf32>
    ```
    becomes
    ```mlir
    %g = gemma.modulated_linear %x, %w, %ple : ... -> tensor<?x32xf32>
    ```
  }];
  let statistics = [
    Statistic<"numFused", "fused", "Number of modulated_linear made">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FuseRoutePass : Pass<"gemma-fuse-route", "mlir::func::FuncOp"> {
  let summary = "Fuses the router's softmax with the choice of experts.";
  let description = [{
        top_experts(softmax(logits), scale)  =  route(logits, scale)

    The softmax has no other user.

    ```mlir
    %p = gemma.softmax %l : tensor<?x8xf32>
    %w, %e = gemma.top_experts %p, %s : ...
    ```
    becomes
    ```mlir
    %w, %e = gemma.route %l, %s : ...
    ```
  }];
  let statistics = [Statistic<"numFused", "fused", "Number of route ops made">];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FuseResidualNormPass
    : Pass<"gemma-fuse-residual-norm", "mlir::func::FuncOp"> {
  let summary = "Fuses post-norm, residual sum and the next norm.";
  let description = [{
        s = add(residual, rms_norm(y; w))      [s = scale_by(s, scalar)]
        [n = rms_norm(s; w2)]
          =  residual_norm(y; w, residual, [scalar], [w2])

    The next norm may belong to the next layer; the fused op keeps the layer of the
    sum. The sum is the residual stream and may have any users; the post-norm and,
    with a scalar, the unscaled sum have no other. Only norms with a weight over
    the whole row; the next norm needs the same eps. If several norms read the sum,
    the first is fused; a norm that only another sum reads is that sum's post-norm.

    ```mlir
    %n = gemma.rms_norm %y, %w {eps = 1.0e-6 : f32, group = 64 : i64} : ...
    %s = gemma.add %x, %n : tensor<?x64xf32>
    %h = gemma.rms_norm %s, %w2 {eps = 1.0e-6 : f32, group = 64 : i64} : ...
    ```
    becomes
    ```mlir
    %s, %h = gemma.residual_norm %y, %w, %x next %w2 {eps = 1.0e-6 : f32} : ...
    ```
  }];
  let statistics = [
    Statistic<"numFused", "fused", "Number of residual_norm made">,
    Statistic<"numNext", "next", "Number of those with a next norm">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def VerifyFusedPass : Pass<"gemma-verify-fused", "mlir::ModuleOp"> {
  let summary = "Rejects gemma ops that have no kernel stage.";
  let description = [{
    Ensures: no `add`, `scale`, `scale_by`, `gelu_mul`, `softcap`, `rope` or
    `kv_write` is left, and a `slice` feeds a modulator, a call or a `select_last`
    only. A stand-alone `quantize` is allowed. Changes nothing; reports every
    offender, not only the first.
  }];
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

def AssignFormatsPass : Pass<"gemma-assign-formats", "mlir::ModuleOp"> {
  let summary = "Gives every weight its storage format.";
  let description = [{
    Sets `format` on every `gemma.weight` from a recipe, an ordered list of name
    patterns where the first match wins (passes/Gemma/Recipe.h). Built-in recipes:

    * `f32`: everything f32. `bf16`: every matrix bf16. `int8`: every matrix int8.
    * `int4`: linears and the tied embedding int4; per_layer_model_projection,
      per_layer_input_gate, per_layer_projection and embed_tokens_per_layer int8.
    * `q4_0`: the same with q4_0 for int4.
    * `mobile`: the bit widths of the mobile releases of Gemma 4, in formats with one
      scale per row: the token table and a head of its own 2 bits, and so the MLPs
      of layers that read the keys and values of another; per_layer_input_gate and
      per_layer_projection 8; per_layer_model_projection and routers bf16; the rest,
      experts among it, 4. A rule of a recipe can name such layers (`layers`).
    * `int2_row`, `int4_row`, `int8_row`: every matrix in that format.
    * `keep`: every matrix that the checkpoint stores quantized in the format that
      keeps its values or comes closest (`gemma.stored`), others in their own dtype.
      Where the weights of one product differ, all get the format that keeps the
      values of all.

    Rounding that a checkpoint was trained with (`input_scale`, `output_scale`) stays
    in formats with row scales; others drop it.

    Tables in formats with row scales get one for every 256 columns where that
    divides a row, else one (`row_scales`).

    Vectors (norms, layer_scalar) are f32 in every recipe, and a router is bf16 in all
    of them but `f32`.

    Errors: integer formats need an input size that is a multiple of 32; a table
    that is looked up but never multiplied cannot be int4 or q4_0 by a rule (such a
    default gives it int8). A rule of a recipe file that matches no weight gets a
    remark.

    ```mlir
    gemma.weight @"model.norm.weight" : tensor<64xbf16>
    gemma.weight @"model.layers.0.mlp.up_proj.weight" : tensor<96x64xbf16>
    ```
    becomes
    ```mlir
    gemma.weight @"model.norm.weight" {format = #gemma.format<f32>} : tensor<64xbf16>
    gemma.weight @"model.layers.0.mlp.up_proj.weight"
        {format = #gemma.format<int4>} : tensor<96x64xbf16>
    ```
  }];
  let options = [
    Option<"quant", "quant", "std::string", /*default=*/"\"int4\"",
           "A built-in recipe (keep, mobile, f32, bf16, int8, int4, q4_0, "
           "int2_row, int4_row, int8_row) or the path of a recipe file (.json).">,
  ];
  let statistics = [
    Statistic<"numAssigned", "assigned", "Number of weights given a format">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def MaterializeActivationQuantizationPass
    : Pass<"gemma-materialize-activation-quantization", "mlir::ModuleOp"> {
  let summary = "Quantizes the inputs of products with quantized weights.";
  let description = [{
    Requires: a format on every weight that is multiplied. The input of a `linear`,
    `gated_linear` or `modulated_linear` with quantized weights becomes `quantize` of
    it, one for each value: to `!gemma.q8` for int8, int4 and q4_0, and for formats
    with row scales to `!gemma.u8`, under the weights' input scale if they have one.
    What experts with row scales read becomes `expert_quantize` of it where each has
    a row of its own: in front of `expert_linear`, and of `expert_gated_linear`
    under input scales.
    If a product reads the last row of a value
    that others read in full, the quantized rows are selected from.

    Errors: the weights of one product need one format and one input scale.

    ```mlir
    %y = gemma.linear %h, [%w] {scale = 1.0 : f32}
        : tensor<?x64xf32>, [tensor<96x64xbf16>] -> tensor<?x96xf32>
    ```
    becomes
    ```mlir
    %q = gemma.quantize %h : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
    %y = gemma.linear %q, [%w] {scale = 1.0 : f32}
        : tensor<?x64x!gemma.q8>, [tensor<96x64xbf16>] -> tensor<?x96xf32>
    ```
  }];
  let statistics = [
    Statistic<"numQuantized", "quantized", "Number of quantize ops made">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def FuseQuantizePass : Pass<"gemma-fuse-quantize", "mlir::func::FuncOp"> {
  let summary = "Quantizes inside the op that produces the value.";
  let description = [{
    If nothing else reads the value, `rms_norm`, `attention`, `gated_linear`,
    `modulated_linear` and the next result of `residual_norm` return `!gemma.q8`
    themselves; `rms_norm` and `residual_norm`, which see whole rows, `!gemma.u8`
    as well. A `quantize` with a given scale stays. A `residual_norm` without next norm returns the quantized sum as a
    second result; its sum may have other users. Otherwise the `quantize` stays.

    ```mlir
    %h = gemma.rms_norm %x, %w {...} : ... -> tensor<?x64xf32>
    %q = gemma.quantize %h : tensor<?x64xf32> -> tensor<?x64x!gemma.q8>
    ```
    becomes
    ```mlir
    %q = gemma.rms_norm %x, %w {...} : ... -> tensor<?x64x!gemma.q8>
    ```
  }];
  let statistics = [Statistic<"numFused", "fused", "Number of quantize ops fused">];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect"];
}

def VerifyFormatsPass : Pass<"gemma-verify-formats", "mlir::ModuleOp"> {
  let summary = "Rejects weights without format and products that do not fit it.";
  let description = [{
    Ensures: every weight has a format; the weights of a product have one format;
    its input is `!gemma.q8` if that is int8, int4 or q4_0, `!gemma.u8` if it has row
    scales, else f32. Changes nothing;
    reports every offender, not only the first.
  }];
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

def OutlineLayersPass : Pass<"gemma-outline-layers", "mlir::ModuleOp"> {
  let summary = "Makes one function of all layers of a kind.";
  let description = [{
    In every entry point, the adjacent ops of one `gemma.layer` become a call of a
    private function. Layers with the same ops, attributes (except `gemma.layer`),
    types and wiring share one, named after the entry: `@decode.layer_kind_0`.

    Arguments are all values from outside, in the order of their first use:
    residual stream, rope tables, positions, KV states, weights, the layer's slice
    of the per-layer inputs. `get_weight`, `get_cache`, `rope_table`, `slice` and
    `select_last` of outside values stay outside, in order, because what they name
    or pick differs between layers. Results are all rows of the ops of which
    later ops read any, and every KV state the layer makes: so the last layer, whose
    sum nobody reads, and a layer whose keys are not shared are of the same kind as
    others.

    ```mlir
    %w0 = gemma.get_weight @a {gemma.layer = 0 : i64} : tensor<64x64xf32>
    %x1 = gemma.linear %x0, [%w0] {gemma.layer = 0 : i64, scale = 1.0 : f32} : ...
    %w1 = gemma.get_weight @b {gemma.layer = 1 : i64} : tensor<64x64xf32>
    %x2 = gemma.linear %x1, [%w1] {gemma.layer = 1 : i64, scale = 1.0 : f32} : ...
    ```
    becomes
    ```mlir
    %w0 = gemma.get_weight @a {gemma.layer = 0 : i64} : tensor<64x64xf32>
    %x1 = call @decode.layer_kind_0(%x0, %w0) {gemma.layer = 0 : i64} : ...
    %w1 = gemma.get_weight @b {gemma.layer = 1 : i64} : tensor<64x64xf32>
    %x2 = call @decode.layer_kind_0(%x1, %w1) {gemma.layer = 1 : i64} : ...
    ```
  }];
  let statistics = [
    Statistic<"numLayers", "layers", "Number of layers outlined">,
    Statistic<"numKinds", "kinds", "Number of functions made for them">,
  ];
  let dependentDialects = ["::gemcut::gemma::GemmaDialect",
                           "::mlir::func::FuncDialect"];
}

#endif // GEMCUT_PASSES_GEMMA_PASSES
