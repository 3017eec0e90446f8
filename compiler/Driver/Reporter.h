//===- Reporter.h - What a command says while it runs -----------*- C++ -*-===//
//
// The one way from the phases of a command to whoever called it: a terminal, or
// a program that uses the driver as a library.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_REPORTER_H
#define GEMCUT_COMPILER_DRIVER_REPORTER_H

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace gemcut::driver {

/// Receives phases, notes and progress, and may ask to stop. This one says
/// nothing and never stops. Functions may be called on any thread; at most one
/// call of `progress` runs at a time.
class Reporter {
public:
  virtual ~Reporter();
  /// A phase such as "load", "code" or "pack" begins.
  virtual void phase(llvm::StringRef name) {}
  /// One sentence that is no error, lowercase and without a final period.
  virtual void note(llvm::StringRef sentence) {}
  /// `done` of `total` of a long activity; `unit`: what is counted, such as
  /// "tokens", or empty for bytes.
  virtual void progress(llvm::StringRef activity, llvm::StringRef unit,
                        uint64_t done, uint64_t total) {}
  /// The activity has ended, well or not.
  virtual void endProgress() {}
  /// Asked between phases, and while weights are packed and texts are run. True
  /// ends the command with CancelledError; it leaves no files.
  virtual bool isCancelled() { return false; }
};

/// Lets cancelling through and nothing else: for steps inside of others.
class MutedReporter : public Reporter {
public:
  explicit MutedReporter(Reporter &inner) : inner(inner) {}
  bool isCancelled() override { return inner.isCancelled(); }

protected:
  Reporter &inner;
};

/// Lets progress through as well, under the name of what the step makes.
class PartReporter : public MutedReporter {
public:
  PartReporter(Reporter &inner, llvm::StringRef name)
      : MutedReporter(inner), name(name) {}
  void progress(llvm::StringRef activity, llvm::StringRef unit, uint64_t done,
                uint64_t total) override {
    inner.progress((activity + " of the " + name).str(), unit, done, total);
  }
  void endProgress() override { inner.endProgress(); }

private:
  llvm::StringRef name;
};

/// A command was asked to stop.
class CancelledError : public llvm::ErrorInfo<CancelledError> {
public:
  static char ID;
  void log(llvm::raw_ostream &stream) const override;
  std::error_code convertToErrorCode() const override;
};

/// CancelledError if the reporter asks to stop, else success.
llvm::Error checkCancelled(Reporter &reporter);

/// A long activity, from its begin to its end.
class Activity {
public:
  Activity(Reporter &reporter, llvm::StringRef name, llvm::StringRef unit = "")
      : reporter(reporter), name(name), unit(unit) {}
  Activity(const Activity &) = delete;
  Activity &operator=(const Activity &) = delete;
  ~Activity() { reporter.endProgress(); }

  /// Reports; CancelledError if it should stop.
  llvm::Error update(uint64_t done, uint64_t total) {
    reporter.progress(name, unit, done, total);
    return checkCancelled(reporter);
  }

private:
  Reporter &reporter;
  llvm::StringRef name, unit;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_REPORTER_H
