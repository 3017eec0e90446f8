//===- generate.cpp - The `generate` command ------------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/constraint.h"
#include "runtime/cli/ids.h"
#include "runtime/cli/text.h"
#include "runtime/core/error.h"
#include "runtime/session/session_file.h"

#include <cstdio>

using namespace gemcut;
using namespace gemcut::cli;

namespace {
/// Where the tokens go: ids separated by commas, or text.
struct Output {
  TextStream *text = nullptr;
  bool isFirst = true;

  static bool print(void *context, int32_t id) {
    auto *output = static_cast<Output *>(context);
    if (output->text)
      return output->text->print(id);
    printf(output->isFirst ? "%d" : ",%d", id);
    output->isFirst = false;
    fflush(stdout);
    return true;
  }
};
} // namespace

namespace {
struct SessionPaths {
  const char *load = nullptr, *save = nullptr;
};
} // namespace

/// `isPrompt`: whether all of its tokens were run as prompts.
static gemcut_status loadSession(const char *path, uint64_t fingerprint,
                                 Session &session, bool &isPrompt) {
  SessionFile file;
  if (gemcut_status status =
          file.open(path, gemcut_model, fingerprint, session.getLevel().name))
    return status;
  if (gemcut_status status = file.restoreOnly(path, session, /*slot=*/0))
    return status;
  isPrompt = file.getPrompted(0) == session.getTokenCount(/*slot=*/0);
  return GEMCUT_OK;
}

static gemcut_status generateIds(const CommonOptions &options,
                                 Constraint &constraint, const char *list,
                                 bool printIds, int firstPosition,
                                 bool showStats, const SessionPaths &paths,
                                 GenerateStats &stats) {
  std::vector<int32_t> ids;
  if (gemcut_status status = readIds(list, ids))
    return status;
  App app;
  if (gemcut_status status = app.openSession(options))
    return status;
  if (gemcut_status status = app.openSampler(options))
    return status;
  text::Tokenizer tokenizer;
  TextStream stream(tokenizer, /*showSpecial=*/true);
  Output output;
  if (!printIds || constraint.isGiven())
    if (gemcut_status status = openTokenizer(app.artifact, tokenizer))
      return status;
  if (!printIds)
    output.text = &stream;
  if (gemcut_status status = constraint.open(tokenizer, /*mayThink=*/false))
    return status;
  GenerateOptions generation = options.generation;
  generation.filter = constraint.begin();
  if (gemcut_status status = app.session.reset(/*slot=*/0, firstPosition))
    return status;
  uint64_t fingerprint = app.getFingerprint(options);
  SessionWriter writer; // now, so that a wrong path is found before the work
  if (paths.save)
    if (gemcut_status status =
            writer.open(paths.save, fingerprint, app.session.getLevel().name))
      return status;
  bool isPrompt = true; // all that the session holds
  if (paths.load)
    if (gemcut_status status =
            loadSession(paths.load, fingerprint, app.session, isPrompt))
      return status;
  size_t prompted = app.session.getTokenCount(/*slot=*/0) + ids.size();
  if (gemcut_status status = app.openPrefix(options))
    return status;
  size_t held =
      beginWithPrefix(app.prefix, app.session, ids.data(), ids.size());
  gemcut_status status =
      generate(app.session, app.sampler, /*slot=*/0, ids.data() + held,
               ids.size() - held, generation, Output::print, &output, stats);
  if (output.text)
    stream.finish();
  if (stats.newTokens > 0 || status == GEMCUT_OK)
    printf("\n");
  if (status == GEMCUT_OK)
    constraint.noteCut(stats.reason);
  if (status == GEMCUT_OK && showStats)
    printStats(stats, app.session);
  if (status == GEMCUT_OK && paths.save)
    status = writer.add(app.session, /*slot=*/0, isPrompt ? prompted : 0);
  if (status == GEMCUT_OK && paths.save)
    status = writer.commit();
  return status;
}

int cli::runGenerate(int argc, char **argv) {
  CommonOptions options;
  Flags flags(
      "generate --ids LIST|@FILE [-n N] [flags]",
      "Continues a list of token ids, without the chat format, and prints "
      "the new text, or with --print-ids the new ids. Stop ids end it and "
      "are not printed.");
  const char *list = nullptr;
  bool printIds = false, showStats = false;
  int firstPosition = 0;
  flags.group("Input and output");
  flags.add(
      list, "ids", 0, "LIST|@FILE",
      "The ids to continue, separated by commas or white space, or the name "
      "of a file that holds them.");
  options.addLimitFlag(flags);
  flags.add(printIds, "print-ids", 0,
            "Prints ids, separated by commas, instead of text.");
  flags.add(showStats, "stats", 0,
            "Prints times, speeds, the rows that each layer ran for and what a "
            "two-stage head did to stderr.");
  options.addSamplingFlags(flags);
  Constraint constraint;
  constraint.addFlags(flags);
  flags.add(options.sampling.noRepeat, "no-repeat", 0,
            "Never picks an id that the sequence already holds.");
  flags.add(options.generation.ignoreStop, "ignore-stop", 0,
            "Treats stop ids as ordinary tokens.");
  options.addSessionFlags(flags);
  options.addPrefillFlags(flags);
  flags.add(firstPosition, "first-position", 0, "N",
            "Gives the first id position N.", 0, INT32_MAX);
  SessionPaths paths;
  flags.group("Sessions");
  options.addPrefixFlag(flags);
  flags.add(paths.load, "load-session", 0, "FILE",
            "Continues the sequence of a file that --save-session wrote; --ids "
            "come behind it.");
  flags.add(paths.save, "save-session", 0, "FILE",
            "Writes the sequence to a file: the ids and all new tokens but the "
            "last one. Only this executable can read it.");
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (!list)
    return exitCode(flags.usage("--ids is missing"));
  if (firstPosition > 0 && (paths.load || paths.save))
    return exitCode(
        flags.usage("session files begin at position 0, and --first-position "
                    "is %d",
                    firstPosition));
  if (constraint.isAmbiguous())
    return exitCode(
        flags.usage("--json-schema and --regex exclude each other"));
  if (constraint.isGiven() && options.generation.ignoreStop)
    return exitCode(flags.usage(
        "--ignore-stop leaves no end to an answer that is constrained"));

  GenerateStats stats;
  int code = finish(generateIds(options, constraint, list, printIds,
                                firstPosition, showStats, paths, stats));
  if (code != kExitDone || stats.reason != StopReason::ContextFull)
    return code;
  if (options.generation.limit < 0) {
    fprintf(stderr, "note: the context of %d tokens is full\n",
            options.session.context ? options.session.context
                                    : gemcut_model.context);
    return kExitDone;
  }
  fprintf(stderr,
          "error: the context is full after %zu of %lld tokens; %s a larger "
          "--context\n",
          stats.newTokens, (long long)options.generation.limit,
          options.session.context &&
                  options.session.context < gemcut_model.context
              ? "give"
              : "compile again with");
  return kExitInput;
}
