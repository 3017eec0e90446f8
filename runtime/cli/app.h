//===- app.h - What the commands share --------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_APP_H
#define GEMCUT_RUNTIME_CLI_APP_H

#include "runtime/cli/flags.h"
#include "runtime/core/artifact.h"
#include "runtime/session/baked_prefix.h"
#include "runtime/session/generate.h"
#include "runtime/session/sampler.h"
#include "runtime/session/session.h"

namespace gemcut::cli {

/// Flags that several commands have, with the model's own defaults.
struct CommonOptions {
  CommonOptions();

  SessionOptions session;
  int tableMegabytes = int(gemcut_table_resident_bytes(&gemcut_model) >> 20);
  SamplerOptions sampling;
  GenerateOptions generation;
  bool withoutPrefix = false;

  /// With `threadList`, --threads is a list and its text goes there.
  void addSessionFlags(Flags &flags, const char **threadList = nullptr);
  void addSamplingFlags(Flags &flags);
  void addLimitFlag(Flags &flags);
  /// --no-baked-prefix, where there is one.
  void addPrefixFlag(Flags &flags);
  /// Flags that tests need: --chunk, --full-prefill.
  void addPrefillFlags(Flags &flags);
};

/// The opened executable. Members are opened on demand, so that a command pays
/// only for what it uses.
struct App {
  Artifact artifact;
  Session session;
  Sampler sampler;
  BakedPrefix prefix;

  [[nodiscard]] gemcut_status openSession(const CommonOptions &options);
  [[nodiscard]] gemcut_status openSampler(const CommonOptions &options);
  /// Opens the baked prefix of the executable, if it has one that is wanted,
  /// and tells on stderr if it does not help. The session must be open.
  [[nodiscard]] gemcut_status openPrefix(const CommonOptions &options);
  /// What session files are bound to. The session must be open.
  uint64_t getFingerprint(const CommonOptions &options) const;
};

/// Exit codes of the executable.
enum ExitCode { kExitDone = 0, kExitInput = 1, kExitUsage = 2 };

/// Prints gemcut_last_error() to stderr, if `status` is one.
int finish(gemcut_status status);

inline int exitCode(Parsed parsed) {
  return parsed == Parsed::Usage ? kExitUsage : kExitDone;
}

// One per command; argv[0] is the command's name.
int runBench(int argc, char **argv);
int runChat(int argc, char **argv);
int runDetokenize(int argc, char **argv);
int runGenerate(int argc, char **argv);
int runInfo(int argc, char **argv);
int runPrefix(int argc, char **argv);
int runScore(int argc, char **argv);
int runServe(int argc, char **argv);
int runTokenize(int argc, char **argv);
int runTrace(int argc, char **argv);

/// When this program was executed, in seconds() of runtime/core/clock.h: when
/// main() began, less what the process had computed until then.
extern double startSeconds;

/// The whole program.
int runMain(int argc, char **argv);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_APP_H
