//===- terminate_handler.cpp - Uncaught exceptions, without names ---------===//

#include <cstdlib>

/// In place of libstdc++'s, which brings its demangler to name the type of an
/// exception: 50 KB. Nothing in an executable throws.
namespace __gnu_cxx {
void __verbose_terminate_handler() { std::abort(); }
} // namespace __gnu_cxx
