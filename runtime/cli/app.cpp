//===- app.cpp - What the commands share ----------------------------------===//

#include "runtime/cli/app.h"

#include "runtime/cli/machine.h"
#include "runtime/cli/similar_name.h"
#include "runtime/core/clock.h"
#include "runtime/core/error.h"
#include "runtime/session/session_file.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <pthread.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::cli;

double gemcut::cli::startSeconds;

CommonOptions::CommonOptions() : sampling(getDefaultSampling(gemcut_model)) {
  session.level = getenv("GEMCUT_LEVEL");
  if (session.level && !session.level[0])
    session.level = nullptr;
  // Without entropy every run would give the same answer; the clock then
  // differs.
  if (getrandom(&sampling.seed, sizeof(sampling.seed), GRND_NONBLOCK) < 0)
    sampling.seed = uint64_t(seconds() * 1e9);
}

void CommonOptions::addSessionFlags(Flags &flags, const char **threadList) {
  flags.group("Machine");
  const char *shown =
      "one per physical core that this process may use, see info";
  if (threadList)
    flags.add(*threadList, "threads", 't', "LIST",
              "Runs that many threads, from 1 to 64.", shown);
  else
    flags.add(
        session.threads, "threads", 't', "N",
        "Runs N threads, from 1 to 64. More threads than cores are slower.", 1,
        kMaxThreads, shown);
  std::vector<const char *> levels, adapters;
  for (int32_t i = 0; i < gemcut_level_count; ++i)
    levels.push_back(gemcut_levels[i].name);
  flags.add(
      session.level, "level", 0, "NAME",
      "Runs the code of this ISA level, one of those that `info` lists; the "
      "environment variable GEMCUT_LEVEL does the same.",
      std::move(levels),
      session.level ? session.level : "the best one that this CPU has");
  for (int32_t i = 0; i < gemcut_model.adapter_count; ++i)
    adapters.push_back(gemcut_model.adapters[i]);
  flags.add(session.adapter, "lora", 0, "NAME",
            "Runs with this LoRA adapter, one of those that `info` lists.",
            std::move(adapters), "none");
  flags.add(session.context, "context", 0, "N",
            "Limits a conversation to N tokens, at most what was compiled in.",
            1, gemcut_model.context,
            std::to_string(gemcut_model.context).c_str());
  flags.add(tableMegabytes, "table-resident", 0, "MIB",
            "Keeps at most this many MiB mapped of tables of which a token "
            "reads one row; 0 removes the bound.",
            0, INT32_MAX);
  flags.add(
      session.slots, "slots", 0, "N",
      "Holds N sequences at once, at most what was compiled in. The commands "
      "of this program use one.",
      1, gemcut_model.slots);
}

void CommonOptions::addSamplingFlags(Flags &flags) {
  flags.group("Choice of tokens");
  flags.add(sampling.temperature, "temp", 0, "X",
            "Divides the logits by X before sampling; 0 always takes the most "
            "likely token.",
            0, 1e6);
  flags.add(sampling.topK, "top-k", 0, "N",
            "Samples from the N most likely tokens; 0 switches this off.", 0,
            INT32_MAX);
  flags.add(
      sampling.topP, "top-p", 0, "X",
      "Samples from the most likely tokens that together have probability "
      "X; 1 switches this off.",
      0x1p-126, 1);
  flags.add(sampling.minP, "min-p", 0, "X",
            "Samples from tokens at least X times as likely as the most likely "
            "one; 0 switches this off.",
            0, 1);
  flags.add(sampling.seed, "seed", 0, "N",
            "Starts the random numbers (PCG32) at N: equal seeds give equal "
            "answers.",
            "another one each time");
}

void CommonOptions::addLimitFlag(Flags &flags) {
  flags.add(generation.limit, "tokens", 'n', "N",
            "Generates at most N tokens per answer.", 0,
            "until the model stops or the context is full");
}

void CommonOptions::addPrefixFlag(Flags &flags) {
  flags.add(withoutPrefix, "no-baked-prefix", 0,
            "Leaves alone what `gemcut compile --bake-prefix` put into this "
            "file: prompts are run from their beginning, and conversations "
            "begin without it.");
}

void CommonOptions::addPrefillFlags(Flags &flags) {
  flags.group("For tests");
  flags.add(session.chunk, "chunk", 0, "N",
            "Runs the prompt in steps of at most N tokens.", 1, INT32_MAX,
            "what was compiled in");
  flags.add(session.fullPrefill, "full-prefill", 0,
            "Runs every layer for every token of the prompt, although only the "
            "last one's result is needed.");
}

/// Generated code runs on this thread too, whose stack grows up to a limit
/// that may have been lowered, and on threads that were given that limit.
static gemcut_status ensureStack() {
  constexpr rlim_t kNeeded = kStackBytes;
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kNeeded)
    return GEMCUT_OK;
  rlim_t given = limit.rlim_cur;
  limit.rlim_cur = std::min(limit.rlim_max, kNeeded);
  pthread_attr_t threads;
  pthread_attr_init(&threads);
  pthread_attr_setstacksize(&threads, kStackBytes);
  if (limit.rlim_cur == kNeeded && setrlimit(RLIMIT_STACK, &limit) == 0 &&
      pthread_setattr_default_np(&threads) == 0)
    return GEMCUT_OK;
  return fail(GEMCUT_OUT_OF_MEMORY,
              "the stack is limited to %llu KiB, but %llu are needed; raise "
              "the limit with ulimit -s",
              (unsigned long long)(given >> 10),
              (unsigned long long)(kNeeded >> 10));
}

