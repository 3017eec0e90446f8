//===- TokenizerErrorsTest.cpp - Hostile and unsupported files ------------===//

#include "frontends/Tokenizer/TokenizerTables.h"
#include "test/unit/Tokenizer/SlowBpe.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <functional>
#include <gtest/gtest.h>

using namespace gemcut;
using namespace gemcut::test;
using json = nlohmann::ordered_json;

namespace {

/// The smallest file with every feature: 4 special tokens, all bytes, three
/// letters, spaces and newlines, five merges.
json minimal() {
  TokenizerSpec spec;
  spec.pieces = {"<pad>",   "<eos>",        "<bos>",     "<unk>",
                 "<|turn>", "<turn|>",      "a",         "b",
                 "c",       "\u2581",       "\n",        "ab",
                 "abc",     "\u2581\u2581", "\u2581abc", "\n\n"};
  spec.added = {0, 1, 2, 3, 4, 5};
  spec.merges = {{"a", "b"},
                 {"ab", "c"},
                 {"\u2581", "\u2581"},
                 {"\u2581", "abc"},
                 {"\n", "\n"}};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", byte);
    spec.pieces.push_back(name);
  }
  return json::parse(spec.toJson());
}

std::string errorOf(const std::string &text, int64_t vocabSize = 300) {
  std::string error;
  EXPECT_FALSE(compile(text, &error, vocabSize));
  return error;
}

std::string errorAfter(const std::function<void(json &)> &change) {
  json file = minimal();
  change(file);
  return errorOf(file.dump());
}

TEST(TokenizerErrorsTest, MinimalFileEncodesEveryFeature) {
  std::string error;
  auto t = compile(minimal().dump(), &error, 272);
  ASSERT_TRUE(t) << error;
  auto names = [&](const std::string &text) {
    std::string out;
    for (int32_t id : t->encode(text))
      out += std::string(t->tokenizer.piece(id)) + "|";
    return out;
  };
  EXPECT_EQ(names(" abc"), "\u2581abc|");
  EXPECT_EQ(names("  abc"), "\u2581\u2581|abc|");
  EXPECT_EQ(names("   abc"), "\u2581\u2581|\u2581abc|");
  EXPECT_EQ(names("abc\n\n\n"), "abc|\n\n|\n|");
  EXPECT_EQ(names("\U0001F642"), "<0xF0>|<0x9F>|<0x99>|<0x82>|");
  EXPECT_EQ(names(" <|turn> "), "\u2581|<|turn>|\u2581|");
  EXPECT_EQ(names("<|turn|>"),
            "<0x3C>|<0x7C>|<0x74>|<0x75>|<0x72>|<0x6E>|<0x7C>|<0x3E>|");
  EXPECT_EQ(names("\u2581"), "\u2581|");
}

TEST(TokenizerErrorsTest, AcceptsTheVariantsOfPublishedFiles) {
  std::string error;
  json file = minimal();
  file["normalizer"] = {{"type", "Sequence"},
                        {"normalizers", json::array({file["normalizer"]})}};
  file["pre_tokenizer"] = {{"type", "Split"},
                           {"pattern", {{"String", " "}}},
                           {"behavior", "MergedWithPrevious"},
                           {"invert", false}};
  json sequence = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  file["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", json::array({sequence})},
                            {"pair", json::array({sequence, sequence})},
                            {"special_tokens", json::object()}};
  file["truncation"] = {{"max_length", 8}};
  file["model"].erase("ignore_merges");
  EXPECT_TRUE(compile(file.dump(2), &error)) << error;
  // The embedding may have more rows than there are pieces.
  EXPECT_TRUE(compile(file.dump(), &error, 1000)) << error;
}

// Gemma 3 adds runs of spaces and newlines that are ordinary pieces as well.
TEST(TokenizerErrorsTest, AcceptsMergesIntoAddedTokensThatAreShown) {
  std::string error;
  json file = minimal();
  auto plain = compile(file.dump(), &error);
  ASSERT_TRUE(plain) << error;
  file["added_tokens"].push_back({{"id", plain->tokenizer.find("\u2581\u2581")},
                                  {"content", "\u2581\u2581"},
                                  {"special", false}});
  auto added = compile(file.dump(), &error);
  ASSERT_TRUE(added) << error;
  for (const char *text : {"  abc", "   abc", "a  ", "\u2581\u2581a"})
    EXPECT_EQ(added->encode(text), plain->encode(text)) << text;
}

