//===- answer_printer.h - Answers in the terminal ---------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_ANSWER_PRINTER_H
#define GEMCUT_RUNTIME_CLI_ANSWER_PRINTER_H

#include "runtime/text/output_parser.h"

namespace gemcut::cli {

/// Prints an answer to stdout and its thoughts to stderr, as they come; in a
/// terminal thoughts are dimmed, unless the variable NO_COLOR is set.
class AnswerPrinter final : text::OutputSink {
public:
  AnswerPrinter(const text::Tokenizer &tokenizer, bool showThoughts);

  /// False once stdout is closed.
  bool print(int32_t id);
  void finish();

private:
  void onThought(std::string_view text) override;
  void onContent(std::string_view text) override;
  void onToolCall(std::string_view name, std::string_view arguments,
                  std::string_view written) override;
  void endThought();
  void startLine();

  text::OutputParser parser;
  bool showThoughts, isDimmed;
  bool isAtLineStart = true, isThoughtOpen = false, isWritten = true;
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_ANSWER_PRINTER_H
