//===- chat.cpp - Conversations in the terminal ---------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/constraint.h"
#include "runtime/cli/text.h"
#include "runtime/core/error.h"
#include "runtime/session/dialogue.h"
#include "runtime/text/output_parser.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::cli;

/// Set by Ctrl-C while an answer is generated.
static volatile sig_atomic_t wasInterrupted;

static void onInterrupt(int) {
  if (wasInterrupted)
    _exit(130); // as shells report a program ended by SIGINT
  wasInterrupted = 1;
}

namespace {

struct ChatOptions {
  const char *prompt = nullptr, *system = nullptr;
  bool think = false, showStats = false, allowControlTokens = false;
};

/// Prints an answer to stdout and its thoughts to stderr, as they come.
class AnswerPrinter final : text::OutputSink {
public:
  AnswerPrinter(const text::Tokenizer &tokenizer, bool showThoughts)
      : parser(tokenizer), showThoughts(showThoughts) {}

  /// False once stdout is closed.
  bool print(int32_t id);
  void finish();

private:
  void onThought(std::string_view text) override;
  void onContent(std::string_view text) override;
  void onToolCall(std::string_view name, std::string_view arguments,
                  std::string_view written) override;
  void startLine();

  text::OutputParser parser;
  bool showThoughts, isAtLineStart = true, isThoughtOpen = false;
  bool isWritten = true;
};

class Chat {
public:
  Chat(const CommonOptions &common, const ChatOptions &options,
       Constraint &constraint)
      : common(common), options(options), constraint(constraint) {}

  gemcut_status open();
  /// Runs one turn and prints the answer.
  gemcut_status answer(const std::string &prompt);
  /// Reads turns from stdin until it ends.
  gemcut_status converse();

private:
  static bool onToken(void *context, int32_t id);
  /// What to do with a line that begins with a slash.
  enum class Action { Continue, Exit };
  Action runCommand(const std::string &line);

  const CommonOptions &common;
  const ChatOptions &options;
  Constraint &constraint;
  App app;
  text::Tokenizer tokenizer;
  text::ChatTemplate chatTemplate;
  Dialogue dialogue;
  AnswerPrinter *printer = nullptr;
  std::vector<int32_t> answerIds;
};

} // namespace

void AnswerPrinter::onThought(std::string_view text) {
  if (!showThoughts)
    return;
  isThoughtOpen = true;
  fwrite(text.data(), 1, text.size(), stderr);
}

void AnswerPrinter::onContent(std::string_view text) {
  if (isThoughtOpen)
    fprintf(stderr, "\n");
  isThoughtOpen = false;
  isAtLineStart = text.back() == '\n';
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
  if (isThoughtOpen)
    fprintf(stderr, "\n");
  startLine();
  fflush(stdout);
}

gemcut_status Chat::open() {
  if (gemcut_status status = app.openSession(common))
    return status;
  if (gemcut_status status = app.openSampler(common))
    return status;
  if (gemcut_status status = openTokenizer(app.artifact, tokenizer))
    return status;
  if (gemcut_status status = constraint.open(tokenizer, options.think))
    return status;
  if (gemcut_status status = openChatTemplate(app.artifact, chatTemplate))
    return status;
  dialogue.open(gemcut_model, tokenizer, chatTemplate, app.session);
  dialogue.allowControlTokens(options.allowControlTokens);
  return dialogue.begin(options.system, options.think);
}

bool Chat::onToken(void *context, int32_t id) {
  auto *chat = static_cast<Chat *>(context);
  chat->answerIds.push_back(id);
  return chat->printer->print(id) && !wasInterrupted;
}

gemcut_status Chat::answer(const std::string &prompt) {
  std::vector<int32_t> rest;
  gemcut_status status = dialogue.ask(prompt, rest);
  AnswerPrinter output(tokenizer, options.think);
  printer = &output;
  answerIds.clear();
  GenerateStats stats;
  GenerateOptions generation = common.generation;
  generation.filter = constraint.begin();
  if (!status)
    status = generate(app.session, app.sampler, /*slot=*/0, rest.data(),
                      rest.size(), generation, onToken, this, stats);
  output.finish();
  if (status) {
    dialogue.withdraw();
    return status;
  }
  dialogue.accept(answerIds);
  if (stats.reason == StopReason::ContextFull)
    fprintf(stderr, "note: the context of %d tokens is full\n",
            app.session.getContext());
  if (options.showStats)
    printStats(stats, app.session);
  return GEMCUT_OK;
}

static bool isCommand(const std::string &line) {
  return line == "/exit" || line == "/reset" || line == "/help";
}

