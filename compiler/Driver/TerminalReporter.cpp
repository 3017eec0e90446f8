//===- TerminalReporter.cpp - Notes and progress on stderr ----------------===//

#include "compiler/Driver/TerminalReporter.h"

#include "llvm/Support/raw_ostream.h"

using namespace gemcut::driver;

void TerminalReporter::note(llvm::StringRef sentence) {
  // One write: several threads may have something to say.
  llvm::errs() << ("gemcut: note: " + sentence + "\n").str();
}

void TerminalReporter::progress(llvm::StringRef activity, llvm::StringRef unit,
                                uint64_t done, uint64_t total) {
  if (!shown)
    shown.emplace(activity.str(), unit.str());
  shown->update(done, total);
}

void TerminalReporter::endProgress() {
  if (shown)
    shown->finish();
  shown.reset();
}
