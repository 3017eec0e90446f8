//===- KernelOpBase.td - What all ops of the dialect share -*- tablegen -*-===//
//
// The base class and the class of stages.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_KERNEL_OP_BASE
#define GEMCUT_KERNEL_OP_BASE

include "dialects/Kernel/KernelDialect.td"
include "dialects/Kernel/KernelInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

class Kernel_Stage<string mnemonic, list<Trait> traits = []>
    : Kernel_Op<mnemonic, !listconcat([Kernel_StageOpInterface], traits)>;

#endif // GEMCUT_KERNEL_OP_BASE