// A text model's vocabulary may end before the tokens of images.
TEST(TokenizerErrorsTest, AcceptsSpecialTokensBehindTheVocabulary) {
  std::string error;
  json file = minimal();
  auto plain = compile(file.dump(), &error, 272);
  ASSERT_TRUE(plain) << error;
  json token = {{"id", 272}, {"content", "<image>"}, {"special", true}};
  file["added_tokens"].push_back(token);
  auto beyond = compile(file.dump(), &error, 272);
  ASSERT_TRUE(beyond) << error;
  EXPECT_EQ(beyond->tokenizer.find("<image>"), -1);
  EXPECT_EQ(beyond->encode("<image>"), plain->encode("<image>"));
  file["added_tokens"].back()["special"] = false;
  EXPECT_FALSE(compile(file.dump(), &error, 272));
  EXPECT_EQ(error, "tokenizer.json: piece \"<image>\" has id 272, expected 0 "
                   "to 271 (the model's vocabulary)");
}

TEST(TokenizerErrorsTest, UnsupportedSettingsAreNamed) {
  const std::string f = "tokenizer.json: ";
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["type"] = "Unigram"; }),
            f + "model.type is \"Unigram\", only \"BPE\" is supported");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["byte_fallback"] = false; }),
            f + "model.byte_fallback is false, only true is supported");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["dropout"] = 0.5; }),
            f + "model.dropout is 0.5, only null is supported");
  EXPECT_EQ(
      errorAfter([](json &j) { j["model"]["end_of_word_suffix"] = "</w>"; }),
      f + "model.end_of_word_suffix is \"</w>\", only null is supported");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["ignore_merges"] = true; }),
            f + "model.ignore_merges is true, only false is supported");
  EXPECT_EQ(errorAfter([](json &j) { j["normalizer"] = nullptr; }),
            f + "normalizer is null, only a Replace of \" \" by U+2581 is "
                "supported");
  EXPECT_EQ(errorAfter([](json &j) { j["normalizer"] = {{"type", "NFKC"}}; }),
            f + "normalizer is {\"type\":\"NFKC\"}, only a Replace of \" \" by "
                "U+2581 is supported");
  EXPECT_EQ(
      errorAfter([](json &j) { j["pre_tokenizer"] = {{"type", "ByteLevel"}}; }),
      f + "pre_tokenizer is {\"type\":\"ByteLevel\"}, only null or a Split on "
          "\" \" is supported");
  EXPECT_EQ(errorAfter([](json &j) { j["post_processor"] = {{"type", "X"}}; }),
            f + "post_processor is {\"type\":\"X\"}, only null or a "
                "TemplateProcessing with sequence A alone is supported");
  EXPECT_EQ(errorAfter([](json &j) {
              j["decoder"]["decoders"].erase(2);
            }).substr(0, f.size() + 10),
            f + "decoder is");
  EXPECT_EQ(errorAfter([](json &j) { j["added_tokens"][4]["lstrip"] = true; }),
            f + "added_tokens[4].lstrip is true, only false is supported");
}

TEST(TokenizerErrorsTest, ConflictsAreNamed) {
  const std::string f = "tokenizer.json: ";
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["vocab"]["b"] = 6; }),
            f + "id 6 belongs to both \"a\" and \"b\"");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["vocab"]["b"] = 299; }),
            f + "no piece has id 7, expected ids without gaps up to 299");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["vocab"]["b"] = -1; }),
            f + "piece \"b\" has id -1, expected 0 to 299 (the model's "
                "vocabulary)");
  EXPECT_EQ(
      errorAfter([](json &j) { j["model"]["vocab"]["b"] = UINT64_MAX; }),
      f + "piece \"b\" has id 9223372036854775807, expected 0 to 299 (the "
          "model's vocabulary)");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["vocab"]["b"] = 7.0; }),
            f + "the id of piece \"b\" is a fraction, expected an integer");
  EXPECT_EQ(errorOf(minimal().dump(), 271),
            f + "piece \"<0xFF>\" has id 271, expected 0 to 270 (the model's "
                "vocabulary)");
  EXPECT_EQ(errorAfter([](json &j) { j["added_tokens"][4]["id"] = 5; }),
            f + "added token \"<|turn>\" has id 5, but the vocabulary gives it "
                "id 4");
  EXPECT_EQ(errorAfter([](json &j) {
              j["added_tokens"].push_back(j["added_tokens"][4]);
            }),
            f + "added token \"<|turn>\" occurs twice");
  EXPECT_EQ(
      errorAfter([](json &j) { j["added_tokens"][4]["content"] = "<|new>"; }),
      f + "id 4 belongs to both \"<|turn>\" and \"<|new>\"");
  EXPECT_EQ(errorAfter([](json &j) {
              j["added_tokens"].push_back(
                  {{"id", 16}, {"content", "<0x00>"}, {"special", false}});
            }),
            f + "the byte piece <0x00> is also an added token");
  EXPECT_EQ(errorAfter([](json &j) {
              j["model"]["vocab"].erase("<0x41>");
              j["model"]["vocab"]["<0x41"] = 16 + 0x41;
            }),
            f + "the byte piece <0x41> is missing, expected all of <0x00> to "
                "<0xFF>");
  // The parser keeps the order of keys, so a repeated one reaches it.
  std::string twice = minimal().dump();
  twice.replace(twice.find("\"a\":6"), 5, "\"a\":6,\"a\":272");
  EXPECT_EQ(errorOf(twice), f + "piece \"a\" occurs twice in model.vocab");
}

