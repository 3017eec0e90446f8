//===- chat.cpp - Conversations in the terminal ---------------------------===//

#include "runtime/text/chat.h"
#include "runtime/cli/app.h"
#include "runtime/cli/text.h"
#include "runtime/core/error.h"
#include "runtime/text/thought_filter.h"

#include <algorithm>
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
  bool think = false, showStats = false;
};

/// Prints an answer to stdout and its thoughts to stderr, as they come.
class AnswerPrinter {
public:
  AnswerPrinter(const text::Tokenizer &tokenizer, bool showThoughts)
      : filter(tokenizer), showThoughts(showThoughts) {}

  /// False once stdout is closed.
  bool print(int32_t id);
  void finish();

private:
  bool flush();

  text::ThoughtFilter filter;
  bool showThoughts, isAtLineStart = true, isThoughtOpen = false;
  std::string content, thought;
};

class Chat {
public:
  Chat(const CommonOptions &common, const ChatOptions &options)
      : common(common), options(options) {}

  gemcut_status open();
  /// Runs one turn and prints the answer.
  gemcut_status answer(const std::string &prompt);
  /// Reads turns from stdin until it ends.
  gemcut_status converse();

private:
  static bool onToken(void *context, int32_t id);
  /// Forgets all turns.
  void clear();
  /// Takes the slot back to what the conversation's rendering has in common
  /// with it, and returns the ids that follow.
  gemcut_status prepare(std::vector<int32_t> &rest);
  /// What to do with a line that begins with a slash.
  enum class Action { Continue, Exit };
  Action runCommand(const std::string &line);

  const CommonOptions &common;
  const ChatOptions &options;
  App app;
  text::Tokenizer tokenizer;
  text::Conversation conversation;
  AnswerPrinter *printer = nullptr;
  std::vector<int32_t> answerIds;
};

} // namespace

bool AnswerPrinter::flush() {
  if (showThoughts && !thought.empty()) {
    isThoughtOpen = true;
    fwrite(thought.data(), 1, thought.size(), stderr);
  }
  thought.clear();
  if (content.empty())
    return true;
  if (isThoughtOpen)
    fprintf(stderr, "\n");
  isThoughtOpen = false;
  isAtLineStart = content.back() == '\n';
  bool isWritten =
      fwrite(content.data(), 1, content.size(), stdout) == content.size() &&
      fflush(stdout) == 0;
  content.clear();
  return isWritten;
}

bool AnswerPrinter::print(int32_t id) {
  filter.feed(id, content, thought);
  return flush();
}

void AnswerPrinter::finish() {
  filter.finish(content, thought);
  for (const std::string &call : filter.toolCalls())
    content += call + "\n";
  flush();
  if (isThoughtOpen)
    fprintf(stderr, "\n");
  if (!isAtLineStart)
    printf("\n");
  fflush(stdout);
}

gemcut_status Chat::open() {
  if (gemcut_status status = app.openSession(common))
    return status;
  if (gemcut_status status = app.openSampler(common))
    return status;
  if (gemcut_status status = openTokenizer(app.artifact, tokenizer))
    return status;
  const gemcut_special_ids &special = gemcut_model.special;
  if (special.bos < 0 || special.turn_open < 0 || special.turn_close < 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the vocabulary lacks <bos>, <|turn> and <turn|> (or "
                "<start_of_turn> and <end_of_turn>), so this model cannot hold "
                "a conversation; use the command generate");
  if (options.think && special.think < 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "--think: the vocabulary lacks <|think|>, so this model does "
                "not think on demand");
  clear();
  return GEMCUT_OK;
}

void Chat::clear() {
  conversation.messages.clear();
  if (options.system)
    conversation.messages.push_back(
        text::makeMessage("system", options.system));
}

bool Chat::onToken(void *context, int32_t id) {
  auto *chat = static_cast<Chat *>(context);
  chat->answerIds.push_back(id);
  return chat->printer->print(id) && !wasInterrupted;
}

gemcut_status Chat::prepare(std::vector<int32_t> &rest) {
  text::RenderOptions rendering;
  rendering.syntax =
      text::findTurnSyntax(tokenizer.piece(gemcut_model.special.turn_open));
  rendering.enableThinking = options.think;
  rendering.largeTemplate = gemcut_model.chat_large_template != 0;
  std::vector<int32_t> ids;
  tokenizer.encode(text::renderChat(conversation, rendering),
                   /*parseSpecial=*/true, ids);
  const int32_t *held = app.session.getTokens(/*slot=*/0);
  size_t most = std::min(app.session.getTokenCount(/*slot=*/0), ids.size() - 1);
  size_t same = 0;
  while (same < most && held[same] == ids[same])
    ++same;
  if (!app.session.canRewind(/*slot=*/0, same))
    same = 0;
  rest.assign(ids.begin() + long(same), ids.end());
  return app.session.rewind(/*slot=*/0, same);
}

gemcut_status Chat::answer(const std::string &prompt) {
  conversation.messages.push_back(text::makeMessage("user", prompt));
  std::vector<int32_t> rest;
  gemcut_status status = prepare(rest);
  AnswerPrinter output(tokenizer, options.think);
  printer = &output;
  answerIds.clear();
  GenerateStats stats;
  if (!status)
    status = generate(app.session, app.sampler, /*slot=*/0, rest.data(),
                      rest.size(), common.generation, onToken, this, stats);
  output.finish();
  if (status) {
    conversation.messages.pop_back();
    return status;
  }
  // The template takes the thoughts out.
  conversation.messages.push_back(text::makeMessage(
      "assistant", tokenizer.decode(answerIds, /*showSpecial=*/true)));
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
    clear();
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
  common.addLimitFlag(flags);
  flags.add(
      options.showStats, "stats", 0,
      "Prints times, speeds and the rows that each layer ran for to stderr.");
  common.addSamplingFlags(flags);
  common.addSessionFlags(flags);
  common.addPrefillFlags(flags);
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);

  struct sigaction action = {};
  action.sa_handler =
      onInterrupt; // without SA_RESTART: reading a line ends too
  sigaction(SIGINT, &action, nullptr);
  Chat chat(common, options);
  if (gemcut_status status = chat.open())
    return finish(status);
  int code =
      finish(options.prompt ? chat.answer(options.prompt) : chat.converse());
  // In a terminal chat Ctrl-C only stops an answer.
  bool wasCut = wasInterrupted && (options.prompt || !isatty(STDIN_FILENO));
  return code == 0 && wasCut ? 130 : code;
}
