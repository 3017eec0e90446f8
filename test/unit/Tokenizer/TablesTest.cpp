//===- TablesTest.cpp - Damaged tables ------------------------------------===//
//
// Tables are checked when they are compiled; the runtime checks their header.
// Even so, damaged contents must not lead outside of them (run under
// sanitizers).
//
//===----------------------------------------------------------------------===//

#include "test/unit/Tokenizer/TestTokenizer.h"

#include <gtest/gtest.h>
#include <random>

using namespace gemcut;
using namespace gemcut::test;

namespace {

class TablesTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    shared = compileFile(GEMCUT_TEST_DATA "/tokenizer/tokenizer.json");
  }
  static void TearDownTestSuite() { shared.reset(); }
  void SetUp() override { ASSERT_TRUE(shared); }

  /// Opens an exact copy, so that reads behind the end are found.
  static std::string errorOf(std::vector<uint8_t> tables) {
    tables.shrink_to_fit();
    text::Tokenizer tokenizer;
    std::string error;
    if (text::Tokenizer::open(tables.data(), tables.size(), &tokenizer,
                              &error) == GEMCUT_OK)
      return "";
    EXPECT_FALSE(error.empty());
    return error;
  }

  static std::unique_ptr<TestTokenizer> shared;
};

std::unique_ptr<TestTokenizer> TablesTest::shared;

TEST_F(TablesTest, EveryTruncationIsRejected) {
  EXPECT_EQ(errorOf(shared->tables), "");
  for (size_t length = 0; length < shared->tables.size();
       length += length < sizeof(gemcut_tokenizer_header) ? 1 : 997)
    EXPECT_NE(
        errorOf({shared->tables.begin(), shared->tables.begin() + length}), "");
}

TEST_F(TablesTest, HeaderIsChecked) {
  auto errorAfter = [](auto change) {
    std::vector<uint8_t> tables = shared->tables;
    change(*reinterpret_cast<gemcut_tokenizer_header *>(tables.data()));
    return errorOf(std::move(tables));
  };
  using Header = gemcut_tokenizer_header;
  const std::string again = "; build the executable again";
  EXPECT_EQ(errorAfter([](Header &h) { h.magic[0] = 'X'; }),
            "the tokenizer tables do not begin with their magic number" +
                again);
  EXPECT_EQ(errorAfter([](Header &h) { h.version = 99; }),
            "the tokenizer tables have another format version" + again);
  EXPECT_EQ(errorAfter([](Header &h) { h.length += 8; }),
            "the tokenizer tables are truncated" + again);
  EXPECT_EQ(errorAfter([](Header &h) { h.piece_count = 0; }),
            "the tokenizer tables have counts out of range" + again);
  for (int section = 0; section < GEMCUT_TOK_SECTIONS; ++section) {
    if (section != GEMCUT_TOK_PIECE_BYTES &&
        section != GEMCUT_TOK_CODE_POINT_IDS) {
      EXPECT_NE(errorAfter([&](Header &h) { h.sections[section].length = 0; }),
                "")
          << section;
    }
    EXPECT_NE(errorAfter([&](Header &h) { h.sections[section].offset = ~7u; }),
              "")
        << section;
    EXPECT_NE(errorAfter([&](Header &h) { h.sections[section].offset += 1; }),
              "")
        << section;
  }
}

TEST_F(TablesTest, DamagedContentsStayInBounds) {
  auto exercise = [](const std::vector<uint8_t> &tables) {
    text::Tokenizer t;
    if (text::Tokenizer::open(tables.data(), tables.size(), &t, nullptr) !=
        GEMCUT_OK)
      return;
    std::vector<int32_t> ids;
    t.encode("Hello, <|turn>world\n\n  caf\u00e9 \u4e16\u754c \U0001F642 "
             "the theatre and the other thing\xFF",
             true, ids);
    t.encode(std::string(200, 'e') + std::string(200, ' '), true, ids);
    ids.push_back(-1);
    ids.push_back(INT32_MAX);
    for (int32_t id = 0; id < 1100; id += 7)
      ids.push_back(id);
    std::string out = t.decode(ids, true) + t.decode(ids, false);
    text::StreamDecoder decoder(t, false);
    for (int32_t id : ids)
      decoder.feed(id, out);
    decoder.flush(out);
    t.find("the");
  };
  std::mt19937_64 random(1);
  const auto &header =
      *reinterpret_cast<const gemcut_tokenizer_header *>(shared->tables.data());
  for (int round = 0; round < 400; ++round) {
    std::vector<uint8_t> tables = shared->tables;
    // One section after the other, then single bytes of the header.
    if (round % 14 == 13) {
      tables[random() % sizeof header] ^= uint8_t(1u << random() % 8);
    } else {
      const auto &section = header.sections[round % 14 % GEMCUT_TOK_SECTIONS];
      for (int flips = 0; section.length > 0 && flips < 1 << (round % 12);
           ++flips)
        tables[section.offset + random() % section.length] =
            round & 1 ? uint8_t(random()) : 0xFF;
    }
    exercise(tables);
  }
}

} // namespace
