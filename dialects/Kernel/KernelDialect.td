//===- KernelDialect.td - Dialect, types and attributes -----*- tablegen -*-===//

#ifndef GEMCUT_KERNEL_DIALECT
#define GEMCUT_KERNEL_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::gemcut::kernel";
  let summary = "What the machine does: fused stages on buffers.";
  let description = [{
    A function is a sequence of *stages*. All threads of a team run the same
    function; each stage claims chunks of its partitioned dimension and ends in a
    barrier, so a stage sees everything that earlier stages wrote. Operands are
    storage: buffers of the arena, packed weights of the blob, KV caches. Outputs
    are operands after `outs`. Byte layouts: runtime/abi/packed_layout.h.

    The first operand of a stage, `rows`, is the number of rows it runs for; a
    buffer's type gives the most rows it can hold. `partition` says what one chunk
    is; `kernel-partition-stages` sets it.

    Entry points are functions with the attribute `kernel.entry` ("decode",
    "prefill", "extend", "score", and with a two-stage head "bounds" and "rescore")
    and arguments (rows: i64, ids, logits); extend has no logits. Other functions are
    called by them and take (rows: i64, ...). Functions return nothing.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect"];
}

class Kernel_I32Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::gemcut::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_Element : Kernel_I32Enum<"Element", "element of a buffer", [
  I32EnumAttrCase<"F32", 0, "f32">, I32EnumAttrCase<"Q8", 1, "q8">,
  I32EnumAttrCase<"I32", 2, "i32">, I32EnumAttrCase<"U8", 3, "u8">]>;

def Kernel_Layout : Kernel_I32Enum<"Layout", "arrangement of a packed weight", [
  I32EnumAttrCase<"Tiles", 0, "tiles">,             // matrix, r16k4
  I32EnumAttrCase<"Interleaved", 1, "interleaved">, // two matrices, tile by tile
  I32EnumAttrCase<"Rows", 2, "rows">,               // table of single rows
  I32EnumAttrCase<"Coarse", 4, "coarse">,           // upper bits of int8 tiles
  I32EnumAttrCase<"Vector", 3, "vector">]>;         // f32 vector, padded to 64 B

def Kernel_Epilogue : Kernel_I32Enum<"Epilogue", "what follows a product", [
  I32EnumAttrCase<"None", 0, "none">,
  I32EnumAttrCase<"GeluGate", 1, "gelu_gate">,    // gelu(even tile) * odd tile
  I32EnumAttrCase<"GeluMul", 2, "gelu_mul">,      // gelu(y) * modulator
  I32EnumAttrCase<"Softcap", 3, "softcap">]>;     // cap * tanh(y / cap)

def Kernel_EpilogueAttr : EnumAttr<Kernel_Dialect, Kernel_Epilogue, "epilogue"> {
  let assemblyFormat = "`<` $value `>`";
}

def Kernel_PartitionDim : Kernel_I32Enum<"PartitionDim", "what threads share out", [
  I32EnumAttrCase<"Rows", 0, "rows">,    // rows of the step
  I32EnumAttrCase<"Tiles", 1, "tiles">,  // 16-row weight tiles (pairs if interleaved)
  I32EnumAttrCase<"Heads", 2, "heads">,  // (block of rows, KV head)
  I32EnumAttrCase<"Keys", 3, "keys">]>;  // (block of rows, KV head, part of the keys)

class Kernel_Type<string name, string typeMnemonic>
    : TypeDef<Kernel_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Kernel_BufferType : Kernel_Type<"Buffer", "buffer"> {
  let summary = "Rows of activations at an address.";
  let description = [{
    Up to `rows` rows of `columns` elements. `stride` is the distance between rows
    in bytes; 0 means the natural one of packed_layout.h: f32 and i32 rows 4 *
    columns rounded up to 64 (i32: exactly 4 * columns), q8 rows
    gemcut_q8_row_bytes(columns), u8 rows gemcut_u8_row_bytes(columns).

    `!kernel.buffer<8 x 1536, f32>`, `!kernel.buffer<8 x 256, f32, stride = 35840>`
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns,
                    EnumParameter<Kernel_Element>:$element,
                    DefaultValuedParameter<"int64_t", "0">:$stride);
  let assemblyFormat =
      "`<` $rows `x` $columns `,` $element (`,` `stride` `=` $stride^)? `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Distance between rows in bytes.
    int64_t getRowBytes() const;
    /// Bytes that `getRows()` rows take.
    int64_t getByteSize() const { return getRows() * getRowBytes(); }
  }];
}

