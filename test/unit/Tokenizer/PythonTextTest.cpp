//===- PythonTextTest.cpp - Texts as Python's methods change them ---------===//

#include "runtime/text/python_text.h"

#include <gtest/gtest.h>

using namespace gemcut;
using text::MarkedText;
using text::Value;

namespace {

TEST(PythonTextTest, TrimsLikePython) {
  EXPECT_EQ(text::trim(" \t\r\n a b \u00a0\u2003\u3000"), "a b");
  EXPECT_EQ(text::trim("\u200b"), "\u200b"); // no white space in Python
  EXPECT_EQ(text::trim(" \n "), "");
  EXPECT_EQ(text::trim("\xA0x\x80"), "\xA0x\x80"); // bytes, not U+00A0
}

std::string convert(std::string_view text, text::Case to) {
  return text::convertCase(MarkedText::trusted(text), to).bytes;
}

TEST(PythonTextTest, Cases) {
  EXPECT_EQ(convert("aé\u00dfя\u0149\U00010428", text::Case::Upper),
            "AÉSSЯ\u02bcN\U00010400");
  EXPECT_EQ(convert("AÉЯ\u1e9e\U00010400", text::Case::Lower),
            "aéя\u00df\U00010428");
  EXPECT_EQ(convert("they're bill's FRIENDS", text::Case::Title),
            "They'Re Bill'S Friends");
  EXPECT_EQ(convert("éa B", text::Case::Capitalize), "Éa b");
}

std::string join(const std::vector<Value> &parts) {
  std::string out;
  for (const Value &part : parts)
    out += std::string(part.bytes()) + "|";
  return out;
}

TEST(PythonTextTest, Splits) {
  auto split = [](std::string_view text, const char *by, int most, bool right) {
    std::string_view separator = by ? by : "";
    return join(text::split(MarkedText::trusted(text),
                            by ? &separator : nullptr, most, right));
  };
  EXPECT_EQ(split("a,b,,c", ",", -1, false), "a|b||c|");
  EXPECT_EQ(split("a,b,c", ",", 1, false), "a|b,c|");
  EXPECT_EQ(split("a,b,c", ",", 1, true), "a,b|c|");
  EXPECT_EQ(split("", ",", -1, false), "|");
  EXPECT_EQ(split(" a  b\u2003c ", nullptr, -1, false), "a|b|c|");
  EXPECT_EQ(split(" a  b c ", nullptr, 1, false), "a|b c|");
  EXPECT_EQ(split(" a  b c ", nullptr, 1, true), "a  b|c|");
  EXPECT_EQ(join(text::splitLines(MarkedText::trusted("a\r\nb\n\nc"))),
            "a|b||c|");
  EXPECT_EQ(text::replaceAll(MarkedText::trusted("aaa"),
                             MarkedText::trusted("a"), MarkedText::trusted("b"),
                             2)
                .bytes,
            "bba");
  EXPECT_EQ(text::replaceAll(MarkedText::trusted("ab"), MarkedText::trusted(""),
                             MarkedText::trusted("-"), -1)
                .bytes,
            "-a-b-");
}

} // namespace
