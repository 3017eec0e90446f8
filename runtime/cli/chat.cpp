//===- chat.cpp - Conversations in the terminal ---------------------------===//

#include "runtime/cli/answer_printer.h"
#include "runtime/cli/app.h"
#include "runtime/cli/constraint.h"
#include "runtime/cli/conversation_file.h"
#include "runtime/cli/line_editor.h"
#include "runtime/cli/text.h"
#include "runtime/core/clock.h"
#include "runtime/core/error.h"
#include "runtime/session/dialogue.h"
#include "runtime/text/python_text.h"

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
  bool think = false, showStats = false, allowControlTokens = false;
  bool withoutHistory = false;
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
  /// Runs a prompt but for its last step, in steps between which Ctrl-C is
  /// noticed; removes from `rest` what was run.
  gemcut_status readPrompt(std::vector<int32_t> &rest);
  gemcut_status runCommand(const std::string &line);
  gemcut_status restart();
  gemcut_status setSystem(const std::string &text);
  gemcut_status load(const std::string &path);
  void showStatistics() const;
  /// Reads a turn; false at the end of input.
  bool readTurn(std::string &turn);

  const CommonOptions &common;
  const ChatOptions &options;
  Constraint &constraint;
  App app;
  text::Tokenizer tokenizer;
  text::ChatTemplate chatTemplate;
  Dialogue dialogue;
  AnswerPrinter *printer = nullptr;
  std::vector<int32_t> answerIds;
  std::string system;
  bool hasSystem = false, isFinished = false;
  GenerateStats stats;
  LineEditor editor;
  bool hasTerminal = false, hasEditor = false;
};

/// A line that begins with a slash.
struct Command {
  const char *name, *argument, *help;
};

constexpr Command kCommands[] = {
    {"/system", "TEXT", "begins a new conversation with these instructions"},
    {"/reset", "", "forgets the conversation"},
    {"/save", "FILE", "writes the conversation to a file, as JSON"},
    {"/load", "FILE", "goes on with the conversation of a file"},
    {"/stats", "", "prints times and speeds of the last answer"},
    {"/image", "FILE", "not possible yet: this model takes text"},
    {"/audio", "FILE", "not possible yet: this model takes text"},
    {"/help", "", "prints this list"},
    {"/exit", "", "ends the program, as Ctrl-D does"},
};

} // namespace

gemcut_status Chat::open() {
  if (gemcut_status status = app.openSession(common))
    return status;
  if (gemcut_status status = app.openSampler(common))
    return status;
  if (gemcut_status status = openTokenizer(app.artifact, tokenizer))
    return status;
  if (gemcut_status status = openChatTemplate(app.artifact, chatTemplate))
    return status;
  dialogue.open(gemcut_model, tokenizer, chatTemplate, app.session);
  dialogue.allowControlTokens(options.allowControlTokens);
  if (gemcut_status status = app.openPrefix(common))
    return status;
  dialogue.setPrefix(app.prefix);
  hasSystem = options.system != nullptr;
  system = options.system ? options.system : "";
  hasTerminal = isatty(STDIN_FILENO);
  hasEditor = hasTerminal && LineEditor::isPossible();
  if (hasEditor && !options.withoutHistory)
    editor.openHistory(HistoryFile::findPath());
  if (gemcut_status status = restart())
    return status;
  return constraint.open(tokenizer, dialogue.thinks());
}

gemcut_status Chat::restart() {
  return dialogue.begin(hasSystem ? system.c_str() : nullptr, options.think);
}

bool Chat::onToken(void *context, int32_t id) {
  auto *chat = static_cast<Chat *>(context);
  chat->answerIds.push_back(id);
  return chat->printer->print(id) && !wasInterrupted;
}

