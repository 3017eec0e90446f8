//===- tokenizer.cpp - Opening tables, ids to text ------------------------===//

#include "runtime/text/tokenizer.h"
#include "runtime/text/utf8.h"

using namespace gemcut::text;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the tables are little-endian");

namespace {

gemcut_status corrupt(std::string *error, const char *what) {
  if (error)
    *error = std::string("the tokenizer tables ") + what +
             "; build the executable again";
  return GEMCUT_CORRUPT_ARTIFACT;
}

} // namespace

gemcut_status Tokenizer::open(const uint8_t *tables, size_t length,
                              Tokenizer *out, std::string *error) {
  if (length < sizeof(gemcut_tokenizer_header))
    return corrupt(error, "are shorter than their header");
  if (reinterpret_cast<uintptr_t>(tables) % 8 != 0)
    return corrupt(error, "are not aligned to 8 bytes");
  auto *h = reinterpret_cast<const gemcut_tokenizer_header *>(tables);
  if (memcmp(h->magic, GEMCUT_TOKENIZER_MAGIC, sizeof h->magic) != 0)
    return corrupt(error, "do not begin with their magic number");
  if (h->version != GEMCUT_TOKENIZER_VERSION ||
      h->header_bytes != sizeof(gemcut_tokenizer_header))
    return corrupt(error, "have another format version");
  if (h->length > length)
    return corrupt(error, "are truncated");
  if (h->piece_count == 0 || h->piece_count > GEMCUT_TOKENIZER_MAX_PIECES ||
      h->vocab_size < h->piece_count || h->vocab_size > INT32_MAX ||
      h->merge_count > GEMCUT_TOKENIZER_MAX_MERGES ||
      h->added_count > h->piece_count || h->pair_filter_log2 < 10 ||
      h->pair_filter_log2 > 26)
    return corrupt(error, "have counts out of range");

  // Smallest length of each section; the last two of the hash tables are
  // checked to end in an empty slot, which ends every search.
  uint64_t least[GEMCUT_TOK_SECTIONS] = {};
  least[GEMCUT_TOK_PIECE_OFFSETS] = 4ull * (h->piece_count + 1);
  least[GEMCUT_TOK_PIECE_FLAGS] = h->piece_count;
  least[GEMCUT_TOK_PIECE_SLOTS] = 4ull * h->piece_buckets + 4;
  least[GEMCUT_TOK_CODE_POINT_BLOCKS] = 2 * GEMCUT_TOKENIZER_CODE_POINT_BLOCKS;
  least[GEMCUT_TOK_BYTE_IDS] = 4 * 256;
  least[GEMCUT_TOK_MERGE_SLOTS] = 8ull * h->merge_buckets + 8;
  least[GEMCUT_TOK_MERGE_RESULTS] = 4ull * h->merge_count;
  least[GEMCUT_TOK_ASCII_PAIRS] = 4 * 128 * 4;
  least[GEMCUT_TOK_PAIR_FILTER] = (1ull << h->pair_filter_log2) / 8;
  least[GEMCUT_TOK_ADDED_FIRST] = 4 * 257;
  least[GEMCUT_TOK_ADDED_IDS] = 4ull * h->added_count;
  for (int i = 0; i < GEMCUT_TOK_SECTIONS; ++i) {
    const gemcut_tokenizer_section &s = h->sections[i];
    if (s.offset % 8 != 0 || s.offset < h->header_bytes ||
        static_cast<uint64_t>(s.offset) + s.length > h->length ||
        s.length < least[i])
      return corrupt(error, "have a section out of bounds");
  }

  auto at = [&](int section) { return tables + h->sections[section].offset; };
  auto words = [&](int section) {
    return reinterpret_cast<const uint32_t *>(at(section));
  };
  Tokenizer result;
  TableView &v = result.view;
  v.header = h;
  v.pieceOffsets = words(GEMCUT_TOK_PIECE_OFFSETS);
  v.pieceBytes = reinterpret_cast<const char *>(at(GEMCUT_TOK_PIECE_BYTES));
  v.pieceFlags = at(GEMCUT_TOK_PIECE_FLAGS);
  v.pieceSlots = words(GEMCUT_TOK_PIECE_SLOTS);
  v.codePointBlocks =
      reinterpret_cast<const uint16_t *>(at(GEMCUT_TOK_CODE_POINT_BLOCKS));
  v.codePointIds = words(GEMCUT_TOK_CODE_POINT_IDS);
  v.codePointBlockCount =
      h->sections[GEMCUT_TOK_CODE_POINT_IDS].length / (4 * 256);
  v.byteIds = words(GEMCUT_TOK_BYTE_IDS);
  v.mergeSlots = reinterpret_cast<const uint64_t *>(at(GEMCUT_TOK_MERGE_SLOTS));
  v.mergeResults = words(GEMCUT_TOK_MERGE_RESULTS);
  v.asciiPairs = words(GEMCUT_TOK_ASCII_PAIRS);
  v.pairFilter = words(GEMCUT_TOK_PAIR_FILTER);
  v.pairFilterMask = (1u << h->pair_filter_log2) - 1;
  v.addedFirst = words(GEMCUT_TOK_ADDED_FIRST);
  v.addedIds = words(GEMCUT_TOK_ADDED_IDS);

  uint32_t pieceSlots = h->sections[GEMCUT_TOK_PIECE_SLOTS].length / 4;
  uint32_t mergeSlots = h->sections[GEMCUT_TOK_MERGE_SLOTS].length / 8;
  if (v.pieceSlots[pieceSlots - 1] != kNone ||
      v.mergeSlots[mergeSlots - 1] != GEMCUT_TOKENIZER_EMPTY_MERGE)
    return corrupt(error, "have a hash table without an end");
  *out = result;
  return GEMCUT_OK;
}

