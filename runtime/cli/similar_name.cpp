//===- similar_name.cpp - What a mistyped name was meant to be ------------===//

#include "runtime/cli/similar_name.h"

#include <algorithm>

using namespace gemcut::cli;

static constexpr size_t kMostEdits = 3;

static size_t getDistance(std::string_view a, std::string_view b) {
  // row[j]: of the first letters of `a` to the first j of `b`.
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

const char *
gemcut::cli::findSimilarName(std::string_view typed,
                             const std::vector<const char *> &names) {
  const char *similar = nullptr;
  size_t least = std::min<size_t>(typed.size() / 2, kMostEdits) + 1;
  for (const char *name : names) {
    size_t distance = getDistance(typed, name);
    if (distance < least) {
      similar = name;
      least = distance;
    }
  }
  return similar;
}
