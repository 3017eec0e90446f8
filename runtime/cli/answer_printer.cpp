//===- answer_printer.cpp - Answers in the terminal -----------------------===//

#include "runtime/cli/answer_printer.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::cli;

AnswerPrinter::AnswerPrinter(const text::Tokenizer &tokenizer,
                             bool showThoughts)
    : parser(tokenizer), showThoughts(showThoughts) {
  const char *noColor = getenv("NO_COLOR");
  isDimmed = isatty(STDERR_FILENO) && !(noColor && noColor[0]);
}

void AnswerPrinter::onThought(std::string_view text) {
  if (!showThoughts)
    return;
  if (!isThoughtOpen && isDimmed)
    fputs("\x1b[2m", stderr);
  isThoughtOpen = true;
  fwrite(text.data(), 1, text.size(), stderr);
}

void AnswerPrinter::endThought() {
  if (isThoughtOpen)
    fputs(isDimmed ? "\x1b[0m\n" : "\n", stderr);
  isThoughtOpen = false;
}

void AnswerPrinter::onContent(std::string_view text) {
  endThought();
  isAtLineStart = text.back() == '\n';
  // Not through stdio, which loses what Ctrl-C interrupts.
  while (!text.empty()) {
    ssize_t count = write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno != EINTR)
      break;
    if (count > 0)
      text.remove_prefix(size_t(count));
  }
  // For a rest the error is kept in stdout, where main() looks for it.
  isWritten &= fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
               fflush(stdout) == 0;
}

void AnswerPrinter::onToolCall(std::string_view name,
                               std::string_view arguments,
                               std::string_view written) {
  startLine();
  onContent(std::string(written) + "\n");
}

void AnswerPrinter::startLine() {
  if (!isAtLineStart)
    onContent("\n");
}

bool AnswerPrinter::print(int32_t id) {
  parser.feed(id, *this);
  return isWritten;
}

void AnswerPrinter::finish() {
  parser.finish(*this);
  endThought();
  startLine();
  fflush(stdout);
}
