//===- Tables.h - Explanations as text --------------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_EXPLAIN_TABLES_H
#define GEMCUT_COMPILER_EXPLAIN_TABLES_H

#include "compiler/Explain/Explanation.h"

#include <nlohmann/json_fwd.hpp>

namespace gemcut::explain {

/// Explanations of one executable and what they have in common.
struct Subject {
  std::string file;
  int64_t weightBytesPerToken = 0; ///< that the memory plan says
  const Trace *trace = nullptr;    ///< null: it was not run
  const Limits *limits = nullptr;  ///< null: not known
  std::vector<Explanation> explanations;
};

/// Rows are groups of equal stages, or with `all` every stage of every layer.
/// Units: MB (10^6 bytes), ms, GMAC (10^9 multiply-accumulates).
std::string formatMarkdown(const Subject &subject, bool all);
/// One header; bytes, MACs and microseconds.
std::string formatCsv(const Subject &subject, bool all);
/// Bytes, MACs and microseconds.
nlohmann::ordered_json formatJson(const Subject &subject, bool all);

} // namespace gemcut::explain

#endif // GEMCUT_COMPILER_EXPLAIN_TABLES_H
