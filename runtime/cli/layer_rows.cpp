//===- layer_rows.cpp - How many rows each layer ran for ------------------===//

#include "runtime/cli/layer_rows.h"

#include <cstdio>

std::string gemcut::cli::describeLayerRows(const uint64_t *rows,
                                           size_t layers) {
  std::string text;
  for (size_t first = 0; first < layers;) {
    size_t end = first + 1;
    while (end < layers && rows[end] == rows[first])
      ++end;
    char part[96];
    if (end - first == 1)
      snprintf(part, sizeof(part), "layer %zu", first);
    else
      snprintf(part, sizeof(part), "layers %zu-%zu", first, end - 1);
    text += text.empty() ? "" : ", ";
    text += part;
    snprintf(part, sizeof(part), ": %llu row%s",
             (unsigned long long)rows[first], rows[first] == 1 ? "" : "s");
    text += part;
    first = end;
  }
  return text;
}
