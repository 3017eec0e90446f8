//===- tokenizer.h - Text to ids and back -----------------------*- C++ -*-===//
//
// The tokenizer over tables made when the model was compiled
// (runtime/abi/tokenizer_tables.h): byte-pair encoding with byte fallback over
// added tokens, equal to the `tokenizers` library on the model's
// tokenizer.json.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_TOKENIZER_H
#define GEMCUT_RUNTIME_TEXT_TOKENIZER_H

#include "runtime/abi/status.h"
#include "runtime/text/marked_text.h"
#include "runtime/text/table_view.h"

#include <string>
#include <vector>

namespace gemcut::text {

/// Holds pointers into the tables only: cheap to copy; all members are const
/// and may be called from several threads at once.
class Tokenizer {
public:
  Tokenizer() = default;

  /// Uses `tables` in place; they must stay mapped and be 8-byte aligned.
  /// Checks the header and the bounds of every section (constant time). Errors:
  /// GEMCUT_CORRUPT_ARTIFACT, with a sentence in `error` unless it is null.
  [[nodiscard]] static gemcut_status open(const uint8_t *tables, size_t length,
                                          Tokenizer *out, std::string *error);

  /// Appends the ids of `text` (below 4 GiB) to `ids`. With `parseSpecial`,
  /// added tokens such as <|turn> in the text become their ids; without it
  /// everything is ordinary text. Nothing is added in front: <bos> must be in
  /// the text. Bytes that are not valid UTF-8 become byte tokens. O(n log n).
  void encode(std::string_view text, bool parseSpecial,
              std::vector<int32_t> &ids) const;

  /// The same with added tokens, but control tokens (hidden ones, and those
  /// with a role in the chat format) are recognised only where all their bytes
  /// are trusted. What is not recognised is ordinary text, encoded together
  /// with the text around it: without such spellings the ids are those of the
  /// bytes.
  void encode(const MarkedText &text, std::vector<int32_t> &ids) const;

  /// The text of `count` ids: U+2581 becomes a space; a run of byte tokens is
  /// decoded as UTF-8, and if it is not valid as a whole, gives one U+FFFD per
  /// byte. Control tokens are left out unless `showSpecial`; ids outside the
  /// vocabulary have no text.
  std::string decode(const int32_t *ids, size_t count, bool showSpecial) const;
  std::string decode(const std::vector<int32_t> &ids, bool showSpecial) const {
    return decode(ids.data(), ids.size(), showSpecial);
  }

  /// The id of the piece with exactly these bytes, or -1.
  int32_t find(std::string_view piece) const {
    return static_cast<int32_t>(view.findPiece(piece));
  }
  /// The id of a token of the chat format, or -1.
  int32_t role(gemcut_token_role role) const {
    return view.header->roles[role];
  }
  /// The piece's bytes as stored (U+2581 for a space, <0x41> for a byte); empty
  /// outside the vocabulary.
  std::string_view piece(int32_t id) const {
    return view.piece(static_cast<uint32_t>(id));
  }
  /// True for added tokens that are hidden when text is shown.
  bool isControl(int32_t id) const {
    return hasPiece(id) &&
           view.kind(static_cast<uint32_t>(id)) == GEMCUT_PIECE_CONTROL;
  }
  /// The value of a byte token, or -1.
  int byteValue(int32_t id) const;
  /// Appends the piece's text with U+2581 as a space. Not for byte tokens.
  void appendPiece(int32_t id, std::string &out) const;

  /// Rows of the model's embedding.
  int32_t vocabSize() const {
    return static_cast<int32_t>(view.header->vocab_size);
  }
  /// Ids that have a piece: 0 .. pieceCount() - 1.
  int32_t pieceCount() const {
    return static_cast<int32_t>(view.header->piece_count);
  }

private:
  bool hasPiece(int32_t id) const {
    return static_cast<uint32_t>(id) < view.header->piece_count;
  }

  TableView view;
};

/// Decodes ids as they are generated and emits whole characters only.
///
/// Concatenated, the output equals Tokenizer::decode wherever byte tokens form
/// valid UTF-8. Elsewhere each bad byte gives one U+FFFD, but characters before
/// it in the same run, already emitted, are kept.
class StreamDecoder {
public:
  StreamDecoder(const Tokenizer &tokenizer, bool showSpecial)
      : tokenizer(&tokenizer), showSpecial(showSpecial) {}

  /// Appends the text that `id` completes to `out`.
  void feed(int32_t id, std::string &out);
  /// Appends a U+FFFD for each byte still waiting.
  void flush(std::string &out);

private:
  void feedByte(uint8_t byte, std::string &out);

  const Tokenizer *tokenizer;
  bool showSpecial;
  char pending[4] = {};
  size_t pendingCount = 0;
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_TOKENIZER_H
