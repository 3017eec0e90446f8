//===- instruction_rate.h - How fast this machine multiplies ----*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_INSTRUCTION_RATE_H
#define GEMCUT_RUNTIME_CLI_INSTRUCTION_RATE_H

#include "runtime/core/team.h"

namespace gemcut::cli {

/// What a product's innermost instruction multiplies.
enum class Arithmetic {
  Int8, // unsigned by signed bytes into int32
  Bf16, // pairs of bf16 into f32
  F32
};

/// Multiply-accumulates per second that all threads of the team together reach
/// from registers, with the widest instruction among `features` (a list as in
/// gemcut_level.features); 0 if none of them multiplies such numbers or this
/// runtime has no loop for it. Takes about 10 ms.
double measureMacRate(Team &team, Arithmetic arithmetic, const char *features);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_INSTRUCTION_RATE_H
