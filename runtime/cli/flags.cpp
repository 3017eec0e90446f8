//===- flags.cpp - Command line flags -------------------------------------===//

#include "runtime/cli/flags.h"

#include "runtime/cli/similar_name.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>

using namespace gemcut::cli;

const char *gemcut::cli::programName = "model";

Flags::Flag &Flags::push(Kind kind, void *value, const char *name, char letter,
                         const char *argument, const char *help) {
  flags.push_back(
      {kind, value, name, letter, argument, help, 0, 0, "", false, {}});
  return flags.back();
}

void Flags::group(const char *title) {
  push(Kind::Group, nullptr, title, 0, nullptr, nullptr);
}

void Flags::add(bool &value, const char *name, char letter, const char *help) {
  push(Kind::Switch, &value, name, letter, nullptr, help);
}

void Flags::add(int &value, const char *name, char letter, const char *argument,
                const char *help, int least, int most,
                const char *shownDefault) {
  Flag &flag = push(Kind::Int, &value, name, letter, argument, help);
  flag.least = least;
  flag.most = most;
  flag.shownDefault = shownDefault ? shownDefault : std::to_string(value);
}

void Flags::add(int64_t &value, const char *name, char letter,
                const char *argument, const char *help, int64_t least,
                const char *shownDefault) {
  Flag &flag = push(Kind::Int64, &value, name, letter, argument, help);
  flag.least = double(least);
  flag.most = 0x1p53;
  flag.shownDefault = shownDefault ? shownDefault : std::to_string(value);
}

void Flags::add(uint64_t &value, const char *name, char letter,
                const char *argument, const char *help,
                const char *shownDefault) {
  Flag &flag = push(Kind::Uint64, &value, name, letter, argument, help);
  flag.shownDefault = shownDefault ? shownDefault : std::to_string(value);
}

void Flags::add(float &value, const char *name, char letter,
                const char *argument, const char *help, double least,
                double most) {
  Flag &flag = push(Kind::Real, &value, name, letter, argument, help);
  flag.least = least;
  flag.most = most;
  char text[32];
  snprintf(text, sizeof(text), "%g", double(value));
  flag.shownDefault = text;
}

void Flags::add(const char *&value, const char *name, char letter,
                const char *argument, const char *help,
                const char *shownDefault) {
  Flag &flag = push(Kind::Text, &value, name, letter, argument, help);
  if (shownDefault || value)
    flag.shownDefault = shownDefault ? shownDefault : value;
}

void Flags::add(const char *&value, const char *name, char letter,
                const char *argument, const char *help,
                std::vector<const char *> names, const char *shownDefault) {
  Flag &flag = push(Kind::Text, &value, name, letter, argument, help);
  flag.shownDefault = shownDefault;
  flag.names = std::move(names);
}

void Flags::note(const char *title, const char *lines) {
  noteTitle = title;
  noteLines = lines;
}

Parsed Flags::usage(const char *format, ...) const {
  fprintf(stderr, "error: ");
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  int command = int(strcspn(synopsis, " "));
  bool isNamed = synopsis[0] >= 'a' && synopsis[0] <= 'z';
  fprintf(stderr, "; see %s %.*s%s--help\n", programName, isNamed ? command : 0,
          synopsis, isNamed ? " " : "");
  return Parsed::Usage;
}

/// "avx2, avx512vnni".
static std::string join(const std::vector<const char *> &names) {
  std::string list;
  for (const char *name : names)
    list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

Parsed Flags::refuse(const char *word) const {
  std::string_view typed = word;
  typed = typed.substr(0, typed.find('='));
  typed.remove_prefix(std::min<size_t>(2, typed.size()));
  std::vector<const char *> names = {"help"};
  std::string candidates;
  for (const Flag &flag : flags)
    if (flag.kind != Kind::Group) {
      names.push_back(flag.name);
      if (std::string_view(flag.name).substr(0, typed.size()) == typed)
        candidates +=
            (candidates.empty() ? "--" : ", --") + std::string(flag.name);
    }
  if (!candidates.empty())
    return usage("%s may be any of %s", word, candidates.c_str());
  const char *similar = findSimilarName(typed, names);
  return usage("there is no flag %s%s%s", word, similar ? "; is it --" : "",
               similar ? similar : "");
}

bool Flags::set(Flag &flag, const char *text) {
  char *end = nullptr;
  errno = 0;
  switch (flag.kind) {
  case Kind::Group:
    return false;
  case Kind::Switch:
    *static_cast<bool *>(flag.value) = true;
    return true;
  case Kind::Text:
    if (!flag.names.empty() &&
        std::none_of(flag.names.begin(), flag.names.end(),
                     [&](const char *name) { return !strcmp(name, text); })) {
      usage("--%s is '%s', but must be one of: %s", flag.name, text,
            join(flag.names).c_str());
      return false;
    }
    *static_cast<const char **>(flag.value) = text;
    return true;
  case Kind::Uint64: {
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end || errno || text[0] < '0' || text[0] > '9') {
      usage("--%s is '%s', but must be a whole number from 0 on", flag.name,
            text);
      return false;
    }
    *static_cast<uint64_t *>(flag.value) = value;
    return true;
  }
  case Kind::Int:
  case Kind::Int64: {
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || double(value) < flag.least ||
        double(value) > flag.most) {
      if (flag.most < double(INT_MAX))
        usage("--%s is '%s', but must be a whole number from %.0f to %.0f",
              flag.name, text, flag.least, flag.most);
      else
        usage("--%s is '%s', but must be a whole number from %.0f on",
              flag.name, text, flag.least);
      return false;
    }
    if (flag.kind == Kind::Int)
      *static_cast<int *>(flag.value) = int(value);
    else
      *static_cast<int64_t *>(flag.value) = value;
    return true;
  }
  case Kind::Real: {
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= flag.least && value <= flag.most)) {
      if (std::isinf(flag.most))
        usage("--%s is '%s', but must be a number from %g on", flag.name, text,
              flag.least);
      else
        usage("--%s is '%s', but must be a number from %g to %g", flag.name,
              text, flag.least, flag.most);
      return false;
    }
    *static_cast<float *>(flag.value) = float(value);
    return true;
  }
  }
  return false;
}

