//===- MaskTest.cpp - Every bit of masks ----------------------------------===//
//
// Random answers are followed token by token; at each step every bit of the
// mask is compared with whether the token is accepted, which reads its bytes
// one by one and knows no trie.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/grammar_masks.h"
#include "runtime/constrain/regex.h"
#include "test/unit/Constrain/ConstrainFixture.h"

#include <random>
#include <thread>

using namespace gemcut;
using namespace gemcut::constrain;
using namespace gemcut::test;

namespace {
bool isSet(const Mask &mask, int32_t id) {
  return mask[size_t(id) / 32] >> id % 32 & 1;
}

/// Follows `count` answers of at most `most` tokens.
void checkMasks(const GrammarPtr &grammar, int count, int most,
                const std::string &name) {
  ASSERT_TRUE(grammar);
  VocabularyPtr vocabulary = getTestVocabulary();
  std::mt19937 random(7);
  Mask mask(vocabulary->maskWords());
  for (int answer = 0; answer < count; ++answer) {
    Matcher matcher(grammar);
    for (int step = 0; step < most; ++step) {
      matcher.fillMask(mask.data());
      std::vector<int32_t> allowed;
      for (int32_t id = 0; id < vocabulary->size(); ++id) {
        Matcher copy = matcher;
        bool isAllowed = copy.accept(id);
        ASSERT_EQ(isSet(mask, id), isAllowed)
            << name << ", answer " << answer << ", step " << step << ", token "
            << id << " '" << vocabulary->textOf(id) << "'";
        if (vocabulary->isStop(id))
          ASSERT_EQ(isAllowed, matcher.canEnd());
        else if (isAllowed)
          allowed.push_back(id);
      }
      ASSERT_TRUE(matcher.canEnd() || !allowed.empty()) << name;
      ASSERT_EQ(matcher.isFinished(), matcher.canEnd() && allowed.empty());
      if (allowed.empty())
        break;
      ASSERT_TRUE(matcher.accept(allowed[random() % allowed.size()]));
    }
  }
}
} // namespace

TEST(MaskTest, OfSchemas) {
  for (
      const char *schema : {
          "{}",
          R"({"type":"string"})",
          R"({"type":"string","maxLength":5})",
          R"({"type":"string","minLength":3,"maxLength":40})",
          R"({"type":"string","pattern":"^[a-z]+ [^x]*$","maxLength":12})",
          R"({"type":"string","format":"date-time"})",
          R"({"type":"integer","minimum":-12,"maximum":1200})",
          R"({"properties":{"a":{"type":"string","maxLength":3},"ab":{"enum":["true","a\"b"]},
               "b":{"type":"number"}},"additionalProperties":{"type":"boolean"},"required":["ab"]})",
          R"({"type":"array","items":{"$ref":"#"},"maxItems":3})",
          R"({"anyOf":[{"type":"string","maxLength":2},{"type":"string","pattern":"^th"},{"const":"x\\"}]})",
      })
    checkMasks(compileSchema(schema), 6, 25, schema);
}

TEST(MaskTest, OfPatterns) {
  for (const char *pattern :
       {".{1,9}", "(?:[a-m]+,)*[n-z]", "[\\s\\S]*", "\u00e9{2,4}|\U0001F642.",
        "[^a]{3}b{0,2}", "the .* end|t"})
    checkMasks(compilePattern(pattern), 6, 20, pattern);
}

TEST(MaskTest, OfCalls) {
  std::vector<Tool> tools = {
      {"f",
       R"({"properties":{"a":{"type":"string"},"n":{"type":"string","maxLength":4}}})"},
      {"fa", ""}};
  for (ToolChoice choice : {ToolChoice::Required, ToolChoice::Auto}) {
    ToolOptions options;
    options.choice = choice;
    if (choice == ToolChoice::Required)
      options.thought = Thought::Allowed;
    checkMasks(compileTools(tools, options), 4, 25, "tools");
  }
}

