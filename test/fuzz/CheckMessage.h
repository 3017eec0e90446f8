//===- CheckMessage.h - The form of an error's message ----------*- C++ -*-===//

#ifndef GEMCUT_TEST_FUZZ_CHECKMESSAGE_H
#define GEMCUT_TEST_FUZZ_CHECKMESSAGE_H

#include "test/fuzz/Require.h"

#include "llvm/Support/Error.h"

#include <string>

namespace gemcut::test {

/// An error must be one short line that begins with `file`.
inline void checkMessage(llvm::Error error, llvm::StringRef file) {
  std::string text = llvm::toString(std::move(error));
  require(llvm::StringRef(text).starts_with(file), "error names its file");
  require(!llvm::StringRef(text).contains('\n'), "error has one line");
  require(text.size() < 2048, "error is short");
}

} // namespace gemcut::test

#endif // GEMCUT_TEST_FUZZ_CHECKMESSAGE_H
