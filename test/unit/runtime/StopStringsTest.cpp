//===- StopStringsTest.cpp - Texts that end an answer ---------------------===//

#include "runtime/text/stop_strings.h"

#include "gtest/gtest.h"

using namespace gemcut::text;

namespace {

/// What comes out of `text` fed in pieces of `size` bytes.
std::string pass(std::vector<std::string> stops, const std::string &text,
                 size_t size) {
  StopStrings filter(std::move(stops));
  std::string out;
  for (size_t i = 0; i < text.size(); i += size)
    if (filter.feed(std::string_view(text).substr(i, size), out))
      return out + "|";
  filter.finish(out);
  return out;
}

} // namespace

TEST(StopStringsTest, EveryCutGivesTheSame) {
  struct Case {
    std::vector<std::string> stops;
    std::string text, expected;
  };
  const Case cases[] = {
      {{}, "abc", "abc"},
      {{"x"}, "abc", "abc"},
      {{"bc"}, "abcd", "a|"},
      {{"abab"}, "abaabab!", "aba|"},
      {{"aab"}, "aaaab", "aa|"},
      {{"cd", "bcx"}, "abcd", "ab|"},
      {{"\n\n", "\nQ:"}, "a\nb\n\nc", "a\nb|"},
      {{"abc"}, "xab", "xab"}, // only begun
      {{"\u00fc!"}, "a\u00fc\u00fc!", "a\u00fc|"},
  };
  for (const Case &each : cases)
    for (size_t size = 1; size <= each.text.size(); ++size)
      EXPECT_EQ(pass(each.stops, each.text, size), each.expected)
          << each.text << " in pieces of " << size;
}

TEST(StopStringsTest, NothingIsHeldThatCannotBeAStop) {
  StopStrings filter({"stop"});
  std::string out;
  EXPECT_FALSE(filter.feed("abst", out));
  EXPECT_EQ(out, "ab");
  EXPECT_FALSE(filter.feed("a", out));
  EXPECT_EQ(out, "absta");
  EXPECT_TRUE(filter.feed("stop and more", out));
  EXPECT_TRUE(filter.feed("more", out));
  filter.finish(out);
  EXPECT_EQ(out, "absta");
}
