//===- Roofline.h - Stages under the limits of the machine ------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_EXPLAIN_ROOFLINE_H
#define GEMCUT_COMPILER_EXPLAIN_ROOFLINE_H

#include "compiler/Explain/Tables.h"

namespace gemcut::explain {

/// An SVG with arithmetic intensity (MACs per byte read from memory) across and
/// MACs per second up, both logarithmic; the machine's limits as roofs; a
/// circle per group of equal stages, its area their time. Numbers beside
/// circles lead to a table on the right. `subject` has a trace.
/// Source: Williams, Waterman, Patterson, "Roofline: an insightful visual
/// performance model for multicore architectures", CACM 52(4), 2009.
std::string drawRoofline(const Subject &subject);

} // namespace gemcut::explain

#endif // GEMCUT_COMPILER_EXPLAIN_ROOFLINE_H
