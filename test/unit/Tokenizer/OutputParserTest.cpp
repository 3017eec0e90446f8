//===- OutputParserTest.cpp - Parts of the model's output -----------------===//

#include "runtime/text/output_parser.h"
#include "runtime/text/tool_call_reader.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <gtest/gtest.h>

using namespace gemcut;
using namespace gemcut::test;

namespace {

struct Output {
  std::string content, thought;
  std::vector<std::string> calls; // NAME ARGUMENTS
  bool ended = false;

  void take(const text::OutputEvents &parts) {
    for (const text::OutputEvent &event : parts.events)
      if (event.kind == text::OutputEvent::ToolCall)
        calls.push_back(event.name + " " + event.arguments);
      else
        (event.kind == text::OutputEvent::ThoughtDelta ? thought : content) +=
            event.text;
  }
  bool operator==(const Output &other) const {
    return content == other.content && thought == other.thought &&
           calls == other.calls && ended == other.ended;
  }
};

class OutputParserTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    shared = compileFile(GEMCUT_TEST_DATA "/tokenizer/tokenizer.json");
  }
  static void TearDownTestSuite() { shared.reset(); }

  static Output run(const std::string &output, bool insideThought = false) {
    text::OutputParser parser(shared->tokenizer, insideThought);
    text::OutputEvents parts;
    for (int32_t id : shared->encode(output))
      parser.feed(id, parts);
    Output result;
    result.ended = parser.ended();
    parser.finish(parts);
    result.take(parts);
    return result;
  }

  /// The same output as control tokens, and text in pieces of `size` bytes.
  static Output runInPieces(const std::string &output, size_t size) {
    text::OutputParser parser(shared->tokenizer);
    text::OutputEvents parts;
    std::string text;
    auto feedText = [&] {
      for (size_t i = 0; i < text.size(); i += size)
        parser.feedText(text.substr(i, size), parts);
      text.clear();
    };
    for (int32_t id : shared->encode(output)) {
      if (shared->tokenizer.isControl(id)) {
        feedText();
        parser.feed(id, parts);
      } else if (int byte = shared->tokenizer.byteValue(id); byte >= 0) {
        text += char(byte);
      } else {
        shared->tokenizer.appendPiece(id, text);
      }
    }
    feedText();
    Output result;
    result.ended = parser.ended();
    parser.finish(parts);
    result.take(parts);
    return result;
  }

  static std::unique_ptr<TestTokenizer> shared;
};

std::unique_ptr<TestTokenizer> OutputParserTest::shared;

TEST_F(OutputParserTest, SeparatesThoughtAndContent) {
  Output r =
      run("<|channel>thought\nhm, 1\n2\n<channel|>Answer \U0001F999<turn|>x");
  EXPECT_EQ(r.thought, "hm, 1\n2\n");
  EXPECT_EQ(r.content, "Answer \U0001F999");
  EXPECT_TRUE(r.ended);
}

TEST_F(OutputParserTest, PlainContent) {
  Output r = run("no thought here");
  EXPECT_EQ(r.content, "no thought here");
  EXPECT_EQ(r.thought, "");
  EXPECT_FALSE(r.ended);
}

TEST_F(OutputParserTest, EmptyThoughtsAndStrayTags) {
  EXPECT_EQ(run("<|channel>thought\n<channel|>Hi<eos>").content, "Hi");
  EXPECT_EQ(run("<|channel>thought\n<channel|>Hi").thought, "");
  EXPECT_EQ(run("Hi<channel|> you<|channel>thought\n<channel|>").content,
            "Hi you");
  EXPECT_EQ(run("<|channel><channel|>Hi").content, "Hi");
  EXPECT_EQ(run("<|channel>thought<channel|>Hi").thought, "");
  // A channel without a name line is a thought all the same.
  Output r = run("<|channel>the idea<channel|>Hi");
  EXPECT_EQ(r.thought, "the idea");
  EXPECT_EQ(r.content, "Hi");
}

TEST_F(OutputParserTest, UnclosedThought) {
  Output r = run("<|channel>thought\nnever en");
  EXPECT_EQ(r.thought, "never en");
  EXPECT_EQ(r.content, "");
  r = run("on\n<channel|>Hi<turn|>", /*insideThought=*/true);
  EXPECT_EQ(r.thought, "on\n");
  EXPECT_EQ(r.content, "Hi");
}