gemcut_status App::openSession(const CommonOptions &options) {
  if (gemcut_status status = ensureStack())
    return status;
  if (gemcut_status status = artifact.openSelf(gemcut_model.sidecar_checksum))
    return status;
  const Section *weights = artifact.find(GEMCUT_SECTION_WEIGHTS);
  if (!weights)
    return fail(GEMCUT_CORRUPT_ARTIFACT, "the artifact has no weights");
  if (gemcut_status status =
          artifact.checkLength(*weights, gemcut_model.weight_bytes))
    return status;
  Program program = {&gemcut_model, gemcut_levels, gemcut_level_count,
                     weights->data, weights->length};
  SessionOptions sessionOptions = options.session;
  sessionOptions.tableBytes = uint64_t(options.tableMegabytes) << 20;
  return session.open(program, sessionOptions);
}

gemcut_status App::openSampler(const CommonOptions &options) {
  return sampler.open(gemcut_model, options.sampling, session.getSamplerWork());
}

gemcut_status App::openPrefix(const CommonOptions &options) {
  if (options.withoutPrefix)
    return GEMCUT_OK;
  const char *level = session.getLevel().name;
  if (gemcut_status status =
          prefix.open(artifact, gemcut_model, level, options.session.adapter))
    return status;
  if (std::string why = prefix.describeMissingState(level); !why.empty())
    fprintf(stderr, "note: %s\n", why.c_str());
  return GEMCUT_OK;
}

uint64_t App::getFingerprint(const CommonOptions &options) const {
  return getSessionFingerprint(gemcut_model,
                               artifact.find(GEMCUT_SECTION_WEIGHTS)->checksum,
                               options.session.adapter);
}

int cli::finish(gemcut_status status) {
  if (status == GEMCUT_OK)
    return kExitDone;
  fflush(stdout);
  fprintf(stderr, "error: %s\n", gemcut_last_error());
  return kExitInput;
}

struct Command {
  const char *name, *summary;
  int (*run)(int argc, char **argv);
};

static const Command kCommands[] = {
    {"generate", "Continues a list of token ids.", runGenerate},
    {"score", "Computes logits, or how well the model predicts a text.",
     runScore},
    {"serve", "Serves the model over HTTP, as OpenAI's API does.", runServe},
    {"tokenize", "Turns text into token ids.", runTokenize},
    {"detokenize", "Turns token ids into text.", runDetokenize},
    {"bench", "Measures speed and memory on this machine.", runBench},
    {"trace", "Times the stages of a step, for `gemcut explain`.", runTrace},
    {"prefix", "Computes the state that conversations begin with.", runPrefix},
    {"info", "Describes the model and the code in this file.", runInfo},
};

static int printOverview() {
  printf("%s: %s, %s weights, compiled by gemcut.\n\n", programName,
         gemcut_model.name, gemcut_model.quantization);
  printf("Usage:\n"
         "  %s                     Holds a conversation in the terminal.\n"
         "  %s -p TEXT [--system TEXT] [--think]\n"
         "                         Answers one prompt.\n",
         programName, programName);
  for (const Command &command : kCommands)
    printf("  %s %-12s %s\n", programName, command.name, command.summary);
  printf("\n%s COMMAND --help describes the flags of a command,\n"
         "%s --help-chat those of conversations, --version tells by which "
         "gemcut.\n"
         "Exit codes: 0 done, 1 the input is at fault, 2 usage.\n",
         programName, programName);
  return kExitDone;
}

static int dispatch(int argc, char **argv) {
  if (argc < 2)
    return runChat(argc, argv);
  const char *first = argv[1];
  if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 ||
      strcmp(first, "help") == 0)
    return printOverview();
  if (strcmp(first, "--version") == 0) {
    printf("%s, %s weights, compiled by gemcut " GEMCUT_VERSION "\n",
           gemcut_model.name, gemcut_model.quantization);
    return kExitDone;
  }
  if (strcmp(first, "--help-chat") == 0) {
    char help[] = "--help";
    char *arguments[] = {argv[0], help, nullptr};
    return runChat(2, arguments);
  }
  if (first[0] == '-')
    return runChat(argc, argv);
  for (const Command &command : kCommands)
    if (strcmp(first, command.name) == 0)
      return command.run(argc - 1, argv + 1);
  std::vector<const char *> names;
  for (const Command &command : kCommands)
    names.push_back(command.name);
  const char *similar = findSimilarName(first, names);
  fprintf(stderr, "error: there is no command '%s'%s%s; see %s --help\n", first,
          similar ? "; is it " : "", similar ? similar : "", programName);
  return kExitUsage;
}

/// In place of an abort without a word.
static void endOutOfMemory() {
  static const char message[] =
      "error: out of memory; give the process more (ulimit -v, or the limit of "
      "its container), or ask for less: --context, --slots\n";
  if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0) {
  } // nobody is left to tell
  _exit(kExitInput);
}

int cli::runMain(int argc, char **argv) {
  std::set_new_handler(endOutOfMemory);
  startSeconds = seconds() - getCpuSeconds();
  signal(SIGXFSZ, SIG_IGN); // writes beyond the limit then fail
  if (argc > 0 && argv[0]) {
    const char *slash = strrchr(argv[0], '/');
    programName = slash ? slash + 1 : argv[0];
  }
  int code = dispatch(argc, argv);
  errno = 0;
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == kExitDone) {
    // An earlier failed write leaves nothing to flush, but sets the error flag.
    // Its reason is asked for again: nothing can be flushed that was printed.
    if (!errno && write(STDOUT_FILENO, "\n", 1) == 1)
      errno = EIO;
    fprintf(stderr, "error: cannot write the result: %s\n", strerror(errno));
    return kExitInput;
  }
  return code;
}
