//===- AddressOps.td - Symbols, buffers and their addresses *- tablegen -*-===//
//
// Declarations in the module, and the ops that make an address of them.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_KERNEL_ADDRESS_OPS
#define GEMCUT_KERNEL_ADDRESS_OPS

include "dialects/Kernel/KernelOpBase.td"

def Kernel_PackedOp : Kernel_Op<"packed", [Symbol]> {
  let summary = "Declares a packed tensor of the weight blob.";
  let description = [{
    `sources` are checkpoint tensors: one, or for an interleaved layout two (tiles
    of the first and second alternate). With `experts` there is one source, which
    holds a matrix for each; tiles of expert e follow those of expert e - 1, and in
    an interleaved layout the two matrices are the halves of an expert's rows.
    `offset` is in bytes from the start of the weight section, set by
    `kernel-plan-weights`. `output_scales`, of formats with row scales, name a
    tensor for each source, under whose one element products round what the
    source's rows give; "" where they do not. With experts it has an element for
    each matrix, in the order of the source. The packer reads these ops.

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

#endif // GEMCUT_KERNEL_ADDRESS_OPS
