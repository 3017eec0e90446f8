//===- KernelOps.td - Stages on buffers --------------------*- tablegen -*-===//
//
// All ops of the dialect.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_KERNEL_OPS
#define GEMCUT_KERNEL_OPS

include "dialects/Kernel/AddressOps.td"
include "dialects/Kernel/RowStages.td"
include "dialects/Kernel/ProductStages.td"

#endif // GEMCUT_KERNEL_OPS
