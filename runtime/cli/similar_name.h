//===- similar_name.h - What a mistyped name was meant to be ----*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_SIMILAR_NAME_H
#define GEMCUT_RUNTIME_CLI_SIMILAR_NAME_H

#include <string_view>
#include <vector>

namespace gemcut::cli {

/// The name that `typed` becomes with the fewest letters inserted, removed or
/// replaced (Levenshtein distance); the first of several. Null if that takes
/// more than three of them, or than one for every two letters.
const char *findSimilarName(std::string_view typed,
                            const std::vector<const char *> &names);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_SIMILAR_NAME_H
