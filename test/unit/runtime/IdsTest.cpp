//===- IdsTest.cpp - Ids in arguments and files ---------------------------===//

#include "runtime/cli/ids.h"

#include "runtime/core/error.h"
#include "test/unit/runtime/ArtifactBuilder.h"

#include "gtest/gtest.h"

#include <cstdio>

using namespace gemcut;
using namespace gemcut::cli;

using Ids = std::vector<int32_t>;

TEST(Ids, Lists) {
  Ids ids;
  EXPECT_EQ(parseIds("1,2,3", ids), GEMCUT_OK);
  EXPECT_EQ(ids, (Ids{1, 2, 3}));
  EXPECT_EQ(parseIds("  7 \n8,\t9 ,\r\n 2147483647, ", ids), GEMCUT_OK);
  EXPECT_EQ(ids, (Ids{7, 8, 9, 2147483647}));
  for (const char *bad :
       {"", " ", ",", "2,,5", "2, ,5", ",2", "2,5,,", "1,-2", "1,x", "1.5",
        "0x10", "1;2", "2147483648", "99999999999999999999999"}) {
    EXPECT_EQ(parseIds(bad, ids), GEMCUT_INVALID_ARGUMENT) << bad;
  }
  EXPECT_EQ(parseIds("10,20,zebra", ids), GEMCUT_INVALID_ARGUMENT);
  EXPECT_NE(std::string(gemcut_last_error()).find("'zebra' at byte 6"),
            std::string::npos)
      << gemcut_last_error();
}

TEST(Ids, Files) {
  std::string path = testing::TempDir() + "/gemcut-ids.txt";
  test::writeFile(path, "4 5\n6\n");
  Ids ids;
  EXPECT_EQ(readIds(("@" + path).c_str(), ids), GEMCUT_OK);
  EXPECT_EQ(ids, (Ids{4, 5, 6}));
  std::remove(path.c_str());
  EXPECT_EQ(readIds(("@" + path).c_str(), ids), GEMCUT_SYSTEM_ERROR);
}
