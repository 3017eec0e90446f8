//===- text.h - Text in and out of the commands -----------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_TEXT_H
#define GEMCUT_RUNTIME_CLI_TEXT_H

#include "runtime/core/artifact.h"
#include "runtime/session/generate.h"
#include "runtime/text/tokenizer.h"

#include <string>
#include <vector>

namespace gemcut::cli {

/// Opens the tokenizer of the artifact, in place.
/// GEMCUT_INVALID_ARGUMENT: the model was compiled without one.
[[nodiscard]] gemcut_status openTokenizer(const Artifact &artifact,
                                          text::Tokenizer &tokenizer);

/// Prints generated tokens as text, each piece as soon as it is whole.
class TextStream {
public:
  TextStream(const text::Tokenizer &tokenizer, bool showSpecial)
      : decoder(tokenizer, showSpecial) {}

  /// False once stdout is closed.
  bool print(int32_t id);
  /// Prints what waits for more bytes.
  void finish();
  /// Whether the last byte printed was a line end.
  bool isAtLineStart() const { return atLineStart; }

private:
  bool flush();

  text::StreamDecoder decoder;
  std::string piece;
  bool atLineStart = true;
};

/// Prints one line of times and speeds to stderr.
void printStats(const GenerateStats &stats, const Session &session);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_TEXT_H
