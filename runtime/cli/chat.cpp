//===- chat.cpp - Conversations in the terminal ---------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/conversation.h"
#include "runtime/cli/text.h"
#include "runtime/core/error.h"

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
  gemcut_status prepare(std::vector<int32_t> &rest);
  /// What to do with a line that begins with a slash.
  enum class Action { Continue, Exit };
  Action runCommand(const std::string &line);

  const CommonOptions &common;
  const ChatOptions &options;
  App app;
  text::Tokenizer tokenizer;
  Conversation conversation;
  TextStream *stream = nullptr;
  std::vector<int32_t> answerIds;
  bool isThought = false;
};

} // namespace

gemcut_status Chat::open() {
  if (gemcut_status status = app.openSession(common))
    return status;
  if (gemcut_status status = app.openSampler(common))
    return status;
  if (gemcut_status status = openTokenizer(app.artifact, tokenizer))
    return status;
  return conversation.open(tokenizer, gemcut_model,
                           options.system ? options.system : "", options.think);
}

bool Chat::onToken(void *context, int32_t id) {
  auto *chat = static_cast<Chat *>(context);
  chat->answerIds.push_back(id);
  // A thought that nobody asked for is not shown.
  if (id == gemcut_model.special.channel_open)
    chat->isThought = true;
  bool isHidden = chat->isThought && !chat->options.think;
  if (id == gemcut_model.special.channel_close)
    chat->isThought = false;
  return (isHidden || chat->stream->print(id)) && !wasInterrupted;
}

gemcut_status Chat::prepare(std::vector<int32_t> &rest) {
  std::vector<int32_t> ids = conversation.render();
  // What the slot holds already is not run again, as far as it is unchanged.
  const int32_t *held = app.session.getTokens(/*slot=*/0);
  size_t most = std::min(app.session.getTokenCount(/*slot=*/0), ids.size() - 1);
  size_t common = 0;
  while (common < most && held[common] == ids[common])
    ++common;
  if (!app.session.canRewind(/*slot=*/0, common))
    common = 0;
  rest.assign(ids.begin() + long(common), ids.end());
  return app.session.rewind(/*slot=*/0, common);
}

gemcut_status Chat::answer(const std::string &prompt) {
  conversation.addUser(prompt);
  std::vector<int32_t> rest;
  gemcut_status status = prepare(rest);
  TextStream output(tokenizer, /*showSpecial=*/options.think);
  stream = &output;
  answerIds.clear();
  isThought = false;
  GenerateStats stats;
  if (!status)
    status = generate(app.session, app.sampler, /*slot=*/0, rest.data(),
                      rest.size(), common.generation, onToken, this, stats);
  output.finish();
  if (status) {
    conversation.removeLast();
    return status;
  }
  if (!output.isAtLineStart() || answerIds.empty())
    printf("\n");
  fflush(stdout);
  conversation.addModel(answerIds);
  if (stats.reason == StopReason::ContextFull)
    fprintf(stderr, "note: the context of %d tokens is full\n",
            app.session.getContext());
  if (options.showStats)
    printStats(stats);
  return GEMCUT_OK;
}

Chat::Action Chat::runCommand(const std::string &line) {
  if (line == "/exit")
    return Action::Exit;
  if (line == "/reset") {
    conversation.clear();
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
    if (line[0] == '/') {
      if (runCommand(line) == Action::Exit)
        break;
      continue;
    }
    if ((last = answer(line))) {
      if (!isTerminal)
        return last;
      fprintf(stderr, "error: %s\n", gemcut_last_error());
      if (last == GEMCUT_CONTEXT_FULL)
        fprintf(stderr, "/reset starts a new conversation\n");
    }
  }
  if (isTerminal)
    fprintf(stderr, "\n");
  return GEMCUT_OK;
}

int cli::runChat(int argc, char **argv) {
  CommonOptions common;
  ChatOptions options;
  Flags flags(
      "[-p TEXT] [--system TEXT] [--think] [flags]",
      "Holds a conversation: in a terminal after a prompt, otherwise with "
      "each line of standard input as a turn. With -p it answers once. "
      "Answers go to standard output as they are generated.");
  flags.group("Conversation");
  flags.add(options.prompt, "prompt", 'p', "TEXT", "Answers TEXT and ends.");
  flags.add(options.system, "system", 0, "TEXT",
            "Gives the model instructions for the whole conversation.");
  flags.add(options.think, "think", 0,
            "Lets the model think first, and shows its thoughts and control "
            "tokens.");
  common.addLimitFlag(flags);
  flags.add(options.showStats, "stats", 0,
            "Prints times and speeds to stderr.");
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
  return finish(options.prompt ? chat.answer(options.prompt) : chat.converse());
}