TEST(MaskTest, AtTheDeepestLevel) {
  auto grammar = compileSchema(
      R"({"items":{"anyOf":[{"$ref":"#"},{"type":"string","maxLength":2}]}})");
  std::string open;
  while (getNextBytes(grammar, open).find('[') != std::string::npos)
    open += '[';
  Matcher matcher(grammar);
  for (char c : open)
    ASSERT_TRUE(
        matcher.accept(getTestTokenizer().tokenizer.find(std::string(1, c))));
  VocabularyPtr vocabulary = getTestVocabulary();
  Mask mask(vocabulary->maskWords());
  for (const char *piece : {"\"", "\"", "]"}) {
    matcher.fillMask(mask.data());
    for (int32_t id = 0; id < vocabulary->size(); ++id) {
      Matcher copy = matcher;
      ASSERT_EQ(isSet(mask, id), copy.accept(id)) << piece << id;
    }
    ASSERT_TRUE(matcher.accept(getTestTokenizer().tokenizer.find(piece)))
        << piece;
  }
}

TEST(MatcherTest, RollbackAndCopies) {
  auto grammar =
      compileSchema(R"({"type":"array","items":{"type":"integer"}})");
  const text::Tokenizer &tokenizer = getTestTokenizer().tokenizer;
  int32_t open = tokenizer.find("["), shut = tokenizer.find("]");
  int32_t one = tokenizer.find("1"), stop = tokenizer.role(GEMCUT_TOKEN_EOS);
  Matcher matcher(grammar);
  EXPECT_FALSE(matcher.accept(one));
  EXPECT_FALSE(matcher.accept(stop));
  EXPECT_TRUE(matcher.accept(open));
  Matcher copy = matcher;
  EXPECT_TRUE(matcher.accept(shut));
  EXPECT_TRUE(matcher.isFinished());
  EXPECT_TRUE(matcher.accept(stop));
  EXPECT_FALSE(matcher.accept(stop));
  EXPECT_TRUE(matcher.isFinished());
  EXPECT_TRUE(matcher.canEnd());
  EXPECT_EQ(matcher.size(), 3u);
  EXPECT_FALSE(copy.canEnd());
  EXPECT_TRUE(copy.accept(one));
  Mask mask(getTestVocabulary()->maskWords());
  matcher.fillMask(mask.data());
  EXPECT_EQ(mask, Mask(mask.size()));
  matcher.rollback(2);
  EXPECT_TRUE(matcher.isFinished());
  matcher.rollback(1);
  EXPECT_FALSE(matcher.canEnd());
  EXPECT_TRUE(matcher.accept(one));
  EXPECT_TRUE(matcher.accept(shut));
  EXPECT_FALSE(matcher.accept(getTestVocabulary()->size()));
  EXPECT_FALSE(matcher.accept(-1));
}

/// A grammar that has hardly room for what it works out, in which each
/// character makes a new state.
static GrammarPtr makeForgetful(size_t mostBytes) {
  CharAutomaton text;
  std::string error;
  EXPECT_TRUE(parseRegex("(?:[a-z ]*[aeiou][a-z ]{14}[,.])*x", RegexSpan::Whole,
                         text, error));
  NetworkBuilder builder;
  uint32_t rule = builder.addRule("text");
  builder.addChars(builder.startOf(rule), text, CharCoding::Utf8,
                   builder.endOf(rule));
  Network network;
  EXPECT_TRUE(builder.finish(network, error));
  return std::make_shared<Grammar>(getTestVocabulary(), std::move(network),
                                   mostBytes);
}

TEST(MatcherTest, MasksOutliveWhatIsForgotten) {
  for (size_t mostBytes : {size_t(1) << 14, size_t(1) << 16}) {
    auto grammar = makeForgetful(mostBytes);
    auto roomy = makeForgetful(Grammar::kMostBytes);
    VocabularyPtr vocabulary = getTestVocabulary();
    std::mt19937 random(5);
    Mask mask(vocabulary->maskWords()), expected(mask);
    Matcher matcher(grammar), other(roomy);
    for (int step = 0; step < 60; ++step) {
      matcher.fillMask(mask.data());
      other.fillMask(expected.data());
      ASSERT_EQ(mask, expected) << step;
      std::vector<int32_t> allowed;
      for (int32_t id = 0; id < vocabulary->size(); ++id)
        if (isSet(mask, id) && !vocabulary->isStop(id))
          allowed.push_back(id);
      if (allowed.empty())
        break;
      int32_t id = allowed[random() % allowed.size()];
      ASSERT_TRUE(matcher.accept(id));
      ASSERT_TRUE(other.accept(id));
      ASSERT_EQ(matcher.canEnd(), other.canEnd());
    }
    EXPECT_GT(grammar->getEpoch(), 0u) << mostBytes;
    EXPECT_EQ(roomy->getEpoch(), 0u);
  }
}

TEST(MatcherTest, ThreadsShareAGrammar) {
  // What one thread forgets, others still walk through.
  VocabularyPtr vocabulary = getTestVocabulary();
  auto follow = [&](const GrammarPtr &grammar, uint32_t seed) {
    std::mt19937 random(seed);
    Mask mask(vocabulary->maskWords());
    Matcher matcher(grammar);
    std::vector<int32_t> ids;
    for (int step = 0; step < 60; ++step) {
      matcher.fillMask(mask.data());
      std::vector<int32_t> allowed;
      for (int32_t id = 0; id < vocabulary->size(); ++id)
        if (isSet(mask, id) && !vocabulary->isStop(id))
          allowed.push_back(id);
      if (allowed.empty())
        break;
      ids.push_back(allowed[random() % allowed.size()]);
      EXPECT_TRUE(matcher.accept(ids.back()));
    }
    return ids;
  };
  auto shared = makeForgetful(1 << 16);
  std::vector<std::vector<int32_t>> found(4);
  std::vector<std::thread> threads;
  for (uint32_t seed = 0; seed < found.size(); ++seed)
    threads.emplace_back([&, seed] { found[seed] = follow(shared, seed); });
  for (std::thread &thread : threads)
    thread.join();
  for (uint32_t seed = 0; seed < found.size(); ++seed)
    EXPECT_EQ(found[seed], follow(makeForgetful(Grammar::kMostBytes), seed));
  EXPECT_GT(shared->getEpoch(), 0u);
}

TEST(MaskTest, LogitsOutsideAreNever) {
  std::vector<float> logits(70, 1.0f);
  Mask mask(3);
  mask[0] = 1u << 31;
  mask[2] = 1u << 5;
  maskLogits(mask.data(), logits.data(), logits.size());
  for (size_t id = 0; id < logits.size(); ++id)
    EXPECT_EQ(logits[id], id == 31 || id == 69 ? 1.0f : -INFINITY) << id;
}
