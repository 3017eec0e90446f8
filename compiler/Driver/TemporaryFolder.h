//===- TemporaryFolder.h - A folder for as long as it is needed -*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_TEMPORARYFOLDER_H
#define GEMCUT_COMPILER_DRIVER_TEMPORARYFOLDER_H

#include "compiler/Artifact/Leftovers.h"

#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace gemcut::driver {

/// A folder that is removed with all that is in it. A signal that ends the
/// program removes the files that `file` has named and then the folder; all
/// that a killed program left goes when the next one makes a folder of the
/// name.
class TemporaryFolder {
public:
  TemporaryFolder() = default;
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  ~TemporaryFolder();

  /// PREFIX-XXXXXX, relative to the working directory. Errors: it cannot be
  /// made.
  llvm::Error create(const std::string &prefix);
  std::string file(llvm::StringRef name) const;

private:
  std::string path;
  std::optional<artifact::Claim> claim;
  mutable std::vector<std::string> files; ///< that were named
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_TEMPORARYFOLDER_H
