//===- SymbolOps.td - Weights and KV caches by name --------*- tablegen -*-===//
//
// Declarations in the module, and the ops that fetch what was declared.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_GEMMA_SYMBOL_OPS
#define GEMCUT_GEMMA_SYMBOL_OPS

include "dialects/Gemma/GemmaOpBase.td"

def Gemma_WeightOp : Gemma_Op<"weight", [Symbol]> {
  let summary = "Declares a tensor of the checkpoint.";
  let description = [{
    The symbol name is the tensor's name in the checkpoint, prefix included. The
    type is shape and dtype as stored. `format` is the storage format in the
    artifact, set by `gemma-assign-formats`; `row_scales` is how many scales a row
    of a table has in a format with row scales (absent: one).

    A checkpoint that was trained for rounded activations says how. With s the one
    element of `input_scale`, another weight, and of the tensor `output_scale`, a
    product with this matrix W is

      y = round(W round(x; input_scale); output_scale)
      round(v; s) = clamp(round_to_nearest_even(v / s), -128, 127) * s

    where an absent scale rounds nothing. Of experts `input_scale` has an element
    for each and `output_scale` one for each matrix, gate and up of an expert in
    turns; 0 rounds nothing. HF: the quantizer "gemma" (its linear
    layers round in the dtype of the activation, this dialect in f32).

    ```mlir
    gemma.weight @"model.layers.3.mlp.up_proj.weight"
        {format = #gemma.format<int4>} : tensor<6144x1536xbf16>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       TypeAttrOf<AnyRankedTensor>:$type,
                       OptionalAttr<Gemma_FormatAttr>:$format,
                       OptionalAttr<I64Attr>:$row_scales,
                       OptionalAttr<FlatSymbolRefAttr>:$input_scale,
                       OptionalAttr<StrAttr>:$output_scale);
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::Type":$type), [{
    $_state.addAttribute(getSymNameAttrName($_state.name), $_builder.getStringAttr(name));
    $_state.addAttribute(getTypeAttrName($_state.name), ::mlir::TypeAttr::get(type));
  }]>];
  let assemblyFormat = "$sym_name attr-dict `:` $type";
  let hasVerifier = 1;
}

def Gemma_KvCacheOp : Gemma_Op<"kv_cache", [Symbol]> {
  let summary = "Declares the KV cache of one own-KV layer.";
  let description = [{
    ```mlir
    gemma.kv_cache @kv.13 : !gemma.kv<1 x 256, window = 512>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       TypeAttrOf<Gemma_KvType>:$type);
  let assemblyFormat = "$sym_name attr-dict `:` $type";
}

def Gemma_GetWeightOp : Gemma_Op<"get_weight",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a declared weight.";
  let description = [{
    ```mlir
    %w = gemma.get_weight @"model.norm.weight" : tensor<1536xbf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def Gemma_GetCacheOp : Gemma_Op<"get_cache",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The state of a declared KV cache before the step.";
  let description = [{
    ```mlir
    %kv = gemma.get_cache @kv.13 : !gemma.kv<1 x 256, window = 512>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$cache);
  let results = (outs Gemma_KvType:$result);
  let assemblyFormat = "$cache attr-dict `:` type($result)";
}

#endif // GEMCUT_GEMMA_SYMBOL_OPS
