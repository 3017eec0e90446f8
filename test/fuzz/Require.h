//===- Require.h - What a fuzzer demands ------------------------*- C++ -*-===//

#ifndef GEMCUT_TEST_FUZZ_REQUIRE_H
#define GEMCUT_TEST_FUZZ_REQUIRE_H

#include <cstdio>
#include <cstdlib>

namespace gemcut::test {

/// Ends the fuzzer, which keeps its input, unless `what` holds.
inline void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

} // namespace gemcut::test

#endif // GEMCUT_TEST_FUZZ_REQUIRE_H
