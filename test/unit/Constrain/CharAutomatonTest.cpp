//===- CharAutomatonTest.cpp - Automata over characters -------------------===//

#include "runtime/constrain/char_automaton.h"
#include "runtime/constrain/regex.h"
#include "runtime/text/utf8.h"

#include <gtest/gtest.h>
#include <set>

using namespace gemcut;
using namespace gemcut::constrain;

namespace {
bool matches(const CharAutomaton &automaton, const std::u32string &text) {
  std::set<uint32_t> states = {0};
  for (char32_t c : text) {
    std::set<uint32_t> next;
    for (uint32_t state : states)
      for (const auto &edge : automaton.states[state].edges)
        if (automaton.sets[edge.set].contains(uint32_t(c)))
          next.insert(edge.target);
    states = next;
  }
  for (uint32_t state : states)
    if (automaton.states[state].isFinal)
      return true;
  return false;
}

CharAutomaton parse(const std::string &pattern) {
  CharAutomaton result;
  std::string error;
  EXPECT_TRUE(parseRegex(pattern, RegexSpan::Whole, result, error)) << error;
  return result;
}
} // namespace

TEST(CodePointsTest, SetsKeepRangesApartAndJoined) {
  CodePoints set('a', 'c');
  set.add('e', 'g');
  EXPECT_EQ(set.getRanges().size(), 2u);
  set.add('d', 'd');
  EXPECT_EQ(set, CodePoints('a', 'g'));
  EXPECT_EQ(set.complement().complement(), set);
  EXPECT_FALSE(CodePoints::all().contains(0xD800));
  EXPECT_TRUE(CodePoints(0xD800, 0xDFFF).isEmpty());
  EXPECT_EQ(
      CodePoints('a', 'z').without(CodePoints('b', 'y')).getRanges().size(),
      2u);
  EXPECT_FALSE(CodePoints::plain().contains('"'));
  EXPECT_FALSE(CodePoints::plain().contains('\\'));
  EXPECT_FALSE(CodePoints::plain().contains(0x1F));
  EXPECT_TRUE(CodePoints::plain().contains(' '));
}

TEST(CharAutomatonTest, NamesShareWhatTheyBeginWith) {
  CharAutomaton names = namesOf({"abc", "abd", "ab", "abc", "\xff", ""});
  EXPECT_EQ(names.states.size(), 5u);
  TextSearch search;
  for (const char *name : {"", "ab", "abc", "abd"})
    EXPECT_EQ(accepts(names, name, search), true) << name;
  for (const char *name : {"a", "abcd", "b", "\xff"})
    EXPECT_EQ(accepts(names, name, search), false) << name;
  // One automaton after the other, with as many edges as there are.
  CharAutomaton text = parse("a[ab]{2}c|[ab]*d");
  for (const char *name : {"aabc", "abad", "d"})
    EXPECT_EQ(accepts(text, name, search), true) << name;
  EXPECT_EQ(accepts(text, "aac", search), false);
  search.edgesLeft = 3;
  EXPECT_EQ(accepts(text, "abababad", search), std::nullopt);
  EXPECT_TRUE(
      namesOf({std::string(kMostStates, 'a')}).states.empty()); // too many
}

TEST(CharAutomatonTest, LengthsCountCodePoints) {
  CharAutomaton limited = limitLength(anyText(), 2, 3);
  EXPECT_FALSE(matches(limited, U"a"));
  EXPECT_TRUE(matches(limited, U"\U0001F642\u00e9"));
  EXPECT_TRUE(matches(limited, U"abc"));
  EXPECT_FALSE(matches(limited, U"abcd"));
  CharAutomaton atLeast = limitLength(parse("a*"), 2, kUnbounded);
  EXPECT_FALSE(matches(atLeast, U"a"));
  EXPECT_TRUE(matches(atLeast, U"aaaaaaa"));
  EXPECT_TRUE(limitLength(anyText(), 0, 1 << 20).states.empty());
}

TEST(CharAutomatonTest, TextWithoutAWord) {
  CharAutomaton text = textWithout("<|\"|>");
  EXPECT_TRUE(matches(text, U"a<|\"|<|\"|"));
  EXPECT_TRUE(matches(text, U"<<||\"\">>"));
  EXPECT_FALSE(matches(text, U"a<|\"|>"));
  EXPECT_FALSE(matches(text, U"<|<|\"|<|\"|>b"));
}

TEST(CharAutomatonTest, NamesExcept) {
  CharAutomaton names = namesExcept(CodePoints::plain(), {"a", "ab", "x\"y"});
  EXPECT_FALSE(matches(names, U""));
  EXPECT_FALSE(matches(names, U"a"));
  EXPECT_FALSE(matches(names, U"ab"));
  EXPECT_TRUE(matches(names, U"abc"));
  EXPECT_TRUE(matches(names, U"b"));
  EXPECT_TRUE(matches(names, U"x"));
}

TEST(CharAutomatonTest, PlainRunsAreBounds) {
  auto start = [](const CharAutomaton &text) {
    return findPlainRuns(trim(text))[0];
  };
  EXPECT_EQ(start(anyText()).least, kUnbounded);
  PlainRun ten = start(limitLength(anyText(), 3, 10));
  EXPECT_EQ(ten.least, 10u);
  EXPECT_EQ(ten.most, 10u);
  EXPECT_EQ(start(textWithout("<|\"|>")).least, kUnbounded);
  PlainRun four = start(limitLength(textWithout("<|\"|>"), 0, 4));
  EXPECT_EQ(four.least, 4u);
  EXPECT_EQ(four.most, 4u);
  PlainRun digits = start(parse("[0-9]{1,5}"));
  EXPECT_EQ(digits.least, 0u);
  EXPECT_EQ(digits.most, 5u);
  // One character of any kind, then only letters.
  PlainRun mixed = start(parse("[^x]?[a-z]{2}|.[a-c]*"));
  EXPECT_EQ(mixed.least, 1u);
  EXPECT_EQ(mixed.most, kUnbounded);
  EXPECT_EQ(start(namesExcept(CodePoints::plain(), {"abc"})).least, kUnbounded);
}
