//===- ToolCallsTest.cpp - Calls of declared tools as constraints ---------===//

#include "test/unit/Constrain/ConstrainFixture.h"

using namespace gemcut;
using namespace gemcut::test;
using constrain::Tool;
using constrain::ToolChoice;

static const Tool kWeather = {"get_weather",
                              R"({"type":"object","properties":{
          "unit":{"enum":["C","F"]},"City":{"type":"string"},
          "days":{"type":"integer","minimum":1,"maximum":9},
          "spots":{"type":"array","items":{"type":"object","properties":{"x":{"type":"number"}},"required":["x"]}}},
        "required":["City"]})"};

TEST(ToolCallsTest, ArgumentsFollowTheSchema) {
  auto grammar = compileTools({kWeather});
  for (const char *text : {
           "<|tool_call>call:get_weather{City:<|\"|>Oslo<|\"|>}<tool_call|>",
           "<|tool_call>call:get_weather{City:<|\"|>\"a\\{\n<|\"|>,days:3,"
           "spots:[{x:1.5},{x:-2}],"
           "unit:<|\"|>C<|\"|>}<tool_call|>",
           "<|tool_call>call:get_weather{City:<|\"|><|\"|>}<tool_call|>"
           "<|tool_call>call:get_weather{City:<|\"|>x<|\"|>,unit:<|\"|>F<|\"|>}"
           "<tool_call|>",
       })
    EXPECT_TRUE(accepts(grammar, text)) << text;
  for (const char *text : {
           "",
           "text",
           "<|tool_call>call:get_weather{}<tool_call|>",
           "<|tool_call>call:other{City:<|\"|>Oslo<|\"|>}<tool_call|>",
           "<|tool_call>call:get_weather{unit:<|\"|>C<|\"|>,City:<|\"|>Oslo<|"
           "\"|>}<tool_call|>",
           "<|tool_call>call:get_weather{City:<|\"|>Oslo<|\"|>,days:10}<tool_"
           "call|>",
           "<|tool_call>call:get_weather{City:<|\"|>Oslo<|\"|>,unit:<|\"|>K<|"
           "\"|>}<tool_call|>",
           "<|tool_call>call:get_weather{City:<|\"|>Oslo<|\"|>}",
           "<|tool_call>call:get_weather{City:<|\"|>Oslo<|\"|>}<tool_call|> ",
           "<|tool_call>call:get_weather{\"City\":\"Oslo\"}<tool_call|>",
       })
    EXPECT_FALSE(accepts(grammar, text)) << text;
}

TEST(ToolCallsTest, OneCallWhereCallsAreNotParallel) {
  constrain::ToolOptions options;
  options.parallel = false;
  auto grammar = compileTools({kWeather, {"f", ""}}, options);
  std::string one =
      "<|tool_call>call:f{a:1,b:{c:[true,<|\"|>x<|\"|>]}}<tool_call|>";
  EXPECT_TRUE(accepts(grammar, one));
  EXPECT_FALSE(accepts(grammar, one + one));
  EXPECT_FALSE(accepts(grammar, "<|channel>x<channel|>" + one));
}

TEST(ToolCallsTest, AutoConstrainsCallsAlone) {
  constrain::ToolOptions options;
  options.choice = ToolChoice::Auto;
  auto grammar = compileTools(
      {{"f", R"({"properties":{"a":{"type":"integer"}},"required":["a"]})"}},
      options);
  EXPECT_TRUE(accepts(grammar, ""));
  EXPECT_TRUE(accepts(grammar, "<|channel>t\n<channel|>any text \xff {\"a\""));
  EXPECT_TRUE(accepts(grammar, "x<|tool_call>call:f{a:1}<tool_call|>"));
  EXPECT_FALSE(accepts(grammar, "x<|tool_call>call:f{a:x}<tool_call|>"));
  EXPECT_FALSE(accepts(grammar, "x<|tool_call>call:g{a:1}<tool_call|>"));
  EXPECT_FALSE(accepts(grammar, "x<|tool_call>call:f{a:1"));
}

TEST(ToolCallsTest, AnAnswerInsteadOfCalls) {
  constrain::ToolOptions options;
  options.choice = ToolChoice::Auto;
  options.answerSchema =
      R"({"type":"object","properties":{"a":{"type":"string"}}})";
  options.thought = constrain::Thought::Allowed;
  auto grammar = compileTools({{"f", ""}}, options);
  EXPECT_TRUE(accepts(grammar, "{\"a\":\"x\"}"));
  EXPECT_TRUE(accepts(grammar, "<|channel>t<channel|>{}"));
  EXPECT_TRUE(
      accepts(grammar, "<|tool_call>call:f{a:<|\"|>x<|\"|>}<tool_call|>"));
  EXPECT_FALSE(accepts(grammar, "text"));
  EXPECT_FALSE(accepts(grammar, "{}<|tool_call>call:f{}<tool_call|>"));
}

TEST(ToolCallsTest, ThoughtsBeforeRequiredCalls) {
  constrain::ToolOptions options;
  options.thought = constrain::Thought::Allowed;
  auto grammar = compileTools({{"f", ""}}, options);
  EXPECT_TRUE(accepts(
      grammar,
      "<|channel>thought\nhm<channel|><|tool_call>call:f{}<tool_call|>"));
  EXPECT_TRUE(accepts(grammar, "<|tool_call>call:f{}<tool_call|>"));
  EXPECT_FALSE(accepts(grammar, "<|channel>thought\nhm<channel|>text"));
}

TEST(ToolCallsTest, Errors) {
  const std::pair<std::vector<Tool>, const char *> cases[] = {
      {{}, "there is no tool to call"},
      {{{"", ""}}, "a tool has no name"},
      {{{"f", "{"}}, "the schema of tool 'f' is not JSON"},
      {{{"f", R"({"type":"array"})"}},
       "the schema of tool 'f' must describe an object"},
      {{{"f", R"({"type":"object","properties":{"a":{"if":{}}}})"}},
       "the schema of tool 'f' at #/properties/a/if: the keyword 'if' is not "
       "supported"},
      {{{"f", R"({"properties":{"a":{"const":"x<|\"|>y"}}})"}},
       "cannot be written in a call"},
  };
  for (const auto &[tools, sentence] : cases)
    EXPECT_NE(getToolsError(tools).find(sentence), std::string::npos)
        << getToolsError(tools);
}
