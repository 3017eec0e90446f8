//===- log_softmax.h - Probabilities of one row of logits -------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_LOG_SOFTMAX_H
#define GEMCUT_RUNTIME_SESSION_LOG_SOFTMAX_H

#include <cstddef>
#include <cstdint>

namespace gemcut {

/// log(sum_i exp(logits[i])), computed in float64; NaN if a logit is NaN.
double getLogSumExp(const float *logits, size_t count);

/// KL divergence sum_i p_i (log p_i - log q_i) in nats of q = softmax(actual)
/// from p = softmax(reference), computed in float64.
double getKlDivergence(const float *reference, const float *actual,
                       size_t count);

/// Index of the largest value, the lowest of equal ones.
size_t getArgmax(const float *values, size_t count);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_LOG_SOFTMAX_H