Chat::Action Chat::runCommand(const std::string &line) {
  if (line == "/exit")
    return Action::Exit;
  if (line == "/reset") {
    // What could be refused was refused when the chat was opened.
    (void)dialogue.begin(options.system, options.think);
    fprintf(stderr, "the conversation starts again\n");
    return Action::Continue;
  }
  if (line != "/help")
    fprintf(stderr, "there is no command %s\n", line.c_str());
  fprintf(stderr, "/reset  forgets the conversation\n"
                  "/exit   ends the program, as Ctrl-D does\n"
                  "Ctrl-C  stops an answer; pressed again, ends the program\n");
  return Action::Continue;
}

/// Reads a line of any length, without its end. False at the end of input.
static bool readLine(std::string &line) {
  char *buffer = nullptr;
  size_t size = 0;
  ssize_t length = getline(&buffer, &size, stdin);
  if (length > 0)
    line.assign(buffer, size_t(length));
  free(buffer);
  while (length > 0 && !line.empty() &&
         (line.back() == '\n' || line.back() == '\r'))
    line.pop_back();
  return length > 0;
}

gemcut_status Chat::converse() {
  bool isTerminal = isatty(STDIN_FILENO);
  if (isTerminal)
    fprintf(stderr, "%s (%s). /help lists the commands.\n", gemcut_model.name,
            gemcut_model.quantization);
  std::string line;
  gemcut_status last = GEMCUT_OK;
  while (true) {
    if (isTerminal) {
      fprintf(stderr, "> ");
      fflush(stderr);
    }
    wasInterrupted = 0;
    if (!readLine(line) || wasInterrupted)
      break;
    if (line.find_first_not_of(" \t") == std::string::npos)
      continue;
    // In a pipe "/etc/passwd is what?" is a turn; at a prompt it is a slip.
    if (isTerminal ? line[0] == '/' : isCommand(line)) {
      if (runCommand(line) == Action::Exit)
        break;
      continue;
    }
    last = answer(line);
    if (!isTerminal && (last || wasInterrupted || ferror(stdout)))
      return last;
    if (last) {
      fprintf(stderr, "error: %s\n", gemcut_last_error());
      if (last == GEMCUT_CONTEXT_FULL)
        fprintf(stderr, "/reset starts a new conversation\n");
    }
  }
  if (isTerminal)
    fprintf(stderr, "\n");
  if (ferror(stdin) && !wasInterrupted)
    return fail(GEMCUT_SYSTEM_ERROR, "standard input cannot be read");
  return GEMCUT_OK;
}

int cli::runChat(int argc, char **argv) {
  CommonOptions common;
  ChatOptions options;
  Flags flags(
      "[-p TEXT] [--system TEXT] [--think] [flags]",
      "Holds a conversation: in a terminal after a prompt, otherwise with "
      "each line of standard input as a turn. With -p it answers once. "
      "Answers go to standard output as they are generated. The line /reset "
      "forgets the conversation, /exit ends it; in a terminal Ctrl-C stops an "
      "answer.");
  flags.group("Conversation");
  flags.add(options.prompt, "prompt", 'p', "TEXT", "Answers TEXT and ends.");
  flags.add(options.system, "system", 0, "TEXT",
            "Gives the model instructions for the whole conversation.");
  flags.add(options.think, "think", 0,
            "Lets the model think before it answers; its thoughts go to "
            "standard error.");
  flags.add(options.allowControlTokens, "allow-control-tokens", 0,
            "Takes control tokens such as <turn|> in prompts for what they "
            "are. Otherwise they are ordinary text, which cannot end a turn.");
  common.addLimitFlag(flags);
  flags.add(
      options.showStats, "stats", 0,
      "Prints times, speeds and the rows that each layer ran for to stderr.");
  common.addSamplingFlags(flags);
  Constraint constraint;
  constraint.addFlags(flags);
  common.addSessionFlags(flags);
  common.addPrefillFlags(flags);
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (constraint.isAmbiguous())
    return exitCode(
        flags.usage("--json-schema and --regex exclude each other"));

  struct sigaction action = {};
  action.sa_handler =
      onInterrupt; // without SA_RESTART: reading a line ends too
  sigaction(SIGINT, &action, nullptr);
  Chat chat(common, options, constraint);
  if (gemcut_status status = chat.open())
    return finish(status);
  int code =
      finish(options.prompt ? chat.answer(options.prompt) : chat.converse());
  // In a terminal chat Ctrl-C only stops an answer.
  bool wasCut = wasInterrupted && (options.prompt || !isatty(STDIN_FILENO));
  return code == 0 && wasCut ? 130 : code;
}
