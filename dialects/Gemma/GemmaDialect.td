//===- GemmaDialect.td - Dialect, types and attributes ------*- tablegen -*-===//

#ifndef GEMCUT_GEMMA_DIALECT
#define GEMCUT_GEMMA_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Gemma_Dialect : Dialect {
  let name = "gemma";
  let cppNamespace = "::gemcut::gemma";
  let summary = "What a Gemma 4 model means: layers on tensors.";
  let description = [{
    A module holds `gemma.weight` and `gemma.kv_cache` symbols and functions on
    tensors. Row tensors have a leading dimension of rows, one per token:
    `tensor<?xCxf32>` for any number of rows, `tensor<1xCxf32>` for one. Token ids
    are `tensor<?xi32>`, absolute positions `tensor<?xi64>`.

    Weights are symbols that name a tensor of the checkpoint; their bytes never
    enter the IR. Activations are f32, or `!gemma.q8` or `!gemma.u8` once the
    activation quantization is explicit. Every op's location is the checkpoint's own tensor
    or layer name, and the discardable attribute `gemma.layer = N : i64` says
    which decoder layer an op belongs to (absent: outside all layers).

    Entry points are functions with the attributes `gemma.entry` ("decode",
    "prefill", "extend" or "score") and `gemma.max_rows`.

    Formulas cite "HF": transformers 5.24.0, models/gemma4/modeling_gemma4.py.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

class Gemma_Type<string name, string typeMnemonic>
    : TypeDef<Gemma_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Gemma_KvType : Gemma_Type<"Kv", "kv"> {
  let summary = "The keys and values of one layer, as a state.";
  let description = [{
    K (after norm and RoPE) and V (after norm) of all positions that a layer can
    still see. `window` is the number of keys a query sees, itself included; 0
    means all. A value of this type is a state: `kv_write` takes one and returns
    the next, so that the order of writes and reads is visible as dataflow and
    KV sharing is one value with several readers.

    `!gemma.kv<1 x 256, window = 512>`: one KV head of 256 dimensions.
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$headDim,
                    DefaultValuedParameter<"int64_t", "0">:$window);
  let assemblyFormat = "`<` $heads `x` $headDim (`,` `window` `=` $window^)? `>`";
  let genVerifyDecl = 1;
}

def Gemma_Q8Type : Gemma_Type<"Q8", "q8"> {
  let summary = "Element type of activations quantized to int8.";
  let description = [{
    Groups of 32 along the last dimension share one scale, a power of two:

      scale = 2^ceil(log2(max|x| / 127.49)), at least 2^-96
      q = round_to_nearest_even(x / scale)

    `tensor<?x1536x!gemma.q8>` stands for the dequantized values q * scale.
  }];
}

def Gemma_U8Type : Gemma_Type<"U8", "u8"> {
  let summary = "Element type of activations quantized to int8 row by row.";
  let description = [{
    All elements of a row share one scale, given or `max|x| / 127`:

      q = clamp(round_to_nearest_even(x / scale), -128, 127)

    `tensor<?x1536x!gemma.u8>` stands for the dequantized values q * scale; stored
    are q + 128.
  }];
}

def Gemma_FormatAttr : AttrDef<Gemma_Dialect, "Format"> {
  let mnemonic = "format";
  let summary = "Storage format that a recipe assigned to a weight.";
  let parameters = (ins "::gemcut::Format":$value);
  let assemblyFormat = "`<` $value `>`";
}

#endif // GEMCUT_GEMMA_DIALECT