TEST(TokenizerErrorsTest, MergesAreChecked) {
  const std::string f = "tokenizer.json: ";
  auto withMerge = [](json merge) {
    return errorAfter([&](json &j) { j["model"]["merges"].push_back(merge); });
  };
  EXPECT_EQ(withMerge({"x", "a"}),
            f + "merge 5 of \"x\" and \"a\" needs the piece \"x\", which "
                "model.vocab does not have");
  EXPECT_EQ(withMerge({"c", "a"}),
            f + "merge 5 of \"c\" and \"a\" needs the piece \"ca\", which "
                "model.vocab does not have");
  EXPECT_EQ(withMerge({"a", "b"}),
            f + "the merge of \"a\" and \"b\" occurs twice");
  EXPECT_EQ(withMerge("a b c"), f + "merge 5 is \"a b c\", expected two pieces "
                                    "separated by one space");
  EXPECT_EQ(withMerge("ab"), f + "merge 5 is \"ab\", expected two pieces "
                                 "separated by one space");
  EXPECT_EQ(withMerge({"a"}), f + "merge 5 has 1 parts, expected 2");
  EXPECT_EQ(withMerge({"a", "b", "c"}), f + "merge 5 has 3 parts, expected 2");
  EXPECT_EQ(withMerge(json::array({"a", 3})),
            f + "merge 5 holds a number, expected strings");
  EXPECT_EQ(withMerge(json::object()),
            f + "merge 5 holds an object or a nested list, expected strings");
  EXPECT_EQ(withMerge({"", "a"}),
            f + "merge 5 has parts of 0 and 1 bytes, expected at least 1 each "
                "and together at most 1024");
  EXPECT_EQ(errorAfter([](json &j) {
              j["model"]["vocab"]["<0x41>a"] = 272;
              j["model"]["merges"].push_back({"<0x41>", "a"});
            }),
            f + "merge 5 involves the byte piece \"<0x41>\", only merges of "
                "other pieces are supported");
  EXPECT_EQ(
      errorAfter([](json &j) {
        j["model"]["vocab"]["<"] = 272;
        j["model"]["vocab"]["|turn>"] = 273;
        j["model"]["merges"].push_back({"<", "|turn>"});
      }),
      f + "merge 5 gives the special token \"<|turn>\", only other pieces "
          "are supported");
}

/// The value at "/key/0/key".
json &at(json &file, const std::string &path) {
  json *value = &file;
  for (size_t begin = 1; begin < path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string step = path.substr(begin, end - begin);
    value = value->is_array() ? &(*value)[std::stoul(step)] : &(*value)[step];
    begin = end + 1;
  }
  return *value;
}

TEST(TokenizerErrorsTest, WrongTypesEverywhere) {
  const std::vector<std::string> paths = {"/model",
                                          "/model/type",
                                          "/model/vocab",
                                          "/model/vocab/a",
                                          "/model/merges",
                                          "/model/merges/0",
                                          "/added_tokens",
                                          "/added_tokens/0",
                                          "/added_tokens/0/id",
                                          "/added_tokens/0/content",
                                          "/added_tokens/0/special",
                                          "/normalizer",
                                          "/normalizer/pattern",
                                          "/decoder",
                                          "/decoder/decoders",
                                          "/decoder/decoders/0",
                                          "/model/byte_fallback"};
  const std::vector<json> values = {
      json(3),     json(-7.5),          json("text"),
      json(false), json::array({1, 2}), json::object({{"x", json::array()}})};
  size_t errors = 0;
  for (const std::string &path : paths)
    for (const json &value : values) {
      json file = minimal();
      json &slot = at(file, path);
      if (slot.type() == value.type() ||
          (slot.is_number_integer() && value.is_number_integer()))
        continue;
      slot = value;
      std::string error = errorOf(file.dump());
      EXPECT_EQ(error.rfind("tokenizer.json: ", 0), 0u) << path << value;
      EXPECT_EQ(error.find('\n'), std::string::npos) << error;
      ++errors;
    }
  EXPECT_GT(errors, 70u);
}

