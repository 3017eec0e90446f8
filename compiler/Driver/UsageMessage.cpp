//===- UsageMessage.cpp - What is wrong with a command line ---------------===//

#include "compiler/Driver/UsageMessage.h"

#include "dialects/Support/SimilarName.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <CLI/CLI.hpp>

#include <vector>

using namespace gemcut;
using namespace gemcut::driver;
using llvm::StringRef;

/// About a word that the command does not take; empty if there is none.
static std::string describeUnknown(const CLI::App &command) {
  std::vector<std::string> words = command.remaining();
  for (const std::string &word : words) {
    if (!StringRef(word).starts_with("-") || word == "-")
      continue;
    std::vector<std::string> flags;
    for (const CLI::Option *option : command.get_options())
      for (const std::string &name : option->get_lnames())
        flags.push_back("--" + name);
    return "there is no flag " + word +
           guessName(StringRef(word).split('=').first, flags);
  }
  return words.empty() ? ""
                       : "'" + words.front() + "' is one argument too many";
}

/// About a number of values that a flag does not take, in our words.
static std::string describeCount(StringRef message) {
  auto [flag, problem] = message.split(": ");
  if (problem.starts_with("At Most 1 required"))
    return flag.str() + ": may be given once";
  if (problem.starts_with("1 required") && problem.ends_with("missing"))
    return flag.str() + ": needs a value";
  return message.str();
}

std::string gemcut::driver::describeMistake(const CLI::App &app,
                                            const CLI::Error &error) {
  std::vector<std::string> commands;
  for (const CLI::App *command : app.get_subcommands(/*filter=*/nullptr))
    commands.push_back(command->get_name());
  auto chosen = app.get_subcommands();
  if (!chosen.empty()) {
    std::string unknown = describeUnknown(*chosen.front());
    return unknown.empty() ? describeCount(error.what()) : unknown;
  }
  // CLI11 only misses a command where it found an unknown one.
  std::vector<std::string> words = app.remaining();
  if (words.empty())
    return "expected a command: " + llvm::join(commands, ", ");
  if (StringRef(words.front()).starts_with("-"))
    return describeUnknown(app);
  std::string similar = guessName(words.front(), commands);
  return "there is no command '" + words.front() + "'" +
         (similar.empty() ? "; expected " + llvm::join(commands, ", ")
                          : similar);
}
