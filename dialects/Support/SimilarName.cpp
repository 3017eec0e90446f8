//===- SimilarName.cpp - What a mistyped name was meant to be -------------===//

#include "dialects/Support/SimilarName.h"

#include <algorithm>

std::string gemcut::guessName(llvm::StringRef typed,
                              llvm::ArrayRef<std::string> names) {
  std::string similar;
  constexpr size_t kMostEdits = 3;
  unsigned least = unsigned(std::min(typed.size() / 2, kMostEdits)) + 1;
  for (const std::string &name : names) {
    unsigned distance = typed.edit_distance(name);
    if (distance < least) {
      similar = name;
      least = distance;
    }
  }
  return similar.empty() ? "" : "; is it " + similar + "?";
}