gemcut_status Chat::readPrompt(std::vector<int32_t> &rest) {
  Session &session = app.session;
  size_t done = 0;
  size_t step = size_t(common.session.fullPrefill ? session.getScoreChunk()
                                                  : session.getPrefillChunk());
  // One that does not fit is refused as a whole.
  bool fits = session.getTokenCount(/*slot=*/0) + rest.size() <=
              size_t(session.getContext());
  for (; fits && rest.size() - done > step && !wasInterrupted; done += step)
    if (gemcut_status status = session.extend(/*slot=*/0, rest.data() + done,
                                              step, rest.size() - done - step))
      return status;
  rest.erase(rest.begin(), rest.begin() + long(done));
  return GEMCUT_OK;
}

gemcut_status Chat::answer(const std::string &prompt) {
  std::vector<int32_t> rest;
  gemcut_status status = dialogue.ask(prompt, rest);
  AnswerPrinter output(tokenizer, options.think);
  printer = &output;
  answerIds.clear();
  stats = {};
  GenerateOptions generation = common.generation;
  generation.filter = constraint.begin();
  double start = seconds();
  size_t promptTokens = rest.size();
  if (!status)
    status = readPrompt(rest);
  double readSeconds = seconds() - start;
  if (!status && wasInterrupted) {
    dialogue.withdraw();
    fprintf(stderr, "stopped before the answer began\n");
    return GEMCUT_OK;
  }
  if (!status)
    status = generate(app.session, app.sampler, /*slot=*/0, rest.data(),
                      rest.size(), generation, onToken, this, stats);
  stats.prefillSeconds += readSeconds;
  stats.promptTokens = promptTokens;
  output.finish();
  if (status) {
    dialogue.withdraw();
    return status;
  }
  dialogue.accept(answerIds);
  constraint.noteCut(stats.reason);
  if (stats.reason == StopReason::ContextFull)
    fprintf(stderr, "note: the context of %d tokens is full\n",
            app.session.getContext());
  if (options.showStats)
    printStats(stats, app.session);
  return GEMCUT_OK;
}

/// True of "/reset" and of its mistyped forms; "/etc/passwd is what?" is a
/// turn.
static bool looksLikeCommand(const std::string &line) {
  size_t end = std::min(line.find_first_of(" \t\n"), line.size());
  return end > 1 && line[0] == '/' &&
         line.find_first_not_of("abcdefghijklmnopqrstuvwxyz", 1) >= end;
}

/// The command of a line, and what stands behind it; null if there is none.
static const Command *findCommand(const std::string &line,
                                  std::string &argument) {
  size_t end = std::min(line.find_first_of(" \t\n"), line.size());
  argument = text::trim(std::string_view(line).substr(end));
  for (const Command &command : kCommands)
    if (line.compare(0, end, command.name) == 0)
      return &command;
  return nullptr;
}

static void printCommands() {
  for (const Command &command : kCommands)
    fprintf(stderr, "%-7s %-5s %s\n", command.name, command.argument,
            command.help);
  fprintf(stderr,
          "A space in front of a line that begins with a slash sends it as "
          "text.\n"
          "Ctrl-C        stops an answer; pressed again, ends the program\n"
          "Ctrl-J        begins another line of the same turn; pasted lines "
          "stay one turn\n");
}

gemcut_status Chat::setSystem(const std::string &text) {
  system = text;
  hasSystem = true;
  gemcut_status status = restart();
  if (!status)
    fprintf(stderr, "the conversation starts again\n");
  return status;
}

gemcut_status Chat::load(const std::string &path) {
  std::vector<text::Value> turns;
  if (gemcut_status status = loadConversation(path.c_str(), turns))
    return status;
  const text::Value *role = turns.empty() ? nullptr : turns[0].find("role");
  hasSystem = role && role->bytes() == "system";
  if (hasSystem)
    system = std::string(turns[0].find("content")->bytes());
  fprintf(stderr, "%zu messages\n", turns.size());
  dialogue.restore(std::move(turns));
  return GEMCUT_OK;
}

void Chat::showStatistics() const {
  if (stats.newTokens > 0)
    printStats(stats, app.session);
  fprintf(stderr, "%zu of %d positions of the context are used\n",
          app.session.getTokenCount(/*slot=*/0), app.session.getContext());
}

