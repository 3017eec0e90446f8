//===- Vocabulary.cpp - The tokenizer in a GGUF file ----------------------===//

#include "frontends/GGUF/Vocabulary.h"

#include "runtime/abi/tokenizer_tables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/ConvertUTF.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::gguf;
using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;
using tokenizer::TokenizerJson;

namespace {

constexpr llvm::StringLiteral kModel = "tokenizer.ggml.model",
                              kTokens = "tokenizer.ggml.tokens",
                              kTypes = "tokenizer.ggml.token_type",
                              kMerges = "tokenizer.ggml.merges",
                              kScores = "tokenizer.ggml.scores";

/// Values of tokenizer.ggml.token_type.
enum class TokenType {
  Normal = 1,
  Unknown,
  Control,
  UserDefined,
  Unused,
  Byte
};

constexpr llvm::StringLiteral kFirstTokens[] = {"<pad>", "<eos>", "<bos>",
                                                "<unk>", "<mask>"};

class VocabularyReader {
public:
  explicit VocabularyReader(const Metadata &metadata) : metadata(metadata) {}

  llvm::Expected<TokenizerJson> read() {
    auto model = metadata.string(kModel);
    if (!model)
      return model.takeError();
    hasScores = *model == "llama";
    if (!hasScores && *model != "gemma4")
      return metadata.fail(kModel, "'gemma4' or 'llama', the supported models");
    if (Error error = checkSettings())
      return std::move(error);
    if (Error error = readPieces())
      return std::move(error);
    if (Error error = hasScores ? makeMerges() : readMerges())
      return std::move(error);
    return std::move(result);
  }

private:
  const Metadata &metadata;
  bool hasScores = false;
  TokenizerJson result;
  std::vector<StringRef> pieces;
  std::vector<TokenType> types;

  Error fail(StringRef key, const Twine &what) {
    return createStringError(metadata.fileName() + ": key " + quote(key) +
                             ": " + what);
  }

  Error checkSettings() {
    // Without the key, SentencePiece vocabularies put a space in front.
    auto prefix =
        metadata.boolean("tokenizer.ggml.add_space_prefix", hasScores);
    if (!prefix)
      return prefix.takeError();
    if (*prefix)
      return metadata.fail("tokenizer.ggml.add_space_prefix",
                           "false, the only supported value");
    auto collapse =
        metadata.boolean("tokenizer.ggml.remove_extra_whitespaces", false);
    if (!collapse)
      return collapse.takeError();
    if (*collapse)
      return metadata.fail("tokenizer.ggml.remove_extra_whitespaces",
                           "false, the only supported value");
    return Error::success();
  }

  /// Pieces that tokenizer.json adds to its model, and whether they are
  /// special.
  bool isAdded(size_t id) const {
    if (types[id] != TokenType::Unknown && types[id] != TokenType::Control &&
        types[id] != TokenType::UserDefined)
      return false;
    StringRef piece = pieces[id];
    return hasScores || llvm::is_contained(kFirstTokens, piece) ||
           piece.starts_with("<|") || piece.ends_with("|>");
  }

  Error readPieces() {
    auto tokens = metadata.strings(kTokens);
    if (!tokens)
      return tokens.takeError();
    pieces = std::move(*tokens);
    if (pieces.empty() || pieces.size() > GEMCUT_TOKENIZER_MAX_PIECES)
      return fail(kTokens, "found " + Twine(pieces.size()) +
                               " pieces, expected 1 to " +
                               Twine(GEMCUT_TOKENIZER_MAX_PIECES));
    auto numbers =
        metadata.integers(kTypes, pieces.size(), int64_t(TokenType::Normal),
                          int64_t(TokenType::Byte));
    if (!numbers)
      return numbers.takeError();
    for (int64_t number : *numbers)
      types.push_back(TokenType(number));
    for (auto [id, piece] : llvm::enumerate(pieces)) {
      const char *start = piece.data();
      if (piece.empty() || piece.size() > GEMCUT_TOKENIZER_MAX_PIECE_BYTES ||
          !llvm::isLegalUTF8String(
              reinterpret_cast<const llvm::UTF8 **>(&start),
              reinterpret_cast<const llvm::UTF8 *>(piece.end())))
        return fail(kTokens, "piece " + Twine(id) + " is " + quote(piece) +
                                 ", expected 1 to " +
                                 Twine(GEMCUT_TOKENIZER_MAX_PIECE_BYTES) +
                                 " bytes of UTF-8");
      result.pieces.push(piece);
      result.pieceIds.push_back(int64_t(id));
      if (isAdded(id)) {
        if (piece.size() > GEMCUT_TOKENIZER_MAX_ADDED_BYTES)
          return fail(kTokens, "the control piece " + Twine(id) + " has " +
                                   Twine(piece.size()) +
                                   " bytes, expected at most " +
                                   Twine(GEMCUT_TOKENIZER_MAX_ADDED_BYTES));
        bool isSpecial = !hasScores || types[id] != TokenType::UserDefined;
        result.added.push_back({int64_t(id), piece.str(), isSpecial});
      }
    }
    return Error::success();
  }