TEST_F(OutputParserTest, ToolCalls) {
  Output r =
      run("<|channel>thought\nls<|tool_call>call:f{a:<|\"|>x y<|\"|>}"
          "<tool_call|><|tool_call>call:g{}<tool_call|> noise<|tool_response>");
  EXPECT_EQ(r.thought, "ls");
  EXPECT_EQ(r.content, "");
  ASSERT_EQ(r.calls.size(), 2u);
  EXPECT_EQ(r.calls[0], "f {\"a\":\"x y\"}");
  EXPECT_EQ(r.calls[1], "g {}");
  EXPECT_TRUE(r.ended);
  r = run("Let me see.<|tool_call>call:f{a:[1,{b:<|\"|>c");
  EXPECT_EQ(r.content, "Let me see.");
  ASSERT_EQ(r.calls.size(), 1u); // all that was open is closed
  EXPECT_EQ(r.calls[0], "f {\"a\":[1,{\"b\":\"c\"}]}");
  // What is no call is shown.
  EXPECT_EQ(run("<|tool_call>nothing<tool_call|> here").content,
            "nothing here");
}

TEST_F(OutputParserTest, SpelledTagsAreContent) {
  text::OutputParser parser(shared->tokenizer);
  text::OutputEvents parts;
  for (int32_t id : shared->encode("<|channel>thought\nx<turn|>", false))
    parser.feed(id, parts);
  parser.finish(parts);
  Output r;
  r.take(parts);
  EXPECT_EQ(r.content, "<|channel>thought\nx<turn|>");
  EXPECT_EQ(r.thought, "");
}

TEST_F(OutputParserTest, PiecesOfEverySizeGiveTheSame) {
  const char *outputs[] = {
      "<|channel>thought\nh\u00e9, 1\n<channel|>Answer \U0001F999 \xC3",
      "<|channel>thought",
      "a<channel|>b<|channel>though\nt<channel|>\u20ac<turn|>c",
      ("<|tool_call> call : f {a : <|\"|>\u00e9}\n<|\"|>, b:[ 1.5e3 ,true]}"
       "<tool_call|> <|tool_call>g{}<tool_call|>"),
  };
  for (const char *output : outputs) {
    Output whole = run(output);
    for (size_t size : {1, 2, 3, 5, 1000})
      EXPECT_TRUE(runInPieces(output, size) == whole) << output << ", " << size;
  }
}

/// NAME ARGUMENTS of a call with ' for <|"|>, or "none".
std::string readCall(std::string call) {
  for (char &c : call)
    if (c == '\'')
      c = text::kQuoteMark;
  std::string name, arguments;
  if (!text::readToolCall(call, name, arguments))
    return "none";
  EXPECT_TRUE(nlohmann::json::accept(arguments)) << arguments;
  return name + " " + arguments;
}

TEST(ToolCallReaderTest, ValuesBecomeJson) {
  EXPECT_EQ(readCall("call:f{l:['a',1,true],n:5432,o:{db:{host:'x'}},x:1.5,"
                     "z:null,Z:-2}"),
            R"(f {"l":["a",1,true],"n":5432,"o":{"db":{"host":"x"}},"x":1.5,)"
            R"("z":null,"Z":-2})");
  // Strings have no escapes, and may hold everything but their quote.
  EXPECT_EQ(readCall("call:f{s:'a\"b{c},\\n\n'}"),
            R"(f {"s":"a\"b{c},\\n\n"})");
  EXPECT_EQ(readCall("call:f{}"), "f {}");
}

TEST(ToolCallReaderTest, Tolerances) {
  EXPECT_EQ(readCall(" call : ns.f-1 { a : 'x' , b : 2 } rest"),
            R"(ns.f-1 {"a":"x","b":2})");
  EXPECT_EQ(readCall("f{\"a b\": \"x\\n\", 'c': [ ], }"),
            R"(f {"a b":"x\n","c":[]})");
  EXPECT_EQ(readCall("call:f{a:Oslo in May,b:True,c:None,d:,e:007}"),
            R"(f {"a":"Oslo in May","b":true,"c":null,"d":null,"e":"007"})");
  EXPECT_EQ(readCall("call:f{a}"), R"(f {"a":null})");
  EXPECT_EQ(readCall("call:f{a:\"x,b:1}"), R"(f {"a":"\"x","b":1})");
  EXPECT_EQ(readCall("call:f{a:]}}"), R"(f {"a":"]"})");
  EXPECT_EQ(readCall("call:f{:1}"), R"(f {"":1})");
  EXPECT_EQ(readCall("call:{a:1}"), "none");
  EXPECT_EQ(readCall("call:f"), "none");
  EXPECT_EQ(readCall("call:f{a:" + std::string(64, '[')), "none");
}

TEST(ToolCallReaderTest, CutAnywhereIsClosed) {
  std::string call = "call:f{a:['x',{b:\"y\\u00e9\"}],c:-1.5e3,d:true}";
  for (size_t size = 7; size <= call.size(); ++size)
    EXPECT_NE(readCall(call.substr(0, size)), "none") << size;
}

} // namespace
