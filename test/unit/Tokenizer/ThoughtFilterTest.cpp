//===- ThoughtFilterTest.cpp - Parts of the model's output ----------------===//

#include "runtime/text/thought_filter.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <gtest/gtest.h>

using namespace gemcut;
using namespace gemcut::test;

namespace {

class ThoughtFilterTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    shared = compileFile(GEMCUT_TEST_DATA "/tokenizer/tokenizer.json");
  }
  static void TearDownTestSuite() { shared.reset(); }

  struct Result {
    std::string content, thought;
    std::vector<std::string> calls;
    bool ended;
  };

  static Result run(const std::string &output, bool insideThought = false) {
    text::ThoughtFilter filter(shared->tokenizer, insideThought);
    Result result;
    for (int32_t id : shared->encode(output))
      filter.feed(id, result.content, result.thought);
    result.ended = filter.ended();
    filter.finish(result.content, result.thought);
    result.calls = filter.toolCalls();
    return result;
  }

  static std::unique_ptr<TestTokenizer> shared;
};

std::unique_ptr<TestTokenizer> ThoughtFilterTest::shared;

TEST_F(ThoughtFilterTest, SeparatesThoughtAndContent) {
  Result r =
      run("<|channel>thought\nhm, 1\n2\n<channel|>Answer \U0001F999<turn|>x");
  EXPECT_EQ(r.thought, "hm, 1\n2\n");
  EXPECT_EQ(r.content, "Answer \U0001F999");
  EXPECT_TRUE(r.ended);
}

TEST_F(ThoughtFilterTest, PlainContent) {
  Result r = run("no thought here");
  EXPECT_EQ(r.content, "no thought here");
  EXPECT_EQ(r.thought, "");
  EXPECT_FALSE(r.ended);
}

TEST_F(ThoughtFilterTest, EmptyThoughtsAndStrayTags) {
  EXPECT_EQ(run("<|channel>thought\n<channel|>Hi<eos>").content, "Hi");
  EXPECT_EQ(run("<|channel>thought\n<channel|>Hi").thought, "");
  EXPECT_EQ(run("Hi<channel|> you<|channel>thought\n<channel|>").content,
            "Hi you");
  EXPECT_EQ(run("<|channel><channel|>Hi").content, "Hi");
  EXPECT_EQ(run("<|channel>thought<channel|>Hi").thought, "");
  // A channel without a name line is a thought all the same.
  Result r = run("<|channel>the idea<channel|>Hi");
  EXPECT_EQ(r.thought, "the idea");
  EXPECT_EQ(r.content, "Hi");
}

TEST_F(ThoughtFilterTest, UnclosedThought) {
  Result r = run("<|channel>thought\nnever en");
  EXPECT_EQ(r.thought, "never en");
  EXPECT_EQ(r.content, "");
  r = run("on\n<channel|>Hi<turn|>", /*insideThought=*/true);
  EXPECT_EQ(r.thought, "on\n");
  EXPECT_EQ(r.content, "Hi");
}

TEST_F(ThoughtFilterTest, ToolCalls) {
  Result r =
      run("<|channel>thought\nls<|tool_call>call:f{a:<|\"|>x y<|\"|>}"
          "<tool_call|><|tool_call>call:g{}<tool_call|><|tool_response>");
  EXPECT_EQ(r.thought, "ls");
  EXPECT_EQ(r.content, "");
  ASSERT_EQ(r.calls.size(), 2u);
  EXPECT_EQ(r.calls[0], "call:f{a:<|\"|>x y<|\"|>}");
  EXPECT_EQ(r.calls[1], "call:g{}");
  EXPECT_TRUE(r.ended);
}

TEST_F(ThoughtFilterTest, SpelledTagsAreContent) {
  text::ThoughtFilter filter(shared->tokenizer);
  std::string content, thought;
  for (int32_t id : shared->encode("<|channel>thought\nx<turn|>", false))
    filter.feed(id, content, thought);
  filter.finish(content, thought);
  EXPECT_EQ(content, "<|channel>thought\nx<turn|>");
  EXPECT_EQ(thought, "");
}

} // namespace
