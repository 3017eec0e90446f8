//===- main.cpp - Entry of a produced executable --------------------------===//

#include "runtime/cli/app.h"

#include <cstdlib>

/// In place of libstdc++'s, which brings its demangler to name the type of an
/// exception: 50 KB. Nothing here throws.
namespace __gnu_cxx {
void __verbose_terminate_handler() { std::abort(); }
} // namespace __gnu_cxx

int main(int argc, char **argv) { return gemcut::cli::runMain(argc, argv); }
