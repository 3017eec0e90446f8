//===- Module.cpp - The module _gemcut: the compiler ----------------------===//

#include "compiler/Python/native/Bindings.h"

PYBIND11_MODULE(_gemcut, module) {
  module.doc() = "The compiler; use it through the package gemcut.";
  gemcut::python::bindCommands(module);
  gemcut::python::bindPasses(module);
  gemcut::python::bindStatistics(module);
}
