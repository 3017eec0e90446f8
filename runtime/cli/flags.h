//===- flags.h - Command line flags -----------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_FLAGS_H
#define GEMCUT_RUNTIME_CLI_FLAGS_H

#include <cstdint>
#include <string>
#include <vector>

namespace gemcut::cli {

/// What parsing a command line leads to.
enum class Parsed {
  Run,  // go on
  Help, // help was printed to stdout: exit 0
  Usage // a message was printed to stderr: exit 2
};

/// The flags of one command, bound to variables that hold the defaults. The
/// help text is made from the same table as the parser.
class Flags {
public:
  /// `synopsis`: "generate --ids LIST|@FILE [flags]"; `summary`: sentences.
  Flags(const char *synopsis, const char *summary)
      : synopsis(synopsis), summary(summary) {}

  /// Starts a group of flags in the help text.
  void group(const char *title);

  /// `letter` is the short form or 0, `argument` the name of the value in the
  /// help text, `help` full sentences. The default is shown as "Default:
  /// VALUE."; `shownDefault` replaces VALUE.
  void add(bool &value, const char *name, char letter, const char *help);
  void add(int &value, const char *name, char letter, const char *argument,
           const char *help, int least, int most,
           const char *shownDefault = nullptr);
  void add(int64_t &value, const char *name, char letter, const char *argument,
           const char *help, int64_t least, const char *shownDefault = nullptr);
  void add(uint64_t &value, const char *name, char letter, const char *argument,
           const char *help, const char *shownDefault = nullptr);
  void add(float &value, const char *name, char letter, const char *argument,
           const char *help, double least, double most);
  void add(const char *&value, const char *name, char letter,
           const char *argument, const char *help,
           const char *shownDefault = nullptr);
  /// One of `names`, which must live as long as this.
  void add(const char *&value, const char *name, char letter,
           const char *argument, const char *help,
           std::vector<const char *> names, const char *shownDefault);

  /// Ends the help text with lines of text under a title.
  void note(const char *title, const char *lines);

  /// Parses argv[1..]; arguments that are no flags go to `positionals`, of
  /// which at most `mostPositionals` may occur. "--help" and "-h" print the
  /// help.
  [[nodiscard]] Parsed parse(int argc, char **argv,
                             std::vector<const char *> &positionals,
                             size_t mostPositionals = 0);

  /// Whether the flag occurred.
  bool wasGiven(const char *name) const;

  /// Prints a usage message to stderr: "error: ..." and where help is.
  Parsed usage(const char *format, ...) const
      __attribute__((format(printf, 2, 3)));

private:
  enum class Kind { Group, Switch, Int, Int64, Uint64, Real, Text };
  struct Flag {
    Kind kind;
    void *value;
    const char *name;
    char letter;
    const char *argument, *help;
    double least, most;
    std::string shownDefault;
    bool wasGiven;
    std::vector<const char *> names; ///< of which a Text is one, if any
  };

  Flag &push(Kind kind, void *value, const char *name, char letter,
             const char *argument, const char *help);
  bool set(Flag &flag, const char *text);
  /// Reports a word that is no flag, or may be several.
  Parsed refuse(const char *word) const;
  void printHelp() const;

  const char *synopsis, *summary;
  const char *noteTitle = nullptr, *noteLines = nullptr;
  std::vector<Flag> flags;
};

/// The name this program was called by, for messages; set once by main.
extern const char *programName;

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_FLAGS_H
