//===- Vocabulary.cpp - Pieces and merges, by id --------------------------===//

#include "frontends/Tokenizer/Vocabulary.h"
#include "runtime/abi/tokenizer_tables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace gemcut::tokenizer;

namespace {

constexpr uint32_t kNone = GEMCUT_TOKENIZER_NONE;

/// Puts `value` into the first empty slot from its bucket on.
template <typename T>
void insert(HashSlots<T> &table, uint32_t hash, T value, T empty) {
  size_t slot = gemcut_tokenizer_bucket(hash, table.buckets);
  while (table.slots[slot] != empty)
    if (++slot == table.slots.size())
      table.slots.push_back(empty);
  table.slots[slot] = value;
}

template <typename T> void reset(HashSlots<T> &table, size_t buckets, T empty) {
  table.buckets = static_cast<uint32_t>(buckets);
  table.slots.assign(buckets + 1, empty);
}

/// The last slot stays empty: it ends every search.
template <typename T> void finish(HashSlots<T> &table, T empty) {
  if (table.slots.back() != empty)
    table.slots.push_back(empty);
}

uint32_t hashPiece(StringRef piece) {
  return gemcut_tokenizer_hash_bytes(piece.data(),
                                     static_cast<uint32_t>(piece.size()));
}

class Builder {
public:
  Builder(const TokenizerJson &file, StringRef fileName, int64_t vocabSize)
      : file(file), fileName(fileName), vocabSize(vocabSize) {}

  Expected<Vocabulary> build() {
    if (Error error = placePieces())
      return std::move(error);
    if (Error error = placeAdded())
      return std::move(error);
    if (Error error = checkDense())
      return std::move(error);
    if (Error error = findBytes())
      return std::move(error);
    if (Error error = placeMerges())
      return std::move(error);
    return std::move(result);
  }

private:
  Error fail(const Twine &what) {
    return createStringError(fileName + ": " + what);
  }

  Error checkRange(int64_t id, StringRef piece) {
    if (id >= 0 && id < vocabSize && id < GEMCUT_TOKENIZER_MAX_PIECES)
      return Error::success();
    return fail(
        "piece " + showText(piece) + " has id " + Twine(id) +
        ", expected 0 to " +
        Twine(std::min<int64_t>(vocabSize, GEMCUT_TOKENIZER_MAX_PIECES) - 1) +
        " (the model's vocabulary)");
  }

  Error place(int64_t id, StringRef piece) {
    if (Error error = checkRange(id, piece))
      return error;
    size_t index = static_cast<size_t>(id);
    if (index >= result.pieces.size()) {
      result.pieces.resize(index + 1);
      result.flags.resize(index + 1, GEMCUT_PIECE_NORMAL);
    }
    if (!result.pieces[index].empty())
      return fail("id " + Twine(id) + " belongs to both " +
                  showText(result.pieces[index]) + " and " + showText(piece));
    result.pieces[index] = piece;
    ++placed;
    return Error::success();
  }

  Error placePieces() {
    size_t count = file.pieceIds.size();
    size_t total = count + file.added.size();
    reset(result.pieceSlots, total + total / 2, kNone);
    for (size_t i = 0; i < count; ++i) {
      StringRef piece = file.pieces[i];
      if (Error error = place(file.pieceIds[i], piece))
        return error;
      if (result.find(piece) != kNone)
        return fail("piece " + showText(piece) +
                    " occurs twice in model.vocab");
      insert(result.pieceSlots, hashPiece(piece),
             static_cast<uint32_t>(file.pieceIds[i]), kNone);
    }
    return Error::success();
  }

  Error placeAdded() {
    for (const AddedToken &token : file.added) {
      uint32_t known = result.find(token.content);
      if (known != kNone && known != token.id)
        return fail("added token " + showText(token.content) + " has id " +
                    Twine(token.id) + ", but the vocabulary gives it id " +
                    Twine(known));
      if (known == kNone && token.special && token.id >= vocabSize) {
        result.beyond.push_back(token.content);
        continue;
      }
      if (known == kNone) {
        if (Error error = place(token.id, token.content))
          return error;
        known = static_cast<uint32_t>(token.id);
        insert(result.pieceSlots, hashPiece(token.content), known, kNone);
      }
      if (result.flags[known] != GEMCUT_PIECE_NORMAL)
        return fail("added token " + showText(token.content) + " occurs twice");
      result.flags[known] =
          token.special ? GEMCUT_PIECE_CONTROL : GEMCUT_PIECE_ADDED;
      result.added.push_back(known);
    }
    llvm::sort(result.added, [&](uint32_t a, uint32_t b) {
      return result.pieces[a] < result.pieces[b];
    });
    finish(result.pieceSlots, kNone);
    return Error::success();
  }

