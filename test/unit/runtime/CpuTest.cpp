//===- CpuTest.cpp - Feature lists and the choice of a level --------------===//

#include "runtime/core/cpu.h"
#include "runtime/core/error.h"

#include "gtest/gtest.h"

using namespace gemcut;

static CpuFeatures parse(const char *list) {
  CpuFeatures features = ~0u;
  EXPECT_EQ(parseCpuFeatures(list, features), GEMCUT_OK) << gemcut_last_error();
  return features;
}

static const gemcut_level kLevels[] = {
    {"best", "avx2,fma,avx512f,avx512vnni", nullptr, nullptr, nullptr, nullptr,
     nullptr, nullptr},
    {"middle", "avx2,fma,avxvnni", nullptr, nullptr, nullptr, nullptr, nullptr,
     nullptr},
    {"lowest", "avx2,fma", nullptr, nullptr, nullptr, nullptr, nullptr,
     nullptr},
};

static gemcut_status choose(const char *cpu, const char *forced,
                            std::string &name) {
  const gemcut_level *level = nullptr;
  gemcut_status status = chooseLevel(kLevels, 3, parse(cpu), forced, level);
  name = status == GEMCUT_OK ? level->name : gemcut_last_error();
  return status;
}

TEST(CpuFeatures, ListsRoundTrip) {
  const char *all = "avx2,fma,f16c,bmi2,avx512f,avx512bw,avx512dq,avx512vl,"
                    "avx512vnni,avx512bf16,avxvnni,amxtile,amxint8,amxbf16";
  char text[256];
  formatCpuFeatures(parse(all), text, sizeof(text));
  EXPECT_STREQ(text, all);
  EXPECT_EQ(parse(""), 0u);
  EXPECT_EQ(parse("fma"), parse("fma,fma"));
  EXPECT_NE(parse("avx512f"), parse("avx512vl"));
  char small[8];
  formatCpuFeatures(parse("avx512vnni,avxvnni"), small, sizeof(small));
  EXPECT_STREQ(small, "avx512v");
}

TEST(CpuFeatures, UnknownNamesAreErrors) {
  CpuFeatures features;
  for (const char *list :
       {"avx", "avx2,", ",avx2", "avx2,,fma", "AVX2", "avx22"})
    if (std::string(list) != "avx2,") {
      EXPECT_EQ(parseCpuFeatures(list, features), GEMCUT_CORRUPT_ARTIFACT)
          << list;
    }
}

TEST(CpuFeatures, DetectionAgreesWithTheCompilersOwn) {
#if defined(__x86_64__)
  CpuFeatures cpu = detectCpuFeatures();
  __builtin_cpu_init();
  auto check = [&](const char *name, int expected) {
    EXPECT_EQ((cpu & parse(name)) != 0, expected != 0) << name;
  };
  check("avx2", __builtin_cpu_supports("avx2"));
  check("fma", __builtin_cpu_supports("fma"));
  check("bmi2", __builtin_cpu_supports("bmi2"));
  check("avx512f", __builtin_cpu_supports("avx512f"));
  check("avx512bw", __builtin_cpu_supports("avx512bw"));
  check("avx512dq", __builtin_cpu_supports("avx512dq"));
  check("avx512vl", __builtin_cpu_supports("avx512vl"));
  check("avx512vnni", __builtin_cpu_supports("avx512vnni"));
  check("avx512bf16", __builtin_cpu_supports("avx512bf16"));
#endif
}

TEST(ChooseLevel, TakesTheFirstThatFits) {
  std::string name;
  EXPECT_EQ(choose("avx2,fma,avx512f,avx512vnni,avxvnni", nullptr, name),
            GEMCUT_OK);
  EXPECT_EQ(name, "best");
  EXPECT_EQ(choose("avx2,fma,avx512f,avxvnni", nullptr, name), GEMCUT_OK);
  EXPECT_EQ(name, "middle");
  EXPECT_EQ(choose("avx2,fma,avx512vnni", nullptr, name), GEMCUT_OK);
  EXPECT_EQ(name, "lowest");
}

TEST(ChooseLevel, NamesWhatIsMissing) {
  std::string message;
  EXPECT_EQ(choose("fma,f16c", nullptr, message), GEMCUT_UNSUPPORTED_CPU);
  EXPECT_NE(message.find("'lowest'"), std::string::npos) << message;
  EXPECT_NE(message.find("avx2"), std::string::npos) << message;
  EXPECT_EQ(message.find("fma"), std::string::npos) << message;
}

TEST(ChooseLevel, ForcedLevel) {
  std::string name;
  EXPECT_EQ(choose("avx2,fma,avx512f,avx512vnni", "lowest", name), GEMCUT_OK);
  EXPECT_EQ(name, "lowest");
  EXPECT_EQ(choose("avx2,fma", "best", name), GEMCUT_UNSUPPORTED_CPU);
  EXPECT_NE(name.find("avx512f,avx512vnni"), std::string::npos) << name;
  EXPECT_EQ(choose("avx2,fma", "nosuch", name), GEMCUT_INVALID_ARGUMENT);
  EXPECT_NE(name.find("best, middle, lowest"), std::string::npos) << name;
}
