//===- KernelInterfaces.td - What all stages have -----------*- tablegen -*-===//

#ifndef GEMCUT_KERNEL_INTERFACES
#define GEMCUT_KERNEL_INTERFACES

include "mlir/IR/OpBase.td"

def Kernel_StageOpInterface : OpInterface<"StageOpInterface"> {
  let description = [{
    A stage: runs for its first operand's number of rows, is shared out by its
    partition, and ends in a barrier.
  }];
  let cppNamespace = "::gemcut::kernel";
  let methods = [
    InterfaceMethod<"Number of rows the stage runs for (i64).",
                    "::mlir::Value", "getStageRows", (ins), [{
      return $_op.getRows();
    }]>,
    InterfaceMethod<"The chunks that threads claim; null before partitioning.",
                    "::gemcut::kernel::PartitionAttr", "getStagePartition", (ins), [{
      return $_op.getPartitionAttr();
    }]>,
    InterfaceMethod<"Sets the chunks that threads claim.", "void",
                    "setStagePartition",
                    (ins "::gemcut::kernel::PartitionAttr":$partition), [{
      $_op.setPartitionAttr(partition);
    }]>,
    InterfaceMethod<[{
        Barriers that threads meet at in this stage, the one behind it included.
        Code generation fails if it emits another number: whoever times barriers
        relies on it. 0: the stage shares the barrier of the next one.
      }],
      "int64_t", "getBarrierCount", (ins), /*methodBody=*/"",
      /*defaultImplementation=*/"return 1;">,
  ];
}

#endif // GEMCUT_KERNEL_INTERFACES
