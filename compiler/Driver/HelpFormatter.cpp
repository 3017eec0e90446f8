//===- HelpFormatter.cpp - Help in 80 columns -----------------------------===//

#include "compiler/Driver/HelpFormatter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

using namespace gemcut::driver;
using llvm::StringRef;

static constexpr size_t kColumns = 80;

/// Words in lines of at most kColumns, all indented alike.
static std::string wrap(StringRef text, size_t indent) {
  std::string lines, line;
  for (StringRef word : llvm::split(text, ' ')) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > kColumns) {
      lines += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word.str();
  }
  return lines + std::string(indent, ' ') + line + "\n";
}

std::string HelpFormatter::make_description(const CLI::App *app) const {
  return wrap(app->get_description(), 0);
}

std::string HelpFormatter::make_subcommand(const CLI::App *command) const {
  return "  " + command->get_name() + "\n" +
         wrap(command->get_description(), 6);
}

std::string HelpFormatter::make_option(const CLI::Option *option,
                                       bool isPositional) const {
  return "  " + make_option_name(option, isPositional) +
         (isPositional ? "" : make_option_opts(option)) + "\n" +
         wrap(make_option_desc(option), 6);
}

/// "bf16|f32" of "TEXT:{bf16,f32}", "INT" of "INT:INT in [1 - 64]".
static std::string describeValue(StringRef type) {
  auto [name, check] = type.split(':');
  if (!check.consume_front("{") || !check.consume_back("}"))
    return name.str();
  llvm::SmallVector<StringRef> values;
  check.split(values, ',');
  return llvm::join(values, "|");
}

std::string HelpFormatter::make_option_opts(const CLI::Option *option) const {
  std::string value = describeValue(option->get_type_name());
  return value.empty() ? "" : " " + value;
}

/// "From 1 to 64." of "INT:INT in [1 - 64]", else nothing.
static std::string describeRange(StringRef type) {
  StringRef range = type.split(" in [").second;
  if (!range.consume_back("]"))
    return "";
  auto [least, most] = range.split(" - ");
  return "From " + least.str() + " to " + most.str() + ".";
}

static std::string
listNames(const std::set<CLI::Option *> &options) { // CLI11's type
  std::vector<std::string> names;
  for (const CLI::Option *option : options)
    names.push_back(option->get_name());
  llvm::sort(names); // the set's order is that of addresses
  return llvm::join(names, ", ");
}

std::string HelpFormatter::make_option_desc(const CLI::Option *option) const {
  std::vector<std::string> sentences{option->get_description()};
  if (!StringRef(sentences.front()).ends_with("."))
    sentences.front() += "."; // CLI11's own
  if (std::string range = describeRange(option->get_type_name());
      !range.empty())
    sentences.push_back(range);
  if (!option->get_default_str().empty())
    sentences.push_back("Default: " + option->get_default_str() + ".");
  if (!option->get_needs().empty())
    sentences.push_back("Needs " + listNames(option->get_needs()) + ".");
  if (!option->get_excludes().empty())
    sentences.push_back("Not with " + listNames(option->get_excludes()) + ".");
  if (option->get_required() && !option->get_positional())
    sentences.push_back("Required.");
  return llvm::join(sentences, " ");
}
