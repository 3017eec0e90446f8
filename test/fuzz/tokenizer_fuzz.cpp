//===- tokenizer_fuzz.cpp - tokenizer.json, its tables and texts ----------===//

#include "frontends/Tokenizer/TokenizerTables.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/utf8.h"

#include <cstdio>
#include <cstdlib>

using namespace gemcut;

namespace {

void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

/// An error must be one line that names the file.
void checkMessage(llvm::Error error) {
  std::string text = llvm::toString(std::move(error));
  require(llvm::StringRef(text).starts_with("t.json: "),
          "error names its file");
  require(!llvm::StringRef(text).contains('\n'), "error has one line");
  require(text.size() < 2048, "error is short");
}

/// The bytes that ids stand for, with U+2581 as a space.
std::string bytesOf(const text::Tokenizer &t, const std::vector<int32_t> &ids) {
  std::string out;
  for (int32_t id : ids) {
    int byte = t.byteValue(id);
    if (byte >= 0)
      out.push_back(static_cast<char>(byte));
    else
      t.appendPiece(id, out);
  }
  return out;
}

std::string withSpaces(std::string text) {
  for (size_t at; (at = text.find("\u2581")) != std::string::npos;)
    text.replace(at, 3, " ");
  return text;
}

/// Ids give the text back, whatever the tokenizer.
void encodeAndDecode(const text::Tokenizer &t, std::string_view text) {
  for (bool parseSpecial : {true, false}) {
    std::vector<int32_t> ids;
    t.encode(text, parseSpecial, ids);
    for (int32_t id : ids)
      require(id >= 0 && id < t.pieceCount(), "ids have pieces");
    require(withSpaces(bytesOf(t, ids)) == withSpaces(std::string(text)),
            "ids stand for the text");
    std::string streamed;
    text::StreamDecoder decoder(t, /*showSpecial=*/true);
    for (int32_t id : ids)
      decoder.feed(id, streamed);
    decoder.flush(streamed);
    if (text::isValidUtf8(text))
      require(streamed == t.decode(ids, /*showSpecial=*/true),
              "streaming decodes the same");
  }
}

} // namespace

/// The input is a tokenizer.json, and also the text to encode; an input that
/// begins with the tables' magic number is opened as tables.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  if (text.substr(0, 8) == GEMCUT_TOKENIZER_MAGIC) {
    // Copied: fuzzers do not align their inputs.
    std::vector<uint8_t> tables(data, data + size);
    text::Tokenizer t;
    std::vector<int32_t> ids;
    if (text::Tokenizer::open(tables.data(), tables.size(), &t, nullptr) ==
        GEMCUT_OK) {
      t.encode("a<|turn>bc  \u00e9\n\xFF" + std::string(100, 'a'), true, ids);
      t.decode(ids, true);
    }
    return 0;
  }
  if (auto names = tokenizer::readTokenNames({text.data(), size}, "t.json"))
    require(!names->contents[0].empty(), "every role has a name");
  else
    checkMessage(names.takeError());
  auto tables = tokenizer::compileTokenizerJson(
      {text.data(), size}, "t.json", 1 << 16, tokenizer::TokenNames());
  if (!tables) {
    checkMessage(tables.takeError());
    return 0;
  }
  text::Tokenizer t;
  std::string error;
  require(text::Tokenizer::open(tables->data(), tables->size(), &t, &error) ==
              GEMCUT_OK,
          "compiled tables open");
  encodeAndDecode(t, text);
  encodeAndDecode(t, std::string(100, 'a') + "abc  abc <|turn>\n\n\u00e9\xFF");
  return 0;
}
