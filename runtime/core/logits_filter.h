//===- logits_filter.h - Which tokens may come next -------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_LOGITS_FILTER_H
#define GEMCUT_RUNTIME_CORE_LOGITS_FILTER_H

#include <cstdint>

namespace gemcut {

/// A constraint on the tokens of one answer, called by the thread that
/// generates it.
class LogitsFilter {
public:
  virtual ~LogitsFilter() = default;

  /// Sets the logits (V,) of tokens that may not come next to -inf.
  virtual void apply(float *logits) = 0;
  /// Tells of a token that was chosen among those, no stop id.
  virtual void accept(int32_t id) = 0;
  /// Whether nothing but a stop id may follow: the answer can end without one.
  virtual bool isFinished() = 0;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_LOGITS_FILTER_H