def Kernel_WeightType : Kernel_Type<"Weight", "weight"> {
  let summary = "A packed tensor at an address.";
  let description = [{
    `!kernel.weight<2560 x 1536, int4, tiles>`. Rows of an interleaved weight are
    those of both matrices together. A vector is `<1 x n, f32, vector>`. A row of
    a table has `scales` scales, of blocks of columns, if its format has one scale
    per row: `!kernel.weight<262144 x 8960, int4_row, rows, scales = 35>`.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns,
                    "::gemcut::Format":$format,
                    EnumParameter<Kernel_Layout>:$layout,
                    DefaultValuedParameter<"int64_t", "1">:$scales);
  let assemblyFormat = [{
    `<` $rows `x` $columns `,` $format `,` $layout (`,` `scales` `=` $scales^)? `>`
  }];
  let builders = [TypeBuilder<(ins "int64_t":$rows, "int64_t":$columns,
                                   "::gemcut::Format":$format, "Layout":$layout), [{
    return $_get($_ctxt, rows, columns, format, layout, /*scales=*/1);
  }]>];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of the packed tensor, a multiple of 64.
    int64_t getByteSize() const;
    /// Bytes of one row of a table.
    int64_t getTableRowBytes() const;
  }];
}

def Kernel_CacheType : Kernel_Type<"Cache", "cache"> {
  let summary = "The KV cache of one layer.";
  let description = [{
    `!kernel.cache<1 x 256, bf16, window = 512, capacity = 768>`: the address is
    slot 0's; the module attribute `kernel.kv_slot_bytes` is the distance to the
    next slot. `window` 0: all positions. Formats: bf16, f32, int8.
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$headDim,
                    "::gemcut::Format":$format, "int64_t":$window,
                    DefaultValuedParameter<"int64_t", "0">:$capacity);
  let assemblyFormat = [{
    `<` $heads `x` $headDim `,` $format `,` `window` `=` $window
    (`,` `capacity` `=` $capacity^)? `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of K and V of one slot, rounded up to 64; 0 before the plan.
    int64_t getByteSize() const;
    /// Offset of head `head`'s K region (V region) from the cache's address.
    int64_t getKeyOffset(int64_t head) const;
    int64_t getValueOffset(int64_t head) const;
  }];
}

def Kernel_PartitionAttr : AttrDef<Kernel_Dialect, "Partition"> {
  let mnemonic = "partition";
  let summary = "How threads share a stage: chunks of `size` along `dim`.";
  let description = "`#kernel.partition<tiles, 8>`";
  let parameters = (ins EnumParameter<Kernel_PartitionDim>:$dim, "int64_t":$size);
  let assemblyFormat = "`<` $dim `,` $size `>`";
  let genVerifyDecl = 1;
}

def Kernel_TileAttr : AttrDef<Kernel_Dialect, "Tile"> {
  let mnemonic = "tile";
  let summary = "Register block of a product: rows x weight tiles of 16 outputs.";
  let description = "`#kernel.tile<6 x 2>`";
  let parameters = (ins "int64_t":$rows, "int64_t":$tiles);
  let assemblyFormat = "`<` $rows `x` $tiles `>`";
}

#endif // GEMCUT_KERNEL_DIALECT