TEST(TokenizerErrorsTest, EveryTruncationIsAnError) {
  std::string text = minimal().dump();
  for (size_t length = 0; length < text.size(); length += 1 + length / 97) {
    std::string error = errorOf(text.substr(0, length));
    EXPECT_EQ(error.rfind("tokenizer.json: ", 0), 0u) << length;
  }
}

TEST(TokenizerErrorsTest, MalformedAndAbsurdFiles) {
  const std::string f = "tokenizer.json: ";
  EXPECT_EQ(errorOf(""), f + "malformed JSON at byte 1");
  EXPECT_EQ(errorOf("[]"), f + "found a list, expected an object");
  EXPECT_EQ(errorOf("3"), f + "found a number, expected an object");
  EXPECT_EQ(errorOf("{}"), f + "model is null, only an object is supported");
  EXPECT_EQ(errorOf("{} x").rfind(f + "malformed JSON at byte", 0), 0u);
  EXPECT_EQ(errorOf(R"({"a": 1, "a": 2})"), f + "the key \"a\" occurs twice");
  EXPECT_EQ(errorOf("{\"a\": " + std::string(100000, '[')),
            f + "values are nested deeper than 16");
  EXPECT_EQ(errorOf(R"({"a": "\xff"})").rfind(f + "malformed JSON", 0), 0u);
  EXPECT_EQ(errorAfter([](json &j) {
              j["model"]["vocab"][std::string(2000, 'x')] = 272;
            }),
            f + "the piece of id 272 has 2000 bytes, expected 1 to 1024");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["vocab"] = json::object(); }),
            f + "model.vocab is missing or empty");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["vocab"] = json::array(); }),
            f + "\"vocab\" is a list (a Unigram model), expected an object of "
                "a BPE model");
  EXPECT_EQ(errorAfter([](json &j) { j["model"]["merges"] = json::object(); }),
            f + "\"merges\" is an object, expected a list");
  EXPECT_EQ(errorOf(minimal().dump(), 0),
            f + "the model's vocabulary has 0 entries, expected 1 to "
                "2147483647");
}

TEST(TokenNamesTest, ReadsPublishedForms) {
  auto names = tokenizer::readTokenNames(
      readFile(GEMCUT_TEST_DATA "/tokenizer/tokenizer_config.json"),
      "tokenizer_config.json");
  ASSERT_TRUE(bool(names));
  EXPECT_EQ(names->contents[GEMCUT_TOKEN_TURN_OPEN], "<|turn>");
  EXPECT_TRUE(names->required[GEMCUT_TOKEN_TURN_OPEN]);
  EXPECT_FALSE(names->required[GEMCUT_TOKEN_VIDEO]);
  names = tokenizer::readTokenNames(
      R"({"bos_token": {"content": "<s>"}, "pad_token": null,
          "model_specific_special_tokens": {"eot_token": "<end>"}})",
      "tokenizer_config.json");
  ASSERT_TRUE(bool(names));
  EXPECT_EQ(names->contents[GEMCUT_TOKEN_BOS], "<s>");
  EXPECT_EQ(names->contents[GEMCUT_TOKEN_PAD], "<pad>");
  EXPECT_EQ(names->contents[GEMCUT_TOKEN_TURN_CLOSE], "<end>");

  auto tables =
      tokenizer::compileTokenizerJson(minimal().dump(), "t.json", 300, *names);
  ASSERT_FALSE(bool(tables));
  EXPECT_EQ(llvm::toString(tables.takeError()),
            "t.json: the vocabulary has no piece \"<s>\", which "
            "tokenizer_config.json names as bos_token");
}

TEST(TokenNamesTest, MistakesAreNamed) {
  auto errorFor = [](const char *text) {
    auto names = tokenizer::readTokenNames(text, "c.json");
    EXPECT_FALSE(bool(names));
    return names ? "" : llvm::toString(names.takeError());
  };
  EXPECT_EQ(errorFor("{"), "c.json: malformed JSON");
  EXPECT_EQ(errorFor("[]"), "c.json: expected an object");
  EXPECT_EQ(errorFor(R"({"sot_token": 3})"),
            "c.json: sot_token is not the text of a token");
}

} // namespace
