//===- HelpFormatter.h - Help in 80 columns ---------------------*- C++ -*-===//
//
// The layout of produced executables' help (runtime/cli/flags.h): a line with
// the flag and its value, below it what it does, to the right by six.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_HELPFORMATTER_H
#define GEMCUT_COMPILER_DRIVER_HELPFORMATTER_H

#include <CLI/CLI.hpp>

namespace gemcut::driver {

class HelpFormatter : public CLI::Formatter {
public:
  std::string make_description(const CLI::App *app) const override;
  std::string make_subcommand(const CLI::App *command) const override;
  std::string make_option(const CLI::Option *option,
                          bool isPositional) const override;
  std::string make_option_opts(const CLI::Option *option) const override;
  /// With the default and what the flag goes with or without.
  std::string make_option_desc(const CLI::Option *option) const override;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_HELPFORMATTER_H
