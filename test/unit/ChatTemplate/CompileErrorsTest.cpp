//===- CompileErrorsTest.cpp - Templates that are refused -----------------===//

#include "frontends/ChatTemplate/ChatTemplate.h"

#include <gtest/gtest.h>

using namespace gemcut;

namespace {

std::string errorOf(llvm::StringRef source) {
  auto program = chat::compileChatTemplate(source, "t");
  if (program)
    return "none";
  return llvm::toString(program.takeError());
}

TEST(CompileErrorsTest, NameThePlace) {
  EXPECT_EQ(errorOf("a\n  {{ x | nope }}"),
            "t:2:10: the filter 'nope' does not exist or is not supported");
  EXPECT_EQ(errorOf("{{ x | uper }}"), "t:1:8: the filter 'uper' does not "
                                       "exist or is not supported; did you "
                                       "mean 'upper'?");
  EXPECT_EQ(errorOf("{% include 'x' %}"),
            "t:1:4: the statement 'include' is not supported; supported are "
            "if, for, set, macro, with, filter, break, continue and "
            "generation");
  EXPECT_EQ(errorOf("{{ 1 + }}"), "t:1:8: found '}}', expected a value");
  EXPECT_EQ(errorOf("\n{% if x %}\n{% for y in z %}"),
            "t:3:1: the block 'for' does not end with {% endfor %}");
}

TEST(CompileErrorsTest, EachKind) {
  struct {
    const char *source, *fragment;
  } cases[] = {
      {"{{ x", "does not end with '}}'"},
      {"{# x", "comment does not end"},
      {"{% raw %}x", "raw block does not end"},
      {"{{ 'x }}", "string does not end"},
      {"{{ 'x\\", "string does not end"},
      {"{{ ) }}", "closes nothing"},
      {"{{ (1] }}", "closes nothing"},
      {"{{ a ? b }}", "a character that no expression has"},
      {"{{ '\\x1' }}", "hexadecimal"},
      {"{{ '\\101' }}", "octal"},
      {"{{ a < b < c }}", "chain"},
      {"{{ f() }}", "the function 'f' does not exist"},
      {"{{ x.append(1) }}", "the method 'append'"},
      {"{{ x is strange }}", "the test 'strange'"},
      {"{{ x | trim(1, 2) }}", "at most 1 arguments"},
      {"{{ x | tojson(default=1) }}", "has no argument 'default'"},
      {"{{ f(*x) }}", "list or dict"},
      {"{{ 99999999999999999999 }}", "more than 64 bits"},
      {"{% for x in y recursive %}{% endfor %}", "recursive loops"},
      {"{% break %}", "is in no loop"},
      {"{% for a in b %}{% set x %}{% break %}{% endset %}{% endfor %}",
       "out of a set or filter block"},
      {"{% for a in b %}{% macro f() %}{% endmacro %}{% endfor %}",
       "inside a loop"},
      {"{% macro f(a=1, b) %}{% endmacro %}", "without a default"},
      {"{% macro f() %}{{ caller() }}{% endmacro %}", "caller"},
      {"{% set true = 1 %}", "cannot be assigned"},
      {"{% set a, b %}{% endset %}", "expected '='"},
      {"{% endif %}", "closes nothing here"},
      {"{% frobnicate %}", "does not exist"},
      {"{% if x %}{% elif %}{% endif %}", "expected a value"},
      {"{{ x | map }}", "'map' needs"},
      {"{{ x | map(y) }}", "must be a string"},
      {"{{ x | selectattr }}", "attribute's name"},
      {"{{ x[] }}", "expected an index"},
      {"{{ x[1:2:3:4] }}", "three parts"},
      {"{{ namespace(x) }}", "named arguments"},
      {"{{ f(a=1, 2) }}", "without a name follows"},
      {"{{ x[0]() }}", "can be called"},
  };
  for (auto [source, fragment] : cases)
    EXPECT_NE(errorOf(source).find(fragment), std::string::npos)
        << source << "\n"
        << errorOf(source);
}

TEST(CompileErrorsTest, NestingIsBounded) {
  auto nested = [](const char *open, const char *close, int times) {
    std::string source;
    for (int i = 0; i < times; ++i)
      source += open;
    source += "1";
    for (int i = 0; i < times; ++i)
      source += close;
    return source;
  };
  EXPECT_EQ(errorOf("{{ " + nested("(", ")", 50) + " }}"), "none");
  const char *brackets[][2] = {
      {"(", ")"}, {"[", "]"}, {"{1:", "}"}, {"-", ""}, {"not ", ""}};
  for (auto [open, close] : brackets)
    EXPECT_NE(errorOf("{{ " + nested(open, close, 100000) + " }}")
                  .find("more than 100"),
              std::string::npos)
        << open;
  EXPECT_NE(
      errorOf(nested("{% if x %}", "{% endif %}", 1000)).find("more than 100"),
      std::string::npos);
  EXPECT_NE(
      errorOf("{{ x" + nested(".y", "", 100000) + " }}").find("more than 100"),
      std::string::npos);
  EXPECT_EQ(errorOf(std::string((1 << 20) + 1, 'a')),
            "t:1:1: the chat template has 1048577 bytes, but at most 1 MiB is "
            "supported");
}

} // namespace
