//===- HistoryFileTest.cpp - Where the turns of conversations go ----------===//

#include "runtime/cli/history_file.h"

#include "gtest/gtest.h"

#include <cstdlib>

using namespace gemcut::cli;

TEST(History, HomesAreNotMade) {
  unsetenv("XDG_STATE_HOME");
  setenv("HOME", "/tmp", /*replace=*/1);
  EXPECT_EQ(HistoryFile::findPath(), "/tmp/.local/state/gemcut/history");
  for (const char *home : {"/nonexistent", "", "relative"}) {
    setenv("HOME", home, /*replace=*/1);
    EXPECT_EQ(HistoryFile::findPath(), "") << home;
  }
  unsetenv("HOME");
  EXPECT_EQ(HistoryFile::findPath(), "");
}
