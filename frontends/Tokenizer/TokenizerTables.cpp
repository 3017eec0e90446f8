//===- TokenizerTables.cpp - Laying out the tables ------------------------===//

#include "frontends/Tokenizer/TokenizerTables.h"
#include "frontends/Tokenizer/Vocabulary.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace gemcut::tokenizer;

namespace {

/// Which code points some merge joins, with U+2581 as U+0020.
struct PairTables {
  std::vector<uint32_t> ascii = std::vector<uint32_t>(128 * 4);
  std::vector<uint32_t> filter;
  uint32_t filterLog2 = 10;

  explicit PairTables(const Vocabulary &vocabulary);
};

PairTables::PairTables(const Vocabulary &vocabulary) {
  std::vector<std::pair<uint32_t, uint32_t>> ends; // first, last, by id
  ends.reserve(vocabulary.pieces.size());
  SmallVector<uint32_t, 64> points;
  auto symbol = [](uint32_t point) {
    return point == GEMCUT_TOKENIZER_SPACE ? ' ' : point;
  };
  for (StringRef piece : vocabulary.pieces) {
    decodePiece(piece, points);
    if (points.empty())
      ends.emplace_back(0, 0);
    else
      ends.emplace_back(symbol(points.front()), symbol(points.back()));
  }
  DenseSet<uint64_t> wide;
  for (const Merge &merge : vocabulary.merges) {
    uint32_t left = ends[merge.left].second, right = ends[merge.right].first;
    if (left < 128 && right < 128)
      ascii[left * 4 + right / 32] |= 1u << (right % 32);
    else
      wide.insert(uint64_t(left) << 32 | right);
  }
  // Eight bits for each pair: one boundary in eight or less goes unnoticed.
  filterLog2 = std::clamp<uint32_t>(Log2_64_Ceil(wide.size() * 8 + 1), 10, 26);
  filter.assign((size_t(1) << filterLog2) / 32, 0);
  for (uint64_t pair : wide) {
    uint32_t bit = gemcut_tokenizer_hash_pair(static_cast<uint32_t>(pair >> 32),
                                              static_cast<uint32_t>(pair)) &
                   ((1u << filterLog2) - 1);
    filter[bit / 32] |= 1u << (bit % 32);
  }
}

/// Appends sections behind the header and notes where they are.
class Writer {
public:
  explicit Writer(gemcut_tokenizer_header &header)
      : header(header), out(alignTo(sizeof header, 8)) {}

  template <typename T>
  void section(gemcut_tokenizer_section_kind kind, const std::vector<T> &data) {
    header.sections[kind].offset = static_cast<uint32_t>(out.size());
    header.sections[kind].length =
        static_cast<uint32_t>(data.size() * sizeof(T));
    auto *bytes = reinterpret_cast<const uint8_t *>(data.data());
    out.insert(out.end(), bytes, bytes + data.size() * sizeof(T));
    out.resize(alignTo(out.size(), 8));
  }

  std::vector<uint8_t> finish() {
    header.length = out.size();
    memcpy(out.data(), &header, sizeof header);
    return std::move(out);
  }

private:
  gemcut_tokenizer_header &header;
  std::vector<uint8_t> out;
};

Error findRoles(const Vocabulary &vocabulary, const TokenNames &names,
                StringRef fileName, int32_t *roles) {
  for (int i = 0; i < GEMCUT_TOKEN_ROLES; ++i) {
    uint32_t id = vocabulary.find(names.contents[i]);
    if (id == GEMCUT_TOKENIZER_NONE && !names.alternatives[i].empty())
      id = vocabulary.find(names.alternatives[i]);
    if (id == GEMCUT_TOKENIZER_NONE && names.required[i] &&
        !llvm::is_contained(vocabulary.beyond, names.contents[i]))
      return createStringError(fileName + ": the vocabulary has no piece " +
                               showText(names.contents[i]) +
                               ", which tokenizer_config.json names as " +
                               tokenNameKey(static_cast<gemcut_token_role>(i)));
    roles[i] = static_cast<int32_t>(id); // NONE is -1
  }
  return Error::success();
}

const gemcut_tokenizer_header &headerOf(ArrayRef<uint8_t> tables) {
  assert(tables.size() >= sizeof(gemcut_tokenizer_header) && "not tables");
  return *reinterpret_cast<const gemcut_tokenizer_header *>(tables.data());
}

} // namespace

Expected<std::vector<uint8_t>>
gemcut::tokenizer::compileTokenizerJson(StringRef json, StringRef fileName,
                                        int64_t vocabSize,
                                        const TokenNames &names) {
  Expected<TokenizerJson> file = parseTokenizerJson(json, fileName);
  if (!file)
    return file.takeError();
  return compileTokenizer(*file, fileName, vocabSize, names);
}

