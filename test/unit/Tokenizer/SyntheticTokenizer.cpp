//===- SyntheticTokenizer.cpp - Large vocabularies for tests --------------===//

#include "test/unit/Tokenizer/SlowBpe.h"

#include <algorithm>
#include <random>
#include <unordered_set>

using namespace gemcut::test;

namespace {

const std::string kSpace = "\u2581";

/// Uniform in [0, bound), the same on every platform.
size_t below(std::mt19937_64 &random, size_t bound) {
  return static_cast<size_t>(random() % bound);
}

std::string utf8(uint32_t point) {
  std::string text;
  if (point < 0x80) {
    text.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    text.push_back(static_cast<char>(0xC0 | point >> 6));
    text.push_back(static_cast<char>(0x80 | (point & 63)));
  } else {
    text.push_back(static_cast<char>(0xE0 | point >> 12));
    text.push_back(static_cast<char>(0x80 | (point >> 6 & 63)));
    text.push_back(static_cast<char>(0x80 | (point & 63)));
  }
  return text;
}

std::vector<std::string> characters(const std::string &text) {
  std::vector<std::string> result;
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    result.push_back(text.substr(i, length));
    i += length;
  }
  return result;
}

class Generator {
public:
  Generator(size_t pieceCount, size_t mergeCount, uint64_t seed)
      : pieceCount(pieceCount), mergeCount(mergeCount), random(seed) {}

  TokenizerSpec run() {
    addFixedPieces();
    growPieces();
    addSplits();
    std::shuffle(spec.merges.begin(), spec.merges.end(), random);
    return std::move(spec);
  }

private:
  bool addPiece(const std::string &piece) {
    if (!known.insert(piece).second)
      return false;
    spec.pieces.push_back(piece);
    return true;
  }

  void addMerge(const std::string &left, const std::string &right) {
    if (merged.insert(left + ' ' + right).second)
      spec.merges.emplace_back(left, right);
  }

  void addFixedPieces() {
    for (const char *token :
         {"<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<|turn>", "<turn|>",
          "<|channel>", "<channel|>", "<|think|>", "<|tool_call>",
          "<tool_call|>", "<|tool_response>", "<tool_response|>", "<|\"|>"}) {
      spec.added.push_back(static_cast<int32_t>(spec.pieces.size()));
      addPiece(token);
    }
    for (int byte = 0; byte < 256; ++byte) {
      char name[8];
      snprintf(name, sizeof name, "<0x%02X>", byte);
      addPiece(name);
    }
    // Common letters first: early characters are drawn more often.
    for (char c : std::string("etaoinshrdlucmwfgypbvkxjqz"))
      letters.push_back(std::string(1, c));
    for (char c : std::string("ETAOIN.,'-0123456789<>|\"{}()"))
      letters.push_back(std::string(1, c));
    for (uint32_t point = 0xE0; point < 0x100; ++point)
      letters.push_back(utf8(point));
    for (uint32_t point = 0x4E00; point < 0x5000; ++point)
      letters.push_back(utf8(point));
    for (const std::string &letter : letters)
      addPiece(letter);
    for (const std::string &base :
         {std::string("\n"), kSpace, std::string("\t")}) {
      std::string run = base;
      addPiece(run);
      for (int i = 2; i < 32; ++i) {
        run += base;
        addPiece(run);
        for (size_t left = 1; left < static_cast<size_t>(i); ++left)
          addMerge(run.substr(0, left * base.size()),
                   run.substr(left * base.size()));
      }
    }
  }

  /// Small numbers are likely: the cube of a uniform one.
  size_t skewed(size_t bound) {
    double u = static_cast<double>(random() >> 11) * 0x1p-53;
    return std::min(
        bound - 1, static_cast<size_t>(u * u * u * static_cast<double>(bound)));
  }

  /// Joins the parts before and from `at`, which must be pieces.
  void addSplit(const std::vector<std::string> &parts, size_t at) {
    std::string halves[2];
    for (size_t i = 0; i < parts.size(); ++i)
      halves[i >= at] += parts[i];
    addMerge(halves[0], halves[1]);
  }

  /// Random words with all their substrings, so that every split of a piece is
  /// a possible merge. Spaces only begin words.
  void growPieces() {
    while (spec.pieces.size() < pieceCount) {
      std::vector<std::string> word;
      if (below(random, 2) == 0)
        word.push_back(kSpace);
      for (size_t i = 0, n = 2 + below(random, 5); i < n; ++i)
        word.push_back(letters[skewed(letters.size())]);
      for (size_t length = 2; length <= word.size(); ++length)
        for (size_t begin = 0; begin + length <= word.size(); ++begin) {
          auto first = word.begin() + begin;
          std::vector<std::string> parts(first, first + length);
          std::string piece;
          for (const std::string &part : parts)
            piece += part;
          if (spec.pieces.size() == pieceCount || !addPiece(piece))
            continue;
          addSplit(parts, 1 + below(random, length - 1));
          grown.push_back(std::move(parts));
        }
    }
  }

  void addSplits() {
    std::vector<std::pair<size_t, size_t>> splits; // into grown, at
    for (size_t i = 0; i < grown.size(); ++i)
      for (size_t at = 1; at < grown[i].size(); ++at)
        splits.emplace_back(i, at);
    std::shuffle(splits.begin(), splits.end(), random);
    for (auto [i, at] : splits) {
      if (spec.merges.size() >= mergeCount)
        return;
      addSplit(grown[i], at);
    }
  }

  size_t pieceCount, mergeCount;
  std::mt19937_64 random;
  TokenizerSpec spec;
  std::vector<std::string> letters;
  std::vector<std::vector<std::string>> grown; // characters of each grown piece
  std::unordered_set<std::string> known, merged;
};

} // namespace

TokenizerSpec gemcut::test::makeSyntheticTokenizer(size_t pieceCount,
                                                   size_t mergeCount,
                                                   uint64_t seed) {
  return Generator(pieceCount, mergeCount, seed).run();
}

std::string gemcut::test::makeRandomText(const TokenizerSpec &spec,
                                         size_t parts, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text;
  for (size_t i = 0; i < parts; ++i) {
    std::string piece = spec.pieces[below(random, spec.pieces.size())];
    switch (below(random, 12)) {
    case 0: // half a piece
      piece = characters(piece)[0];
      break;
    case 1:
      piece = std::string(1 + below(random, 40), "\n \tae"[below(random, 5)]);
      break;
    case 2: // not in the vocabulary
      piece = below(random, 2) ? "\U0001F642" : "\u0416";
      break;
    case 3:
      piece = "\u2581";
      break;
    default:
      break;
    }
    // Text has spaces where pieces have their stand-in.
    for (size_t at; (at = piece.find(kSpace)) != std::string::npos &&
                    below(random, 20) != 0;)
      piece.replace(at, kSpace.size(), " ");
    text += piece;
  }
  return text;
}
