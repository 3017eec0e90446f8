//===- TokenizerJson.h - Reading tokenizer.json -----------------*- C++ -*-===//
//
// Reads the file in one pass without a tree of its half a million merges, and
// rejects every setting that the compiled tokenizer would not follow.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERJSON_H
#define GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERJSON_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gemcut::tokenizer {

/// Many short strings in one buffer.
class StringPool {
public:
  size_t size() const { return ends.size(); }
  llvm::StringRef operator[](size_t i) const {
    size_t begin = i == 0 ? 0 : ends[i - 1];
    return llvm::StringRef(bytes).substr(begin, ends[i] - begin);
  }
  void push(llvm::StringRef text) {
    bytes.append(text.data(), text.size());
    ends.push_back(bytes.size());
  }

private:
  std::string bytes;
  std::vector<size_t> ends;
};

struct AddedToken {
  int64_t id = -1;
  std::string content;
  bool special = false;
};

/// What the file says, before pieces and merges are related to each other.
struct TokenizerJson {
  StringPool pieces; // model.vocab, in file order
  std::vector<int64_t> pieceIds;
  StringPool merges;                // left and right part, joined
  std::vector<uint32_t> leftLength; // bytes of the left part
  std::vector<AddedToken> added;
};

/// Text of a file for a message: in quotes, control characters escaped, cut after
/// 80 bytes.
std::string showText(llvm::StringRef text);

/// Parses `json` and checks normalizer, pre-tokenizer, post-processor, decoder
/// and model settings. Truncation and padding are ignored: they do not change
/// ids. Errors: malformed JSON (with the byte), a repeated key, a wrong type, a
/// setting outside those listed in the message, counts or depth out of bounds.
llvm::Expected<TokenizerJson> parseTokenizerJson(llvm::StringRef json,
                                                 llvm::StringRef fileName);

} // namespace gemcut::tokenizer

#endif // GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERJSON_H
