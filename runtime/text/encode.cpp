//===- encode.cpp - Text to ids -------------------------------------------===//
//
// Cuts the text: first at added tokens, then wherever no merge can cross
// (tokenizer_tables.h explains why that changes nothing), and encodes the
// chunks between. Most chunks of real text are words that are pieces as they
// stand.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/bpe.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/utf8.h"

#include <algorithm>

using namespace gemcut::text;

namespace {

class Encoder {
public:
  Encoder(const TableView &tables, std::vector<int32_t> &ids)
      : tables(tables), bpe(tables), ids(ids) {
    for (uint32_t c = 0; c < 128; ++c)
      asciiIds[c] = tables.codePointId(c == ' ' ? GEMCUT_TOKENIZER_SPACE : c);
  }

  /// Recognises added tokens, control tokens only outside `untrusted`.
  void encode(std::string_view text, const std::vector<Span> &untrusted);
  void encodeOrdinary(std::string_view text);

private:
  bool isControl(uint32_t id) const;
  size_t matchAdded(std::string_view text, uint32_t *id) const;
  void endChunk();

  const TableView &tables;
  Bpe bpe;
  std::vector<int32_t> &ids;
  uint32_t asciiIds[128];
  std::string chunk;        // normalised text since the last split
  uint32_t chunkCount = 0;  // code points in it
  uint32_t firstId = kNone; // of its first code point
};

/// Length of the longest added token that `text` begins with, or 0. The ids are
/// sorted by their bytes: each further byte narrows the range that still
/// matches, and a token that ends here is the first of its range.
size_t Encoder::matchAdded(std::string_view text, uint32_t *id) const {
  auto first = static_cast<uint8_t>(text[0]);
  uint32_t low = tables.addedFirst[first];
  uint32_t high =
      std::min(tables.addedFirst[first + 1], tables.header->added_count);
  size_t best = 0;
  for (size_t depth = 1; low < high; ++depth) {
    std::string_view shortest = tables.piece(tables.addedIds[low]);
    if (shortest.size() <= depth) {
      if (shortest.size() == depth) {
        best = depth;
        *id = tables.addedIds[low];
      }
      ++low;
    }
    if (depth == text.size())
      break;
    auto wanted = static_cast<uint8_t>(text[depth]);
    auto byteAt = [&](uint32_t added) {
      std::string_view piece = tables.piece(added);
      return depth < piece.size() ? static_cast<uint8_t>(piece[depth]) : 0;
    };
    if (low >= high)
      break;
    const uint32_t *begin = tables.addedIds + low,
                   *end = tables.addedIds + high;
    begin =
        std::lower_bound(begin, end, wanted, [&](uint32_t added, uint8_t byte) {
          return byteAt(added) < byte;
        });
    end =
        std::upper_bound(begin, end, wanted, [&](uint8_t byte, uint32_t added) {
          return byte < byteAt(added);
        });
    low = static_cast<uint32_t>(begin - tables.addedIds);
    high = static_cast<uint32_t>(end - tables.addedIds);
  }
  return best;
}

void Encoder::endChunk() {
  if (chunkCount == 0)
    return;
  if (chunkCount == 1) {
    ids.push_back(static_cast<int32_t>(firstId));
  } else {
    uint32_t id = tables.findPiece(chunk);
    if (id < tables.header->piece_count &&
        tables.pieceFlags[id] & GEMCUT_PIECE_CANONICAL)
      ids.push_back(static_cast<int32_t>(id));
    else
      bpe.encode(ids);
  }
  chunk.clear();
  bpe.clear();
  chunkCount = 0;
}

void Encoder::encodeOrdinary(std::string_view text) {
  uint32_t previous = 0;
  for (size_t i = 0; i < text.size();) {
    // Symbols are code points, with U+2581 as U+0020.
    uint32_t symbol = static_cast<uint8_t>(text[i]);
    uint32_t id;
    size_t length = 1;
    if (symbol < 128) {
      id = asciiIds[symbol];
    } else {
      length = decodeUtf8(text.data() + i, text.size() - i, symbol);
      if (length == 3 && symbol == GEMCUT_TOKENIZER_SPACE)
        symbol = ' ';
      id = length == 0     ? kNone
           : symbol == ' ' ? asciiIds[' ']
                           : tables.codePointId(symbol);
      length = length ? length : 1;
    }
    bool isSpace = symbol == ' ';
    if (id == kNone) {
      endChunk();
      std::string_view bytes = isSpace ? kSpacePiece : text.substr(i, length);
      for (char byte : bytes)
        ids.push_back(
            static_cast<int32_t>(tables.byteIds[static_cast<uint8_t>(byte)]));
    } else {
      if (chunkCount > 0 && !tables.mayJoin(previous, symbol))
        endChunk();
      if (chunkCount++ == 0)
        firstId = id;
      bpe.push(id);
      if (isSpace)
        chunk.append(kSpacePiece);
      else if (length == 1)
        chunk.push_back(text[i]);
      else
        chunk.append(text.data() + i, length);
      previous = symbol;
    }
    i += length;
  }
  endChunk();
}

bool Encoder::isControl(uint32_t id) const {
  const int32_t *roles = tables.header->roles;
  return tables.kind(id) == GEMCUT_PIECE_CONTROL ||
         std::find(roles, roles + GEMCUT_TOKEN_ROLES, int32_t(id)) !=
             roles + GEMCUT_TOKEN_ROLES;
}

void Encoder::encode(std::string_view text,
                     const std::vector<Span> &untrusted) {
  bool begins[256];
  for (int b = 0; b < 256; ++b)
    begins[b] = tables.addedFirst[b] < tables.addedFirst[b + 1];
  size_t start = 0;
  auto span = untrusted.begin();
  for (size_t i = 0; i < text.size();) {
    uint32_t id = kNone;
    size_t length = 0;
    if (begins[static_cast<uint8_t>(text[i])]) {
      length = matchAdded(text.substr(i), &id);
      while (span != untrusted.end() && span->end <= i)
        ++span;
      if (length > 0 && span != untrusted.end() && i + length > span->begin &&
          isControl(id)) {
        // A shorter token may still end before the untrusted bytes.
        length = span->begin > i
                     ? matchAdded(text.substr(i, span->begin - i), &id)
                     : 0;
      }
    }
    if (length == 0) {
      ++i;
      continue;
    }
    encodeOrdinary(text.substr(start, i - start));
    ids.push_back(static_cast<int32_t>(id));
    start = i += length;
  }
  encodeOrdinary(text.substr(start));
}

} // namespace

void Tokenizer::encode(std::string_view text, bool parseSpecial,
                       std::vector<int32_t> &ids) const {
  if (parseSpecial)
    Encoder(view, ids).encode(text, /*untrusted=*/{});
  else
    Encoder(view, ids).encodeOrdinary(text);
}

void Tokenizer::encode(const MarkedText &text,
                       std::vector<int32_t> &ids) const {
  Encoder(view, ids).encode(text.bytes, text.untrusted);
}
