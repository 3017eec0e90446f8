//===- RegexTest.cpp - Regular expressions as constraints -----------------===//

#include "test/unit/Constrain/ConstrainFixture.h"

using namespace gemcut;
using namespace gemcut::test;

namespace {
struct Case {
  const char *pattern;
  std::vector<std::string> good, bad;
};
} // namespace

TEST(RegexTest, MatchesFromBeginningToEnd) {
  const Case cases[] = {
      {"abc", {"abc"}, {"", "ab", "abcd", "xabc"}},
      {"a|bc|", {"a", "bc", ""}, {"b", "abc"}},
      {"^a$|^b", {"a", "b"}, {"ab"}},
      {"(?:ab)+c?", {"ab", "ababc"}, {"", "abcc", "aba"}},
      {"(x)(?<n>y)*?", {"x", "xyy"}, {"y"}},
      {"a{2}", {"aa"}, {"a", "aaa"}},
      {"a{2,}", {"aa", "aaaaa"}, {"a"}},
      {"a{0,2}b", {"b", "aab"}, {"aaab"}},
      {"[a-c-]", {"a", "c", "-"}, {"d", ""}},
      {"[^a-z]", {"A", "\n", "\u00e9", "\U0001F642"}, {"a", "z", "\xe9"}},
      {".", {"a", "\u4e00"}, {"\n", "\r", "\u2028", "aa"}},
      {"\\d\\D\\w\\W\\s\\S", {"1a_- x"}, {"aa_- x", "1a_-xx"}},
      {"\\x41\\u00e9\\u{1F642}\\/", {"A\u00e9\U0001F642/"}, {"A\u00e8"}},
      {"[\\u0370-\\u03ff]+", {"\u03b1\u03b2"}, {"a", "\u0400"}},
      {"[\\ud7ff-\\ue000]", {"\ud7ff", "\ue000"}, {"\u4e00", "\ue001"}},
      {"[\\u0000-\\u{10ffff}]", {std::string(1, 0), "\U0010FFFF"}, {""}},
      {"\\^\\$\\.\\[", {"^$.["}, {"a"}},
      {"(a|ab)(c|bcd)", {"ac", "abc", "abcd", "abbcd"}, {"abcbcd"}},
      {"(?:(?:a?){3}){2}", {"", "aaaaaa"}, {"aaaaaaa"}},
      {"[\\b]", {"\b"}, {"b"}},
      {"^(?!ab)[a-c]+", {"a", "ac", "bab"}, {"ab", "abc", ""}},
      {"^(?!.*\\.\\.)(?!\\.)[a.]+", {"a.", "a.a.a"}, {".a", "a..a", "a.."}},
      {"^(?=.*\\d)(?=.*[a-z]).{2,3}", {"a1", "1xa"}, {"aa", "11", "a"}},
      {"^(?=a$|bc)[abc]+", {"a", "bca"}, {"ab", "b"}},
      {"^(?!\u00e9)(.|\n)", {"e", "\n", "\U0001F642"}, {"\u00e9"}},
  };
  for (const Case &c : cases) {
    auto grammar = compilePattern(c.pattern);
    for (const std::string &text : c.good)
      EXPECT_TRUE(accepts(grammar, text)) << c.pattern << " on " << text;
    for (const std::string &text : c.bad)
      EXPECT_FALSE(accepts(grammar, text)) << c.pattern << " on " << text;
  }
}

TEST(RegexTest, ErrorsNameThePlace) {
  const std::pair<const char *, const char *> cases[] = {
      {"a(b", "'(' without ')' at byte 1"},
      {"ab)", "')' without '(' at byte 2"},
      {"[a", "'[' without ']' at byte 0"},
      {"*a", "nothing to repeat at byte 0"},
      {"a**", "a repetition of a repetition at byte 2"},
      {"a{3,2}", "counts in the wrong order at byte 1"},
      {"a{99999}", "a count above 65536 at byte 2"},
      {"(?=a)", "look-around is supported behind the first '^' only, and only "
                "ahead; found it at byte 0"},
      {"^(?<=a)b", "look-around is supported behind the first '^' only"},
      {"^(?!a)b|c", "look-around in front of alternatives is not supported"},
      {"^(?!(?=a)b)c", "look-around is supported behind the first '^' only"},
      {"^(?!a", "'(' without ')' at byte 1"},
      {"^(?=b)a", "no text matches the pattern"},
      {"^(?!)a", "no text matches the pattern"},
      {"^(?!.*a.{30})b", "the pattern with its look-ahead becomes too large"},
      {"(a)\\1", "back references are not supported, found at byte 3"},
      {"\\bword", "word boundaries are not supported, found at byte 0"},
      {"\\p{L}", "Unicode properties are not supported, found at byte 0"},
      {"\\q", "an escape of an unknown kind at byte 0"},
      {"[z-a]", "a range in the wrong order at byte 1"},
      {"\\ud800", "half of a surrogate pair"},
      {"a\xff", "bytes that are not UTF-8 at byte 1"},
      {"a{", "a count without digits at byte 2"},
      {"[]", "no text matches the pattern"},
      {"a^b", "no text matches the pattern"},
      {"((a{300}){300})", "becomes larger than 65536 states"},
      {"\\", "a backslash without a character at byte 0"},
  };
  for (auto [pattern, sentence] : cases)
    EXPECT_NE(getPatternError(pattern).find(sentence), std::string::npos)
        << pattern << ": " << getPatternError(pattern);
  std::string deep(200, '('), shut(200, ')');
  EXPECT_NE(getPatternError(deep + "a" + shut).find("nested deeper than 100"),
            std::string::npos);
}

TEST(RegexTest, EveryLengthOfUtf8) {
  auto grammar = compilePattern("[\\u0061-\\u{10050}]");
  auto utf8 = [](uint32_t p) {
    std::string s;
    if (p < 0x80)
      s = {char(p)};
    else if (p < 0x800)
      s = {char(0xC0 | p >> 6), char(0x80 | (p & 63))};
    else if (p < 0x10000)
      s = {char(0xE0 | p >> 12), char(0x80 | (p >> 6 & 63)),
           char(0x80 | (p & 63))};
    else
      s = {char(0xF0 | p >> 18), char(0x80 | (p >> 12 & 63)),
           char(0x80 | (p >> 6 & 63)), char(0x80 | (p & 63))};
    return s;
  };
  for (uint32_t p = 0; p < 0x10100; p += p < 0x900 || p > 0xFF00 ? 1 : 37) {
    bool isSurrogate = p >= 0xD800 && p <= 0xDFFF;
    EXPECT_EQ(accepts(grammar, utf8(p)),
              p >= 0x61 && p <= 0x10050 && !isSurrogate)
        << p;
  }
}
