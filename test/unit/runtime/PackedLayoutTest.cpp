//===- PackedLayoutTest.cpp - Where the rows of a table lie ---------------===//

#include "runtime/abi/packed_layout.h"

#include "gtest/gtest.h"

TEST(PackedLayout, RowsLieInAsFewPagesAsTheyNeed) {
  const int64_t page = GEMCUT_TABLE_PAGE;
  for (int64_t rowBytes = 64; rowBytes <= 5 * page; rowBytes += 64) {
    int64_t end = 0, wasted = 0;
    for (int64_t row = 0; row < 200; ++row) {
      int64_t offset = gemcut_table_row_offset(rowBytes, row);
      ASSERT_GE(offset, end) << rowBytes << " row " << row;
      // A gap ends on a page, and the row would not have fit before it.
      if (offset > end) {
        ASSERT_EQ(offset % page, 0) << rowBytes << " row " << row;
        ASSERT_LT(offset - end, page);
        ASSERT_GT((end + rowBytes - 1) / page - end / page,
                  (rowBytes - 1) / page);
        wasted += offset - end;
      }
      ASSERT_EQ((offset + rowBytes - 1) / page - offset / page,
                (rowBytes - 1) / page)
          << rowBytes << " row " << row;
      end = offset + rowBytes;
      ASSERT_EQ(gemcut_table_bytes(rowBytes, row + 1),
                gemcut_round_up(end, page));
    }
    if (rowBytes <= page / 8) // small rows share their pages
      ASSERT_LE(wasted, end / 8) << rowBytes;
  }
}

TEST(PackedLayout, ThreeInt8RowsOf8960ColumnsTakeSevenPages) {
  int64_t rowBytes = gemcut_table_row_bytes(GEMCUT_INT8, 8960, 1);
  EXPECT_EQ(rowBytes, 9536);
  EXPECT_EQ(gemcut_table_row_offset(rowBytes, 2), 2 * 9536);
  EXPECT_EQ(gemcut_table_row_offset(rowBytes, 3), 7 * 4096);
  EXPECT_EQ(gemcut_table_bytes(rowBytes, 262144), int64_t(611670) * 4096);
}
