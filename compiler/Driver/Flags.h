//===- Flags.h - Flags to options -----------------------------------------===//
//
// The only place that knows flags. Every flag's help is a full sentence with
// unit and default.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_FLAGS_H
#define GEMCUT_COMPILER_DRIVER_FLAGS_H

#include "compiler/Driver/Options.h"
#include "compiler/Reference/ReferenceCommand.h"

#include <vector>

namespace CLI {
class App;
class Validator;
} // namespace CLI

namespace gemcut::driver {

/// Each adds its command to `app`; parsing fills `options`, which must live as
/// long as `app`.
void addCompile(CLI::App &app, CompileOptions &options);
void addInspect(CLI::App &app, InspectOptions &options);
void addQuantizeReport(CLI::App &app, QuantizeReportOptions &options);
void addExplain(CLI::App &app, ExplainOptions &options);
void addReference(CLI::App &app, reference::ReferenceOptions &options);

/// A check of a flag's value: it names `what`, a noun, so it is not empty.
CLI::Validator needName(const char *what);

/// What decides the program and its memory.
void addPlanFlags(CLI::App &command, PlanOptions &options);
/// The text that int4 is rounded for.
void addCalibrateFlags(CLI::App &command, CompileOptions &options);
/// The adapters that are merged.
void addLoraFlag(CLI::App &command, std::vector<lora::MergeRequest> &out);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_FLAGS_H
