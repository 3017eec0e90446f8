//===- SimilarName.h - What a mistyped name was meant to be -----*- C++ -*-===//

#ifndef GEMCUT_DIALECTS_SUPPORT_SIMILARNAME_H
#define GEMCUT_DIALECTS_SUPPORT_SIMILARNAME_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace gemcut {

/// "; is it NAME?" for the one of `names` that `typed` resembles most, the
/// first among equals; "" if at least half of `typed`, or more than three
/// letters, would have to change.
std::string guessName(llvm::StringRef typed, llvm::ArrayRef<std::string> names);

} // namespace gemcut

#endif // GEMCUT_DIALECTS_SUPPORT_SIMILARNAME_H