Parsed Flags::parse(int argc, char **argv,
                    std::vector<const char *> &positionals,
                    size_t mostPositionals) {
  // getopt's own messages cannot be worded; a leading colon makes it say ':'
  // for a missing argument.
  opterr = 0;
  optind = 0;
  std::string letters = ":h";
  std::vector<option> options = {{"help", no_argument, nullptr, 'h'}};
  constexpr int kFirstLong = 256;
  for (size_t i = 0; i < flags.size(); ++i) {
    Flag &flag = flags[i];
    if (flag.kind == Kind::Group)
      continue;
    options.push_back({flag.name,
                       flag.argument ? required_argument : no_argument, nullptr,
                       kFirstLong + int(i)});
    if (flag.letter) {
      letters += flag.letter;
      if (flag.argument)
        letters += ':';
    }
  }
  options.push_back({});

  while (true) {
    int code =
        getopt_long(argc, argv, letters.c_str(), options.data(), nullptr);
    if (code == -1)
      break;
    if (code == 'h') {
      printHelp();
      return Parsed::Help;
    }
    if (code == ':')
      return usage("%s needs a value", argv[optind - 1]);
    if (code == '?') {
      if (optopt && optopt < kFirstLong)
        return usage("there is no flag -%c", optopt);
      if (optopt)
        return usage("%s takes no value", argv[optind - 1]);
      return refuse(argv[optind - 1]);
    }
    for (size_t i = 0; i < flags.size(); ++i) {
      Flag &flag = flags[i];
      if (flag.kind == Kind::Group ||
          (code != kFirstLong + int(i) && code != flag.letter))
        continue;
      if (flag.wasGiven && flag.argument)
        return usage("--%s: may be given once", flag.name);
      if (!set(flag, optarg))
        return Parsed::Usage;
      flag.wasGiven = true;
    }
  }
  for (; optind < argc; ++optind)
    positionals.push_back(argv[optind]);
  if (positionals.size() > mostPositionals)
    return usage("'%s' is one argument too many", positionals[mostPositionals]);
  return Parsed::Run;
}

bool Flags::wasGiven(const char *name) const {
  for (const Flag &flag : flags)
    if (flag.kind != Kind::Group && strcmp(flag.name, name) == 0)
      return flag.wasGiven;
  return false;
}

/// Prints words in lines of at most 80 columns, all indented alike.
static void printWrapped(std::string text, int indent) {
  size_t width = size_t(80 - indent);
  while (!text.empty()) {
    size_t line = text.find('\n');
    if (line == std::string::npos)
      line = text.size();
    if (line > width) {
      size_t space = text.rfind(' ', width);
      line = space == std::string::npos || space == 0 ? width : space;
    }
    printf("%*s%.*s\n", indent, "", int(line), text.c_str());
    text.erase(0,
               line < text.size() && (text[line] == ' ' || text[line] == '\n')
                   ? line + 1
                   : line);
  }
}

void Flags::printHelp() const {
  printf("Usage: %s %s\n\n", programName, synopsis);
  printWrapped(summary, 0);
  for (const Flag &flag : flags) {
    if (flag.kind == Kind::Group) {
      printf("\n%s:\n", flag.name);
      continue;
    }
    char letter[8] = "";
    if (flag.letter)
      snprintf(letter, sizeof(letter), "-%c, ", flag.letter);
    printf("  %s--%s%s%s\n", letter, flag.name, flag.argument ? " " : "",
           flag.argument ? flag.argument : "");
    std::string text = flag.help;
    if (!flag.shownDefault.empty())
      text += " Default: " + flag.shownDefault + ".";
    printWrapped(text, 6);
  }
  printf("  -h, --help\n      Prints this text.\n");
  if (noteTitle) {
    printf("\n%s:\n", noteTitle);
    printWrapped(noteLines, 2);
  }
}
