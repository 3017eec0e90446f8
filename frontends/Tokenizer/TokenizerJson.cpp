//===- TokenizerJson.cpp - One pass over tokenizer.json -------------------===//

#include "frontends/Tokenizer/TokenizerJson.h"
#include "frontends/Tokenizer/TokenizerSettings.h"
#include "runtime/abi/tokenizer_tables.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

using namespace llvm;
using namespace gemcut::tokenizer;
using json = nlohmann::json;

namespace {

constexpr size_t kMaxDepth = 16;
/// Values outside vocab and merges; the added tokens of a real file need 200.
constexpr size_t kMaxTreeValues = 1 << 20;

/// Receives the parser's events. `vocab` and `merges` go into flat lists,
/// everything else into a small tree.
class Reader : public nlohmann::json_sax<json> {
public:
  Reader(TokenizerJson &out, json &tree) : out(out), tree(tree) {}

  std::string error;
  bool sawMerges = false;

  bool null() override { return scalar(nullptr, "null"); }
  bool boolean(bool value) override { return scalar(value, "a boolean"); }
  bool number_float(double value, const std::string &) override {
    return scalar(value, "a fraction");
  }
  bool binary(json::binary_t &) override { return fail("binary data"); }
  bool number_unsigned(uint64_t value) override {
    if (where() != Place::Vocab)
      return scalar(value, "a number");
    if (value > INT64_MAX)
      value = INT64_MAX;
    return addPiece(static_cast<int64_t>(value));
  }
  bool number_integer(int64_t value) override {
    return where() == Place::Vocab ? addPiece(value)
                                   : scalar(value, "a number");
  }

  bool string(std::string &value) override {
    switch (where()) {
    case Place::Merges: {
      size_t space = value.find(' ');
      if (space == std::string::npos ||
          value.find(' ', space + 1) != std::string::npos)
        return fail("merge " + Twine(out.leftLength.size()) + " is " +
                    showText(value) +
                    ", expected two pieces separated by one space");
      return addMerge(StringRef(value).take_front(space),
                      StringRef(value).drop_front(space + 1));
    }
    case Place::MergePair:
      if (pairCount < 2)
        pairParts[pairCount] = value;
      ++pairCount;
      return true;
    default:
      return scalar(value, "a string");
    }
  }

  bool start_object(size_t) override {
    if (stack.empty()) {
      tree = json::object();
      return enter(Place::Root, &tree);
    }
    if (where() == Place::Root && lastKey == "model")
      return attach(json::object(), Place::Model);
    if (where() == Place::Model && lastKey == "vocab")
      return enter(Place::Vocab, nullptr);
    if (where() == Place::Model && lastKey == "merges")
      return fail("\"merges\" is an object, expected a list");
    return attach(json::object(), Place::Tree);
  }

  bool start_array(size_t) override {
    if (stack.empty())
      return fail("found a list, expected an object");
    if (where() == Place::Merges) {
      pairCount = 0;
      return enter(Place::MergePair, nullptr);
    }
    if (where() == Place::Model && lastKey == "merges") {
      sawMerges = true;
      return enter(Place::Merges, nullptr);
    }
    if (where() == Place::Model && lastKey == "vocab")
      return fail("\"vocab\" is a list (a Unigram model), expected an object "
                  "of a BPE model");
    return attach(json::array(), Place::Tree);
  }

  bool key(std::string &value) override {
    lastKey = value;
    if (where() == Place::Vocab)
      return true;
    json &object = *stack.back().value;
    if (object.contains(value))
      return fail("the key " + showText(value) + " occurs twice");
    object[value] = nullptr;
    return true;
  }

  bool end_object() override {
    stack.pop_back();
    return true;
  }
  bool end_array() override {
    if (where() == Place::MergePair) {
      if (pairCount != 2)
        return fail("merge " + Twine(out.leftLength.size()) + " has " +
                    Twine(pairCount) + " parts, expected 2");
      if (!addMerge(pairParts[0], pairParts[1]))
        return false;
    }
    stack.pop_back();
    return true;
  }

  bool parse_error(size_t position, const std::string &,
                   const nlohmann::detail::exception &) override {
    return fail("malformed JSON at byte " + Twine(position));
  }

private:
  enum class Place { Root, Model, Vocab, Merges, MergePair, Tree };
  struct Frame {
    Place place;
    json *value; // where children go; null for the flat lists
  };

  Place where() const {
    return stack.empty() ? Place::Tree : stack.back().place;
  }

  bool fail(const Twine &what) {
    if (error.empty())
      error = what.str();
    return false;
  }

