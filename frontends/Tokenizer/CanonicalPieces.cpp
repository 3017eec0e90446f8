//===- CanonicalPieces.cpp - Code points and what pieces encode to --------===//

#include "frontends/Tokenizer/Vocabulary.h"
#include "runtime/abi/tokenizer_tables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"

using namespace llvm;
using namespace gemcut::tokenizer;

namespace {

constexpr uint32_t kNone = GEMCUT_TOKENIZER_NONE;
/// Longer pieces are left to the encoder: the scan below is quadratic.
constexpr size_t kMaxCodePoints = 256;

/// True if merging the symbols ends in exactly `piece`.
bool encodesTo(const Vocabulary &vocabulary, SmallVectorImpl<uint32_t> &symbols,
               SmallVectorImpl<uint32_t> &ranks, uint32_t piece) {
  ranks.clear();
  for (size_t i = 0; i + 1 < symbols.size(); ++i)
    ranks.push_back(vocabulary.rank(symbols[i], symbols[i + 1]));
  while (!ranks.empty()) {
    size_t best = std::min_element(ranks.begin(), ranks.end()) - ranks.begin();
    if (ranks[best] == kNone)
      return false;
    symbols[best] = vocabulary.merges[ranks[best]].result;
    symbols.erase(symbols.begin() + best + 1);
    ranks.erase(ranks.begin() + best);
    if (best < ranks.size())
      ranks[best] = vocabulary.rank(symbols[best], symbols[best + 1]);
    if (best > 0)
      ranks[best - 1] = vocabulary.rank(symbols[best - 1], symbols[best]);
  }
  return symbols.size() == 1 && symbols[0] == piece;
}

} // namespace

void gemcut::tokenizer::decodePiece(StringRef piece,
                                    SmallVectorImpl<uint32_t> &out) {
  out.clear();
  auto *source = reinterpret_cast<const UTF8 *>(piece.begin());
  auto *end = reinterpret_cast<const UTF8 *>(piece.end());
  while (source < end) {
    UTF32 codePoint = 0;
    if (convertUTF8Sequence(&source, end, &codePoint, strictConversion) !=
        conversionOK)
      return;
    out.push_back(codePoint);
  }
}

CodePointTable::CodePointTable(const Vocabulary &vocabulary)
    : blocks(GEMCUT_TOKENIZER_CODE_POINT_BLOCKS, 0), ids(256, kNone) {
  SmallVector<uint32_t, 64> points;
  for (auto [id, piece] : llvm::enumerate(vocabulary.pieces)) {
    if (piece.size() > 4)
      continue;
    decodePiece(piece, points);
    // An added token is no symbol of ordinary text, unless it is a piece of the
    // vocabulary as well, in which case both are one id.
    if (points.size() != 1)
      continue;
    uint16_t &block = blocks[points[0] >> 8];
    if (block == 0) {
      block = static_cast<uint16_t>(ids.size() / 256);
      ids.resize(ids.size() + 256, kNone);
    }
    ids[block * 256u + (points[0] & 255)] = static_cast<uint32_t>(id);
  }
}

void gemcut::tokenizer::markCanonicalPieces(Vocabulary &vocabulary,
                                            const CodePointTable &codePoints) {
  SmallVector<uint32_t, 64> points, ranks;
  std::vector<bool> tried(vocabulary.pieces.size(), false);
  for (const Merge &merge : vocabulary.merges) {
    if (tried[merge.result])
      continue;
    tried[merge.result] = true;
    decodePiece(vocabulary.pieces[merge.result], points);
    if (points.size() > kMaxCodePoints)
      continue;
    for (uint32_t &point : points)
      point = codePoints.find(point);
    if (!llvm::is_contained(points, kNone) &&
        encodesTo(vocabulary, points, ranks, merge.result))
      vocabulary.flags[merge.result] |= GEMCUT_PIECE_CANONICAL;
  }
}
