//===- GemmaOps.td - Layers of Gemma 4 on tensors ----------*- tablegen -*-===//
//
// All ops of the dialect.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_GEMMA_OPS
#define GEMCUT_GEMMA_OPS

include "dialects/Gemma/SymbolOps.td"
include "dialects/Gemma/ElementaryOps.td"
include "dialects/Gemma/FusedOps.td"

#endif // GEMCUT_GEMMA_OPS
