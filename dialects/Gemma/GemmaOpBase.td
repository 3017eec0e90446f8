//===- GemmaOpBase.td - What all ops of the dialect share --*- tablegen -*-===//
//
// The base class, the trait of ops that work row by row, and the types of operands.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_GEMMA_OP_BASE
#define GEMCUT_GEMMA_OP_BASE

include "dialects/Gemma/GemmaDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Gemma_Op<string mnemonic, list<Trait> traits = []>
    : Op<Gemma_Dialect, mnemonic, traits>;

/// Row r of every result depends on row r of the row operands alone (and on
/// weights and KV states). Row operands are the tensors whose leading dimension
/// counts rows; weights never have a dynamic dimension.
def Gemma_Rowwise : NativeOpTrait<"Rowwise"> {
  let cppNamespace = "::gemcut::gemma";
}

def Gemma_Rows : TensorRankOf<[F32], [2]>;
def Gemma_Int8Rows : TensorRankOf<[Gemma_Q8Type, Gemma_U8Type], [2]>;
def Gemma_U8Rows : TensorRankOf<[Gemma_U8Type], [2]>;
def Gemma_RowsOrInt8 : TensorRankOf<[F32, Gemma_Q8Type, Gemma_U8Type], [2]>;
def Gemma_Ids : TensorRankOf<[I32], [1]>;
def Gemma_Positions : TensorRankOf<[I64], [1]>;
def Gemma_Matrix : TensorRankOf<[F32, BF16, F16], [2]>;
def Gemma_Vector : TensorRankOf<[F32, BF16, F16], [1]>;
/// A matrix (out, in) of every expert.
def Gemma_Experts : TensorRankOf<[F32, BF16, F16], [3]>;
/// Chosen experts of each row.
def Gemma_Choice : TensorRankOf<[I32], [2]>;

#endif // GEMCUT_GEMMA_OP_BASE
