# lit configuration: every .mlir, .test and .txt file with a RUN line under the
# folders of IR tests. GoogleTest binaries run through ctest.
import os

import lit.formats
from lit.llvm import llvm_config

config.name = "gemcut"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "data", "unit", "numerics", "fuzz", "tools", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.gemcut_binary_dir, "test", "lit")

llvm_config.use_default_substitutions()
llvm_config.add_tool_substitutions(
    ["gemcut-opt", "gemcut"], [config.gemcut_tools_dir, config.llvm_tools_dir]
)
config.substitutions.append(("%data", os.path.join(config.test_source_root, "data")))
config.substitutions.append(("%examples", os.path.join(config.test_source_root, "..", "examples")))
config.substitutions.append(("%tools", os.path.join(config.test_source_root, "tools")))
