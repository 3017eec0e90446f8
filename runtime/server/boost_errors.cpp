//===- boost_errors.cpp - What Boost calls instead of throwing ------------===//
//
// This program has no exceptions, and calls those functions of Boost that
// report errors by codes. What is left are failures of memory.
//
//===----------------------------------------------------------------------===//

#include <boost/throw_exception.hpp>

#include <cstdlib>

namespace boost {
void throw_exception(const std::exception &) { abort(); }
void throw_exception(const std::exception &, const boost::source_location &) {
  abort();
}
} // namespace boost
