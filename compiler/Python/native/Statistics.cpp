//===- Statistics.cpp - What the values of tensors are like ---------------===//

#include "compiler/Driver/TensorStatistics.h"
#include "compiler/Python/native/Bindings.h"
#include "compiler/Python/native/Run.h"

#include <pybind11/stl.h>

namespace py = pybind11;
using namespace gemcut;
using namespace pybind11::literals;

static py::list measureTensors(const std::string &path,
                               const py::object &onEvent) {
  auto tensors = python::runFor<std::vector<driver::TensorStatistics>>(
      [&](driver::Reporter &reporter) {
        return driver::measureTensors(path, reporter);
      },
      onEvent);
  py::list list;
  for (const driver::TensorStatistics &tensor : tensors)
    list.append(py::dict("name"_a = tensor.name, "dtype"_a = tensor.dtype,
                         "shape"_a = py::tuple(py::cast(tensor.shape)),
                         "mean"_a = tensor.mean, "rms"_a = tensor.rms,
                         "abs_max"_a = tensor.absMax,
                         "kurtosis"_a = tensor.kurtosis));
  return list;
}

void gemcut::python::bindStatistics(py::module_ &module) {
  module.def("measure_tensors", measureTensors, "path"_a, "on_event"_a);
}
