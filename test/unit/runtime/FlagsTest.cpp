//===- FlagsTest.cpp - Flags, their mistakes and their help ---------------===//

#include "runtime/cli/flags.h"

#include "gtest/gtest.h"

#include <cstdio>

using namespace gemcut::cli;

namespace {
struct ParsedFlags {
  bool flag = false;
  int count = 4;
  float real = 0.5f;
  uint64_t seed = 1;
  const char *text = nullptr, *level = nullptr;
  std::vector<const char *> positionals;
  Parsed parsed;
  std::string error, output;

  explicit ParsedFlags(std::vector<const char *> arguments) {
    Flags flags("cmd [flags]", "Summary.");
    flags.add(flag, "flag", 0, "A switch.");
    flags.add(count, "count", 'c', "N", "A count.", 1, 10);
    flags.add(real, "real", 0, "X", "A number.", 0, 1);
    flags.add(seed, "seed", 0, "N", "A seed.");
    flags.add(text, "text", 't', "TEXT", "A text.");
    flags.add(real, "temp", 0, "X", "A temperature.", 0, 1);
    flags.add(level, "level", 0, "NAME", "A level.", {"high", "low"}, "high");
    arguments.insert(arguments.begin(), "cmd");
    std::vector<char *> argv;
    for (const char *argument : arguments)
      argv.push_back(const_cast<char *>(argument));
    argv.push_back(nullptr);
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    parsed = flags.parse(int(arguments.size()), argv.data(), positionals, 1);
    fflush(stdout);
    output = testing::internal::GetCapturedStdout();
    error = testing::internal::GetCapturedStderr();
  }
};
} // namespace

TEST(Flags, Values) {
  ParsedFlags f({"--flag", "-c", "7", "word", "--real=0.25", "-tx", "--seed",
                 "18446744073709551615"});
  EXPECT_EQ(f.parsed, Parsed::Run);
  EXPECT_TRUE(f.flag);
  EXPECT_EQ(f.count, 7);
  EXPECT_EQ(f.real, 0.25f);
  EXPECT_EQ(f.seed, UINT64_MAX);
  EXPECT_STREQ(f.text, "x");
  ASSERT_EQ(f.positionals.size(), 1u);
  EXPECT_STREQ(f.positionals[0], "word");
  ParsedFlags dashes({"--", "--flag"});
  EXPECT_EQ(dashes.parsed, Parsed::Run);
  EXPECT_STREQ(dashes.positionals.at(0), "--flag");
}

TEST(Flags, MistakesAreUsageErrors) {
  const std::vector<std::vector<const char *>> mistakes = {
      {"--nosuch"},
      {"-x"},
      {"--count"},
      {"-c"},
      {"-c", "0"},
      {"-c", "11"},
      {"-c", "7x"},
      {"-c", ""},
      {"-c", "1e1"},
      {"--real", "2"},
      {"--real", "nan"},
      {"--real", "x"},
      {"--flag=yes"},
      {"--seed", "-1"},
      {"one", "two"},
      {"--seed", "18446744073709551616"},
      {"-c", "2", "--count", "2"}};
  for (const auto &arguments : mistakes) {
    ParsedFlags f(arguments);
    EXPECT_EQ(f.parsed, Parsed::Usage) << arguments[0];
    EXPECT_EQ(f.error.substr(0, 7), "error: ") << f.error;
    EXPECT_NE(f.error.find("cmd --help"), std::string::npos) << f.error;
    EXPECT_EQ(f.output, "");
  }
}

TEST(Flags, MistypedNamesAreGuessed) {
  const std::pair<const char *, const char *> cases[] = {
      {"--txet", "; is it --text;"},
      {"--cuont=3", "no flag --cuont=3; is it --count;"},
      {"--nothing-like-it", "no flag --nothing-like-it;"},
      {"--te", "--te may be any of --text, --temp;"}};
  for (const auto &[typed, message] : cases) {
    ParsedFlags f({typed});
    EXPECT_NE(f.error.find(message), std::string::npos) << f.error;
  }
}

TEST(Flags, ListedNames) {
  EXPECT_STREQ(ParsedFlags({"--level", "low"}).level, "low");
  ParsedFlags other({"--level", "lower"});
  EXPECT_EQ(other.parsed, Parsed::Usage);
  EXPECT_NE(other.error.find("'lower', but must be one of: high, low"),
            std::string::npos)
      << other.error;
}

TEST(Flags, HelpShowsEveryFlagWithItsDefault) {
  ParsedFlags f({"--help"});
  EXPECT_EQ(f.parsed, Parsed::Help);
  EXPECT_EQ(f.error, "");
  for (const char *part :
       {"Summary.", "--flag", "A switch.", "-c, --count N",
        "A count. Default: 4.", "A number. Default: 0.5.", "--help"})
    EXPECT_NE(f.output.find(part), std::string::npos) << f.output;
}
