//===- matcher_filter.h - A grammar for the sampler -------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_MATCHER_FILTER_H
#define GEMCUT_RUNTIME_CONSTRAIN_MATCHER_FILTER_H

#include "runtime/constrain/matcher.h"
#include "runtime/core/logits_filter.h"

namespace gemcut::constrain {

/// Lets one answer follow a grammar.
class MatcherFilter : public LogitsFilter {
public:
  MatcherFilter(VocabularyPtr vocabulary, GrammarPtr grammar)
      : vocabulary(std::move(vocabulary)), matcher(std::move(grammar)),
        mask(this->vocabulary->maskWords()) {}

  void apply(float *logits) override {
    matcher.fillMask(mask.data());
    maskLogits(mask.data(), logits, size_t(vocabulary->size()));
  }
  void accept(int32_t id) override { (void)matcher.accept(id); }
  bool isFinished() override { return matcher.isFinished(); }

  Matcher &getMatcher() { return matcher; }

private:
  VocabularyPtr vocabulary;
  Matcher matcher;
  Mask mask;
};

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_MATCHER_FILTER_H
