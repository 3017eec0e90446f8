//===- log_softmax.cpp - Probabilities of one row of logits ---------------===//

#include "runtime/session/log_softmax.h"

#include <algorithm>
#include <cmath>

using namespace gemcut;

double gemcut::getLogSumExp(const float *logits, size_t count) {
  double largest = double(logits[getArgmax(logits, count)]);
  double sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += std::exp(double(logits[i]) - largest);
  return largest + std::log(sum);
}

double gemcut::getKlDivergence(const float *reference, const float *actual,
                               size_t count) {
  double referenceSum = getLogSumExp(reference, count);
  double actualSum = getLogSumExp(actual, count);
  double divergence = 0;
  for (size_t i = 0; i < count; ++i) {
    double logP = double(reference[i]) - referenceSum;
    double p = std::exp(logP);
    if (p > 0) // 0 log 0 = 0
      divergence += p * (logP - (double(actual[i]) - actualSum));
  }
  return divergence;
}

size_t gemcut::getArgmax(const float *values, size_t count) {
  return size_t(std::max_element(values, values + count) - values);
}
