//===- tokenize.cpp - The `tokenize` and `detokenize` commands ------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/ids.h"
#include "runtime/cli/text.h"

#include <cstdio>

using namespace gemcut;
using namespace gemcut::cli;

static gemcut_status tokenize(const std::string &input, bool plain) {
  Artifact artifact;
  text::Tokenizer tokenizer;
  if (gemcut_status status = artifact.openSelf(gemcut_model.sidecar_checksum))
    return status;
  if (gemcut_status status = openTokenizer(artifact, tokenizer))
    return status;
  std::vector<int32_t> ids;
  tokenizer.encode(input, /*parseSpecial=*/!plain, ids);
  for (size_t i = 0; i < ids.size(); ++i)
    printf(i ? ",%d" : "%d", ids[i]);
  printf("\n");
  return GEMCUT_OK;
}

int cli::runTokenize(int argc, char **argv) {
  Flags flags(
      "tokenize TEXT | --file FILE [--plain]",
      "Prints the token ids of a text, separated by commas. Nothing is "
      "added in front; write <bos> where it belongs. Put -- before a text "
      "that begins with a dash.");
  const char *file = nullptr;
  bool plain = false;
  flags.group("Input");
  flags.add(file, "file", 0, "FILE", "Reads the text from a file; - is stdin.");
  flags.add(plain, "plain", 0,
            "Takes control tokens such as <bos> in the text as ordinary text.");
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals, 1);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (positionals.empty() == !file)
    return exitCode(flags.usage(file ? "TEXT and --file exclude each other"
                                     : "TEXT or --file is missing"));
  std::string input;
  if (file) {
    if (gemcut_status status = readFile(file, input))
      return finish(status);
  } else {
    input = positionals[0];
  }
  return finish(tokenize(input, plain));
}

static gemcut_status detokenize(const char *list, bool hideSpecial) {
  std::vector<int32_t> ids;
  if (gemcut_status status = readIds(list, ids))
    return status;
  Artifact artifact;
  text::Tokenizer tokenizer;
  if (gemcut_status status = artifact.openSelf(gemcut_model.sidecar_checksum))
    return status;
  if (gemcut_status status = openTokenizer(artifact, tokenizer))
    return status;
  if (gemcut_status status = checkIds(ids, tokenizer.pieceCount()))
    return status;
  std::string text = tokenizer.decode(ids, !hideSpecial);
  text += '\n';
  fwrite(text.data(), 1, text.size(), stdout); // it may hold NUL
  return GEMCUT_OK;
}

int cli::runDetokenize(int argc, char **argv) {
  Flags flags("detokenize LIST|@FILE [--hide-special]",
              "Prints the text of token ids, which are separated by commas or "
              "white space.");
  bool hideSpecial = false;
  flags.group("Output");
  flags.add(hideSpecial, "hide-special", 0, "Leaves control tokens out.");
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals, 1);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (positionals.empty())
    return exitCode(flags.usage("the list of ids is missing"));
  return finish(detokenize(positionals[0], hideSpecial));
}