Expected<std::vector<uint8_t>>
gemcut::tokenizer::compileTokenizer(const TokenizerJson &file,
                                    StringRef fileName, int64_t vocabSize,
                                    const TokenNames &names) {
  if (vocabSize < 1 || vocabSize > INT32_MAX)
    return createStringError(fileName + ": the model's vocabulary has " +
                             Twine(vocabSize) + " entries, expected 1 to " +
                             Twine(INT32_MAX));
  Expected<Vocabulary> vocabulary = buildVocabulary(file, fileName, vocabSize);
  if (!vocabulary)
    return vocabulary.takeError();
  const Vocabulary &v = *vocabulary;

  gemcut_tokenizer_header header = {};
  memcpy(header.magic, GEMCUT_TOKENIZER_MAGIC, sizeof header.magic);
  header.version = GEMCUT_TOKENIZER_VERSION;
  header.header_bytes = sizeof header;
  header.vocab_size = static_cast<uint32_t>(vocabSize);
  header.piece_count = static_cast<uint32_t>(v.pieces.size());
  header.merge_count = static_cast<uint32_t>(v.merges.size());
  header.merge_buckets = v.mergeSlots.buckets;
  header.piece_buckets = v.pieceSlots.buckets;
  header.added_count = static_cast<uint32_t>(v.added.size());
  if (Error error = findRoles(v, names, fileName, header.roles))
    return std::move(error);

  CodePointTable codePoints(v);
  markCanonicalPieces(*vocabulary, codePoints);
  PairTables pairs(v);
  header.pair_filter_log2 = pairs.filterLog2;

  std::vector<uint32_t> offsets = {0};
  std::vector<char> bytes;
  for (StringRef piece : v.pieces) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    offsets.push_back(static_cast<uint32_t>(bytes.size()));
    header.max_piece_bytes =
        std::max(header.max_piece_bytes, static_cast<uint32_t>(piece.size()));
  }
  std::vector<uint32_t> results;
  for (const Merge &merge : v.merges)
    results.push_back(merge.result);
  std::vector<uint32_t> first(257, 0);
  for (uint32_t id : v.added)
    ++first[static_cast<uint8_t>(v.pieces[id][0]) + 1];
  for (size_t i = 1; i < first.size(); ++i)
    first[i] += first[i - 1];

  Writer writer(header);
  writer.section(GEMCUT_TOK_PIECE_OFFSETS, offsets);
  writer.section(GEMCUT_TOK_PIECE_BYTES, bytes);
  writer.section(GEMCUT_TOK_PIECE_FLAGS, v.flags);
  writer.section(GEMCUT_TOK_PIECE_SLOTS, v.pieceSlots.slots);
  writer.section(GEMCUT_TOK_CODE_POINT_BLOCKS, codePoints.blocks);
  writer.section(GEMCUT_TOK_CODE_POINT_IDS, codePoints.ids);
  writer.section(GEMCUT_TOK_BYTE_IDS, v.byteIds);
  writer.section(GEMCUT_TOK_MERGE_SLOTS, v.mergeSlots.slots);
  writer.section(GEMCUT_TOK_MERGE_RESULTS, results);
  writer.section(GEMCUT_TOK_ASCII_PAIRS, pairs.ascii);
  writer.section(GEMCUT_TOK_PAIR_FILTER, pairs.filter);
  writer.section(GEMCUT_TOK_ADDED_FIRST, first);
  writer.section(GEMCUT_TOK_ADDED_IDS, v.added);
  return writer.finish();
}

int32_t gemcut::tokenizer::findPiece(ArrayRef<uint8_t> tables,
                                     StringRef piece) {
  const gemcut_tokenizer_header &header = headerOf(tables);
  auto words = [&](gemcut_tokenizer_section_kind kind) {
    return reinterpret_cast<const uint32_t *>(tables.data() +
                                              header.sections[kind].offset);
  };
  const uint32_t *offsets = words(GEMCUT_TOK_PIECE_OFFSETS);
  auto *bytes = reinterpret_cast<const char *>(words(GEMCUT_TOK_PIECE_BYTES));
  for (uint32_t id = 0; id < header.piece_count; ++id)
    if (piece == StringRef(bytes + offsets[id], offsets[id + 1] - offsets[id]))
      return static_cast<int32_t>(id);
  return -1;
}

int32_t gemcut::tokenizer::findRole(ArrayRef<uint8_t> tables,
                                    gemcut_token_role role) {
  return headerOf(tables).roles[role];
}
