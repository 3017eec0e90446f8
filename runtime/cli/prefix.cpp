//===- prefix.cpp - The `prefix` command ----------------------------------===//
//
// Runs what conversations begin with, and writes its state to a session file:
// for a server's --load-session, and for `gemcut compile --bake-prefix`.
//
//===----------------------------------------------------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/ids.h"
#include "runtime/cli/text.h"
#include "runtime/core/error.h"
#include "runtime/session/dialogue.h"
#include "runtime/session/prefix_text.h"
#include "runtime/session/session_file.h"

#include <cstdio>

using namespace gemcut;
using namespace gemcut::cli;

/// A file of JSON is what prefix_text.h says; any other is the text of
/// instructions.
static gemcut_status readPrefixFile(const std::string &path, PrefixText &out) {
  std::string content;
  if (gemcut_status status = readFile(path.c_str(), content))
    return status;
  constexpr std::string_view kJson = ".json";
  if (path.size() >= kJson.size() &&
      path.compare(path.size() - kJson.size(), kJson.size(), kJson) == 0)
    return readPrefixText(content, path.c_str(), out);
  if (!content.empty() && content.back() == '\n')
    content.pop_back();
  if (content.empty())
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s: is empty, expected instructions for the model",
                path.c_str());
  out.messages = {text::makeMessage("system", content)};
  return GEMCUT_OK;
}

static gemcut_status savePrefix(const CommonOptions &options, const char *path,
                                const char *statePath) {
  PrefixText prefix;
  if (gemcut_status status = readPrefixFile(path, prefix))
    return status;
  App app;
  if (gemcut_status status = app.openSession(options))
    return status;
  text::Tokenizer tokenizer;
  if (gemcut_status status = openTokenizer(app.artifact, tokenizer))
    return status;
  text::ChatTemplate chat;
  if (gemcut_status status = openChatTemplate(app.artifact, chat))
    return status;
  std::vector<int32_t> ids;
  if (gemcut_status status = encodePrefix(prefix, chat, tokenizer, ids))
    return status;
  Session &session = app.session;
  if (ids.empty())
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s: conversations that begin with it have no token in common",
                path);
  if (ids.size() >= size_t(session.getContext()))
    return fail(GEMCUT_CONTEXT_FULL,
                "%s: has %zu tokens, which leave no room in a context of %d; "
                "compile with a larger --context",
                path, ids.size(), session.getContext());
  SessionWriter writer;
  if (gemcut_status status = writer.open(statePath, app.getFingerprint(options),
                                         session.getLevel().name))
    return status;
  float *logits = nullptr;
  if (gemcut_status status =
          session.prefill(/*slot=*/0, ids.data(), ids.size(), logits))
    return status;
  if (gemcut_status status = writer.add(session, /*slot=*/0, ids.size()))
    return status;
  if (gemcut_status status = writer.commit())
    return status;
  printf("%zu tokens\n", ids.size());
  return GEMCUT_OK;
}

int cli::runPrefix(int argc, char **argv) {
  CommonOptions options;
  Flags flags(
      "prefix FILE --save-session STATE [flags]",
      "Runs what conversations begin with and writes its state to a file, from "
      "which `serve --load-session` begins; prints the number of its tokens. A "
      "FILE that ends in .json holds {\"messages\": [...], \"tools\": [...], "
      "\"enable_thinking\": true}, of which only the messages must be there, "
      "or the list of messages; any other holds the model's instructions.");
  const char *state = nullptr;
  flags.group("Output");
  flags.add(state, "save-session", 0, "STATE",
            "The file to write. Only this executable can read it.");
  options.addSessionFlags(flags);
  options.addPrefillFlags(flags);
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals, /*mostPositionals=*/1);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (positionals.empty())
    return exitCode(flags.usage("FILE is missing"));
  if (!state)
    return exitCode(flags.usage("--save-session is missing"));
  return finish(savePrefix(options, positionals[0], state));
}
