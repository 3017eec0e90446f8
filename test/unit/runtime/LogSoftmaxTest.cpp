//===- LogSoftmaxTest.cpp - Probabilities of logits -----------------------===//

#include "runtime/session/log_softmax.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace gemcut;

TEST(LogSoftmax, KnownValues) {
  const float uniform[4] = {5, 5, 5, 5};
  EXPECT_NEAR(getLogSumExp(uniform, 4), 5 + std::log(4.0), 1e-12);
  const float large[2] = {1000, 0};
  EXPECT_NEAR(getLogSumExp(large, 2), 1000, 1e-12);
  const float p[2] = {0, 0}, q[2] = {float(std::log(3.0)), 0};
  // p = (1/2, 1/2), q = (3/4, 1/4).
  EXPECT_NEAR(getKlDivergence(p, q, 2),
              0.5 * std::log(2.0 / 3) + 0.5 * std::log(2.0), 1e-7);
  EXPECT_NEAR(getKlDivergence(q, q, 2), 0, 1e-15);
  const float masked[3] = {0, -INFINITY, 0}, other[3] = {0, 1, 0};
  EXPECT_TRUE(std::isfinite(getKlDivergence(masked, other, 3)));
  const float nan[2] = {1, NAN};
  EXPECT_TRUE(std::isnan(getLogSumExp(nan, 2)));
  const float ties[3] = {1, 2, 2};
  EXPECT_EQ(getArgmax(ties, 3), 1u);
}