gemcut_status Chat::runCommand(const std::string &line) {
  std::string argument;
  const Command *command = findCommand(line, argument);
  if (!command) {
    std::string name = line.substr(0, line.find_first_of(" \t\n"));
    return fail(GEMCUT_INVALID_ARGUMENT,
                "there is no command %s; /help lists them, and a space in "
                "front sends it as text",
                name.c_str());
  }
  std::string_view name = command->name;
  if (command->argument[0] && argument.empty())
    return fail(GEMCUT_INVALID_ARGUMENT, "%s needs %s behind it", command->name,
                command->argument);
  if (!command->argument[0] && !argument.empty())
    return fail(GEMCUT_INVALID_ARGUMENT, "%s takes nothing behind it",
                command->name);
  if (name == "/image" || name == "/audio")
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s is not possible: this executable takes text only, the "
                "model's towers for images and audio are not compiled yet",
                command->name);
  if (name == "/system")
    return setSystem(argument);
  if (name == "/save")
    return saveConversation(argument.c_str(), gemcut_model.name,
                            dialogue.turns());
  if (name == "/load")
    return load(argument);
  if (name == "/stats")
    showStatistics();
  else if (name == "/help")
    printCommands();
  else if (name == "/exit")
    isFinished = true;
  if (name != "/reset")
    return GEMCUT_OK;
  fprintf(stderr, "the conversation starts again\n");
  return restart();
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

bool Chat::readTurn(std::string &turn) {
  if (hasEditor) {
    LineEditor::Result result = editor.read("> ", turn);
    if (result == LineEditor::Result::Interrupted) {
      if (turn.empty())
        fprintf(stderr, "Ctrl-D or /exit ends the program\n");
      turn.clear();
    }
    return result != LineEditor::Result::End;
  }
  if (hasTerminal) {
    fprintf(stderr, "> ");
    fflush(stderr);
  }
  return readLine(turn) && !wasInterrupted;
}

gemcut_status Chat::converse() {
  if (hasTerminal)
    fprintf(stderr, "%s (%s). /help lists the commands.\n", gemcut_model.name,
            gemcut_model.quantization);
  std::string turn;
  while (!isFinished) {
    wasInterrupted = 0;
    if (!readTurn(turn))
      break;
    if (turn.find_first_not_of(" \t\n") == std::string::npos)
      continue;
    gemcut_status status =
        looksLikeCommand(turn) ? runCommand(turn) : answer(turn);
    if (!hasTerminal && (status || wasInterrupted || ferror(stdout)))
      return status;
    if (status) {
      fprintf(stderr, "error: %s\n", gemcut_last_error());
      if (status == GEMCUT_CONTEXT_FULL)
        fprintf(stderr, "/reset starts a new conversation\n");
    }
  }
  if (hasTerminal && !hasEditor)
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
      "each line of standard input as a turn, until one of them fails. With "
      "-p it answers once. "
      "Answers go to standard output as they are generated. The line /help "
      "lists commands, /exit ends the conversation; in a terminal Ctrl-C stops "
      "an answer, and the keys are those of readline.");
  flags.group("Conversation");
  flags.add(options.prompt, "prompt", 'p', "TEXT", "Answers TEXT and ends.");
  flags.add(options.system, "system", 0, "TEXT",
            "Gives the model instructions for the whole conversation.");
  flags.add(options.think, "think", 0,
            "Lets the model think before it answers; its thoughts go to "
            "standard error.");
  flags.add(options.withoutHistory, "no-history", 0,
            "Neither reads nor writes the turns of earlier conversations, "
            "which the up key brings back; they are in "
            "~/.local/state/gemcut/history, or below XDG_STATE_HOME.");
  flags.add(options.allowControlTokens, "allow-control-tokens", 0,
            "Takes control tokens such as <turn|> in prompts for what they "
            "are. Otherwise they are ordinary text, which cannot end a turn.");
  common.addPrefixFlag(flags);
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