  Error checkDense() {
    if (placed == result.pieces.size())
      return Error::success();
    size_t gap = llvm::find_if(result.pieces,
                               [](StringRef piece) { return piece.empty(); }) -
                 result.pieces.begin();
    return fail("no piece has id " + Twine(gap) +
                ", expected ids without gaps up to " +
                Twine(result.pieces.size() - 1));
  }

  Error findBytes() {
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::string name;
      raw_string_ostream(name) << format("<0x%02X>", byte);
      uint32_t id = result.find(name);
      if (id == kNone)
        return fail("the byte piece " + name +
                    " is missing, expected all of <0x00> to <0xFF>");
      if (result.flags[id] != GEMCUT_PIECE_NORMAL)
        return fail("the byte piece " + name + " is also an added token");
      result.flags[id] = GEMCUT_PIECE_BYTE;
      result.byteIds.push_back(id);
    }
    return Error::success();
  }

  Error placeMerges() {
    size_t count = file.leftLength.size();
    reset(result.mergeSlots, count + count * 2 / 3 + 1,
          GEMCUT_TOKENIZER_EMPTY_MERGE);
    result.merges.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      StringRef joined = file.merges[i];
      StringRef texts[] = {joined.take_front(file.leftLength[i]),
                           joined.drop_front(file.leftLength[i]), joined};
      uint32_t ids[3];
      for (auto [id, text] : llvm::zip_equal(ids, texts)) {
        id = result.find(text);
        if (id == kNone)
          return fail("merge " + Twine(i) + " of " + showText(texts[0]) +
                      " and " + showText(texts[1]) + " needs the piece " +
                      showText(text) + ", which model.vocab does not have");
        // Byte pieces stand for bytes of unknown characters: the split rules
        // (tokenizer_tables.h) rely on their never merging.
        if (result.flags[id] == GEMCUT_PIECE_BYTE)
          return fail("merge " + Twine(i) + " involves the byte piece " +
                      showText(text) +
                      ", only merges of other pieces are supported");
      }
      // Otherwise ordinary text could become a control token. Those that are
      // shown are ordinary pieces too: Gemma 3 adds runs of spaces, which
      // spaces merge into.
      if (result.flags[ids[2]] == GEMCUT_PIECE_CONTROL)
        return fail("merge " + Twine(i) + " gives the special token " +
                    showText(joined) + ", only other pieces are supported");
      if (result.rank(ids[0], ids[1]) != kNone)
        return fail("the merge of " + showText(texts[0]) + " and " +
                    showText(texts[1]) + " occurs twice");
      uint64_t entry = uint64_t(ids[0]) << 44 | uint64_t(ids[1]) << 24 | i;
      insert(result.mergeSlots, gemcut_tokenizer_hash_pair(ids[0], ids[1]),
             entry, GEMCUT_TOKENIZER_EMPTY_MERGE);
      result.merges.push_back({ids[0], ids[1], ids[2]});
    }
    finish(result.mergeSlots, GEMCUT_TOKENIZER_EMPTY_MERGE);
    return Error::success();
  }

  const TokenizerJson &file;
  StringRef fileName;
  int64_t vocabSize;
  Vocabulary result;
  size_t placed = 0;
};

} // namespace

uint32_t Vocabulary::find(StringRef piece) const {
  size_t slot = gemcut_tokenizer_bucket(hashPiece(piece), pieceSlots.buckets);
  for (; slot < pieceSlots.slots.size(); ++slot) {
    uint32_t id = pieceSlots.slots[slot];
    if (id == kNone || pieces[id] == piece)
      return id;
  }
  return kNone;
}

uint32_t Vocabulary::rank(uint32_t left, uint32_t right) const {
  size_t slot = gemcut_tokenizer_bucket(gemcut_tokenizer_hash_pair(left, right),
                                        mergeSlots.buckets);
  uint64_t key = uint64_t(left) << 20 | right;
  for (; slot < mergeSlots.slots.size(); ++slot) {
    uint64_t entry = mergeSlots.slots[slot];
    if (entry == GEMCUT_TOKENIZER_EMPTY_MERGE)
      return kNone;
    if (entry >> 24 == key)
      return static_cast<uint32_t>(entry & 0xFFFFFF);
  }
  return kNone;
}

Expected<Vocabulary>
gemcut::tokenizer::buildVocabulary(const TokenizerJson &file,
                                   StringRef fileName, int64_t vocabSize) {
  return Builder(file, fileName, vocabSize).build();
}
