//===- InstructionRateTest.cpp - Products per second ----------------------===//

#include "runtime/cli/instruction_rate.h"

#include "runtime/core/cpu.h"

#include "gtest/gtest.h"

#include <string>

using namespace gemcut;
using namespace gemcut::cli;

TEST(InstructionRate, KnowsTheInstructionsOfALevel) {
  Team team;
  ASSERT_EQ(team.start(1, 1), GEMCUT_OK);
  for (Arithmetic arithmetic :
       {Arithmetic::Int8, Arithmetic::Bf16, Arithmetic::F32}) {
    EXPECT_EQ(measureMacRate(team, arithmetic, ""), 0);
    EXPECT_EQ(measureMacRate(team, arithmetic, "avx512vnni2,xavx2"), 0);
  }
  char features[256];
  formatCpuFeatures(detectCpuFeatures(), features, sizeof(features));
  std::string list = std::string(",") + features + ",";
  auto has = [&](const char *name) {
    return list.find("," + std::string(name) + ",") != std::string::npos;
  };
  // Far below and far above what any CPU does.
  auto expectRate = [&](Arithmetic arithmetic, const char *only) {
    double rate = measureMacRate(team, arithmetic, only);
    EXPECT_GT(rate, 1e8) << only;
    EXPECT_LT(rate, 1e13) << only;
  };
  if (has("avx2"))
    expectRate(Arithmetic::Int8, "avx2");
  if (has("avxvnni"))
    expectRate(Arithmetic::Int8, "avx2,avxvnni");
  if (has("avx512vnni"))
    expectRate(Arithmetic::Int8, "avx2,avx512f,avx512vnni");
  if (has("avx512bf16"))
    expectRate(Arithmetic::Bf16, "avx512bf16,avx512f");
  if (has("fma"))
    expectRate(Arithmetic::F32, "avx2,fma");
  if (has("avx512f"))
    expectRate(Arithmetic::F32, "fma,avx512f");
}
