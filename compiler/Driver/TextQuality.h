//===- TextQuality.h - A build beside its bf16 form on a text ---*- C++ -*-===//
//
// Two executables of one model run the same text at once: the logits of the
// bf16 form go through a pipe to the other, whose `score` compares them row by
// row, so that nothing is stored.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_TEXTQUALITY_H
#define GEMCUT_COMPILER_DRIVER_TEXTQUALITY_H

#include "compiler/Driver/Options.h"
#include "compiler/Driver/Reporter.h"
#include "compiler/Driver/TemporaryFolder.h"

#include "llvm/Support/Error.h"

namespace gemcut::calibration {
class MeasuredInputs;
}

namespace gemcut::driver {

/// A text file, as the report names it.
struct TextName {
  std::string name;      ///< without folders
  uint64_t checksum = 0; ///< XXH64 of its bytes
};

/// How far a build is from its bf16 form (--quant bf16 --kv bf16).
struct TextQuality {
  TextName text;
  int64_t rows = 0;      ///< tokens whose logits were compared
  int64_t predicted = 0; ///< of them, those that another follows
  double meanKl = 0;     ///< nats, of the build from the bf16 form
  double top1 = 0;       ///< share of rows with the same most likely token
  double meanNll = 0, referenceNll = 0; ///< nats per predicted token

  /// One line for people.
  std::string summary() const;
};

/// Reads a text to measure with. Errors: it cannot be read, or is empty.
llvm::Expected<TextName> checkText(const std::string &path);

/// Compiles `options` and its bf16 form for this machine into `folder`, and
/// compares them on the text `path`. `inputs`, which may be null, round the
/// build. Errors: those of compiling; what the executables say, such as a model
/// without a tokenizer.
llvm::Expected<TextQuality>
measureQuality(const CompileOptions &options, const std::string &path,
               const TemporaryFolder &folder,
               std::shared_ptr<calibration::MeasuredInputs> inputs,
               Reporter &reporter);

/// The ids of the text `path` in the tokenizer of the model that `options`
/// compile. Errors: those of compiling; a model without a tokenizer.
llvm::Expected<std::vector<int32_t>> tokenizeText(const CompileOptions &options,
                                                  const std::string &path,
                                                  const TemporaryFolder &folder,
                                                  Reporter &reporter);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_TEXTQUALITY_H
