//===- UsageMessage.h - What is wrong with a command line -------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_USAGEMESSAGE_H
#define GEMCUT_COMPILER_DRIVER_USAGEMESSAGE_H

#include <string>

namespace CLI {
class App;
class Error;
} // namespace CLI

namespace gemcut::driver {

/// CLI11's message for a command line that it refused, or a better one: unknown
/// words come first, with the name that they resemble.
std::string describeMistake(const CLI::App &app, const CLI::Error &error);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_USAGEMESSAGE_H