  void addMerge(StringRef joined, size_t leftBytes) {
    result.merges.push(joined);
    result.leftLength.push_back(uint32_t(leftBytes));
  }

  Error readMerges() {
    auto merges = metadata.strings(kMerges);
    if (!merges)
      return merges.takeError();
    if (merges->size() > GEMCUT_TOKENIZER_MAX_MERGES)
      return fail(kMerges, "found " + Twine(merges->size()) +
                               " merges, expected at most " +
                               Twine(GEMCUT_TOKENIZER_MAX_MERGES));
    for (auto [i, merge] : llvm::enumerate(*merges)) {
      auto [left, right] = merge.split(' ');
      if (left.empty() || right.empty() || right.contains(' ') ||
          merge.size() > GEMCUT_TOKENIZER_MAX_PIECE_BYTES)
        return fail(kMerges, "merge " + Twine(i) + " is " + quote(merge) +
                                 ", expected two pieces separated by one "
                                 "space");
      addMerge((left + right).str(), left.size());
    }
    return Error::success();
  }

  /// All splits of ordinary pieces into two such pieces, by score.
  Error makeMerges() {
    const Value *scores = metadata.find(kScores);
    if (!scores || !scores->isArray || scores->type != ValueType::Float32 ||
        scores->count != pieces.size())
      return metadata.fail(kScores,
                           "an array of " + Twine(pieces.size()) + " float32");
    llvm::StringMap<size_t> ordinary;
    for (auto [id, piece] : llvm::enumerate(pieces))
      if (types[id] == TokenType::Normal)
        ordinary.try_emplace(piece, id);
    struct Split {
      double score;
      size_t piece, leftBytes;
    };
    std::vector<Split> splits;
    for (auto [id, piece] : llvm::enumerate(pieces)) {
      if (types[id] != TokenType::Normal)
        continue;
      double score = *scores->number(id);
      if (std::isnan(score))
        return fail(kScores, "score " + Twine(id) + " is not a number");
      for (size_t at = 1; at < piece.size(); ++at)
        if (ordinary.contains(piece.take_front(at)) &&
            ordinary.contains(piece.drop_front(at)))
          splits.push_back({score, id, at});
    }
    if (splits.size() > GEMCUT_TOKENIZER_MAX_MERGES)
      return fail(kTokens, "the pieces have " + Twine(splits.size()) +
                               " splits, supported are " +
                               Twine(GEMCUT_TOKENIZER_MAX_MERGES));
    llvm::sort(splits, [](const Split &a, const Split &b) {
      return std::tuple(-a.score, a.piece, b.leftBytes) <
             std::tuple(-b.score, b.piece, a.leftBytes);
    });
    for (const Split &split : splits)
      addMerge(pieces[split.piece], split.leftBytes);
    return Error::success();
  }
};

} // namespace

bool gemcut::gguf::hasVocabulary(const Metadata &metadata) {
  auto model = metadata.string(kModel, "no_vocab");
  if (model)
    return *model != "no_vocab";
  llvm::consumeError(model.takeError());
  return true; // reading it says what is wrong
}

llvm::Expected<TokenizerJson>
gemcut::gguf::readVocabulary(const Metadata &metadata) {
  return VocabularyReader(metadata).read();
}
