//===- Commands.cpp - compile, inspect, quantize-report, the tool ---------===//

#include "compiler/Driver/Commands.h"
#include "compiler/Artifact/LinkTools.h"
#include "compiler/Driver/Compilation.h"
#include "compiler/Python/native/Bindings.h"
#include "compiler/Python/native/Errors.h"
#include "compiler/Python/native/Run.h"

#include <pybind11/stl.h>

namespace py = pybind11;
using namespace gemcut;
using namespace gemcut::python;
using namespace pybind11::literals;

using Arguments = std::vector<std::string>;

static py::dict toDict(const driver::MemoryPlan &plan) {
  return py::dict(
      "context"_a = plan.context, "slots"_a = plan.slots,
      "weight_bytes"_a = plan.weightBytes,
      "weight_bytes_per_token"_a = plan.weightBytesPerToken,
      "kv_slot_bytes"_a = plan.kvSlotBytes, "kv_formula"_a = plan.kvFormula,
      "arena_bytes"_a = plan.arenaBytes, "table_bytes"_a = plan.tableBytes,
      "resident_weight_bytes"_a = plan.residentWeightBytes(),
      "private_bytes"_a = plan.privateBytes(),
      "total_bytes"_a = plan.totalBytes());
}

/// {output, sidecar, quantization, kv, summary, plan}; no plan for code and IR.
static py::dict compileModel(const Arguments &arguments,
                             const py::object &onEvent) {
  driver::CompileOptions options = take(driver::parseCompile(arguments));
  auto result = runFor<driver::CompileResult>(
      [&](driver::Reporter &reporter) {
        return driver::compile(options, reporter);
      },
      onEvent);
  py::dict dict("output"_a = options.output, "sidecar"_a = result.sidecar,
                "quantization"_a = result.options.plan.quant,
                "kv"_a = result.options.plan.kv, "summary"_a = result.summary,
                "plan"_a = py::none());
  if (result.plan.context)
    dict["plan"] = toDict(result.plan);
  return dict;
}

static int runTool(const Arguments &arguments) {
  std::vector<const char *> argv{"gemcut"};
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  return driver::runCommandLine(int(argv.size()), argv.data());
}

void gemcut::python::bindCommands(py::module_ &module) {
  module.def("set_installation", [](const std::string &folder) {
    artifact::setInstallation(folder);
  });
  module.def("compile", compileModel, "arguments"_a, "on_event"_a);
  module.def(
      "inspect",
      [](const Arguments &arguments, const py::object &onEvent) {
        driver::InspectOptions options = take(driver::parseInspect(arguments));
        return runFor<std::string>(
            [&](driver::Reporter &reporter) {
              return driver::inspectAsJson(options, reporter);
            },
            onEvent);
      },
      "arguments"_a, "on_event"_a);
  module.def(
      "quantize_report",
      [](const Arguments &arguments, const py::object &onEvent) {
        driver::QuantizeReportOptions options =
            take(driver::parseQuantizeReport(arguments));
        return runFor<std::string>(
            [&](driver::Reporter &reporter) {
              return driver::quantizeReportAsJson(options, reporter);
            },
            onEvent);
      },
      "arguments"_a, "on_event"_a);
  module.def("main", runTool, "arguments"_a);
}