  bool enter(Place place, json *value) {
    if (stack.size() >= kMaxDepth)
      return fail("values are nested deeper than " + Twine(kMaxDepth));
    stack.push_back({place, value});
    return true;
  }

  json *store(json value) {
    Frame &frame = stack.back();
    if (++treeValues > kMaxTreeValues) {
      fail("more than " + Twine(kMaxTreeValues) +
           " values outside \"vocab\" and \"merges\"");
      return nullptr;
    }
    if (frame.value->is_array()) {
      frame.value->push_back(std::move(value));
      return &frame.value->back();
    }
    json &slot = (*frame.value)[lastKey];
    slot = std::move(value);
    return &slot;
  }

  bool attach(json container, Place place) {
    if (where() == Place::Vocab)
      return fail("the id of piece " + showText(lastKey) +
                  " is not an integer");
    if (where() == Place::Merges || where() == Place::MergePair)
      return fail("merge " + Twine(out.leftLength.size()) +
                  " holds an object or a nested list, expected strings");
    json *slot = store(std::move(container));
    return slot && enter(place, slot);
  }

  template <typename T> bool scalar(const T &value, const char *kind) {
    if (stack.empty())
      return fail(Twine("found ") + kind + ", expected an object");
    if (where() == Place::Vocab)
      return fail("the id of piece " + showText(lastKey) + " is " + kind +
                  ", expected an integer");
    if (where() == Place::Merges || where() == Place::MergePair)
      return fail("merge " + Twine(out.leftLength.size()) + " holds " + kind +
                  ", expected strings");
    return store(value) != nullptr;
  }

  bool addPiece(int64_t id) {
    if (lastKey.empty() || lastKey.size() > GEMCUT_TOKENIZER_MAX_PIECE_BYTES)
      return fail("the piece of id " + Twine(id) + " has " +
                  Twine(lastKey.size()) + " bytes, expected 1 to " +
                  Twine(GEMCUT_TOKENIZER_MAX_PIECE_BYTES));
    if (out.pieceIds.size() >= GEMCUT_TOKENIZER_MAX_PIECES)
      return fail("more than " + Twine(GEMCUT_TOKENIZER_MAX_PIECES) +
                  " pieces");
    out.pieces.push(lastKey);
    out.pieceIds.push_back(id);
    return true;
  }

  bool addMerge(StringRef left, StringRef right) {
    size_t bytes = left.size() + right.size();
    if (left.empty() || right.empty() ||
        bytes > GEMCUT_TOKENIZER_MAX_PIECE_BYTES)
      return fail("merge " + Twine(out.leftLength.size()) + " has parts of " +
                  Twine(left.size()) + " and " + Twine(right.size()) +
                  " bytes, expected at least 1 each and together at most " +
                  Twine(GEMCUT_TOKENIZER_MAX_PIECE_BYTES));
    if (out.leftLength.size() >= GEMCUT_TOKENIZER_MAX_MERGES)
      return fail("more than " + Twine(GEMCUT_TOKENIZER_MAX_MERGES) +
                  " merges");
    SmallString<64> joined(left);
    joined += right;
    out.merges.push(joined);
    out.leftLength.push_back(static_cast<uint32_t>(left.size()));
    return true;
  }

  TokenizerJson &out;
  json &tree;
  SmallVector<Frame, 8> stack;
  std::string lastKey, pairParts[2];
  unsigned pairCount = 0;
  size_t treeValues = 0;
};

} // namespace

std::string gemcut::tokenizer::showText(StringRef text) {
  constexpr size_t kMaxBytes = 80;
  std::string out = "\"";
  raw_string_ostream stream(out);
  size_t end = std::min(text.size(), kMaxBytes);
  while (end < text.size() && end > 0 && (text[end] & 0xC0) == 0x80)
    --end; // no half characters
  for (char c : text.take_front(end)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      stream << format("\\x%02X", c);
    else
      stream << c;
  }
  stream << (end < text.size() ? "...\"" : "\"");
  return out;
}

Expected<TokenizerJson>
gemcut::tokenizer::parseTokenizerJson(StringRef text, StringRef fileName) {
  TokenizerJson result;
  json tree;
  Reader reader(result, tree);
  if (!json::sax_parse(text.begin(), text.end(), &reader))
    return createStringError(fileName + ": " + reader.error);
  if (Error error = checkSettings(tree, fileName))
    return std::move(error);
  if (Error error = readAddedTokens(tree, fileName, &result.added))
    return std::move(error);
  if (result.pieceIds.empty())
    return createStringError(fileName + ": model.vocab is missing or empty");
  if (!reader.sawMerges)
    return createStringError(fileName +
                             ": model.merges is missing or not a list");
  return result;
}
