//===- EditedTextTest.cpp - A text with a cursor --------------------------===//

#include "runtime/cli/edited_text.h"

#include "gtest/gtest.h"

using namespace gemcut::cli;

/// The text with '|' at the cursor.
static std::string show(const EditedText &text) {
  std::string out = text.str();
  return out.insert(text.getCursor(), "|");
}

TEST(EditedText, CharactersAreNotCut) {
  EditedText text;
  text.set("aé€");
  text.moveTo(text.previous());
  EXPECT_EQ(show(text), "aé|€");
  text.erase(text.previous());
  EXPECT_EQ(show(text), "a|€");
  text.erase(text.next());
  EXPECT_EQ(show(text), "a|");
  text.erase(text.next()); // nothing behind the cursor
  EXPECT_EQ(show(text), "a|");
  text.moveTo(text.previous());
  text.erase(text.previous()); // nor in front of it
  EXPECT_EQ(show(text), "|a");
}

TEST(EditedText, WordsEndAtBlanks) {
  EditedText text;
  text.set("one two\nthree ");
  text.moveTo(text.previousWord());
  EXPECT_EQ(show(text), "one two\n|three ");
  text.moveTo(text.previousWord());
  EXPECT_EQ(show(text), "one |two\nthree ");
  text.moveTo(text.nextWord());
  EXPECT_EQ(show(text), "one two|\nthree ");
  text.moveTo(text.nextWord());
  EXPECT_EQ(show(text), "one two\nthree| ");
}

TEST(EditedText, WhatIsKilledComesBack) {
  EditedText text;
  text.set("one two");
  text.kill(text.previousWord());
  EXPECT_EQ(show(text), "one |");
  text.moveTo(text.lineBegin());
  text.erase(text.next()); // is not kept
  text.yank();
  EXPECT_EQ(show(text), "two|ne ");
  text.kill(text.lineEnd());
  text.yank();
  text.yank();
  EXPECT_EQ(show(text), "twone ne |");
}

TEST(EditedText, LinesKeepTheColumn) {
  EditedText text;
  text.set("äbcd\nx\nefgh");
  EXPECT_FALSE(text.moveLine(1));
  text.moveTo(text.previous());
  EXPECT_TRUE(text.moveLine(-1));
  EXPECT_EQ(show(text), "äbcd\nx|\nefgh"); // the line is shorter
  text.moveTo(text.lineBegin());
  text.insert("yz");
  EXPECT_TRUE(text.moveLine(-1));
  EXPECT_EQ(show(text), "äb|cd\nyzx\nefgh");
  EXPECT_EQ(text.lineBegin(), 0u);
  EXPECT_EQ(text.lineEnd(), 5u);
  EXPECT_FALSE(text.moveLine(-1));
}
