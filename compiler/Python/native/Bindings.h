//===- Bindings.h - The parts of the module _gemcut -------------*- C++ -*-===//
//
// Arguments are those of the command line, so that options mean the same in
// both places; gemcut/options.py makes them. gemcut/*.py document what users
// call.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_PYTHON_NATIVE_BINDINGS_H
#define GEMCUT_COMPILER_PYTHON_NATIVE_BINDINGS_H

#include <pybind11/pybind11.h>

namespace gemcut::python {

void bindCommands(pybind11::module_ &module);
void bindPasses(pybind11::module_ &module);
void bindStatistics(pybind11::module_ &module);

} // namespace gemcut::python

#endif // GEMCUT_COMPILER_PYTHON_NATIVE_BINDINGS_H