int Tokenizer::byteValue(int32_t id) const {
  if (!hasPiece(id) ||
      view.kind(static_cast<uint32_t>(id)) != GEMCUT_PIECE_BYTE)
    return -1;
  std::string_view text = piece(id); // <0xNN>
  if (text.size() != 6)
    return -1;
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'A' + 10; };
  return (digit(text[3]) * 16 + digit(text[4])) & 255;
}

void Tokenizer::appendPiece(int32_t id, std::string &out) const {
  std::string_view text = piece(id);
  for (;;) {
    size_t at = text.find(kSpacePiece);
    out.append(text.substr(0, at));
    if (at == std::string_view::npos)
      return;
    out.push_back(' ');
    text.remove_prefix(at + kSpacePiece.size());
  }
}

std::string Tokenizer::decode(const int32_t *ids, size_t count,
                              bool showSpecial) const {
  std::string out, run;
  auto endRun = [&] {
    if (isValidUtf8(run))
      out += run;
    else
      for (size_t i = 0; i < run.size(); ++i)
        out += kReplacement;
    run.clear();
  };
  for (size_t i = 0; i < count; ++i) {
    int32_t id = ids[i];
    // Hidden tokens do not even end a run, as in `tokenizers`.
    if (!hasPiece(id) || (!showSpecial && isControl(id)))
      continue;
    int byte = byteValue(id);
    if (byte >= 0) {
      run.push_back(static_cast<char>(byte));
      continue;
    }
    endRun();
    appendPiece(id, out);
  }
  endRun();
  return out;
}

void StreamDecoder::feedByte(uint8_t byte, std::string &out) {
  pending[pendingCount++] = static_cast<char>(byte);
  while (pendingCount > 0) {
    auto lead = static_cast<uint8_t>(pending[0]);
    size_t length = utf8Length(lead);
    bool plausible = length > 0;
    for (size_t i = 1; plausible && i < pendingCount; ++i) {
      auto next = static_cast<uint8_t>(pending[i]);
      plausible = i == 1 ? utf8SecondByte(lead, next) : (next & 0xC0) == 0x80;
    }
    if (plausible && pendingCount < length)
      return;
    size_t used = plausible ? length : 1;
    if (plausible)
      out.append(pending, length);
    else
      out += kReplacement;
    pendingCount -= used;
    memmove(pending, pending + used, pendingCount);
  }
}

void StreamDecoder::feed(int32_t id, std::string &out) {
  if (tokenizer->piece(id).empty() ||
      (!showSpecial && tokenizer->isControl(id)))
    return;
  int byte = tokenizer->byteValue(id);
  if (byte >= 0)
    return feedByte(static_cast<uint8_t>(byte), out);
  flush(out);
  tokenizer->appendPiece(id, out);
}

void StreamDecoder::flush(std::string &out) {
  for (; pendingCount > 0; --pendingCount)
    out += kReplacement;
}
