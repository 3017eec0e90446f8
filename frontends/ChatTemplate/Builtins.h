//===- Builtins.h - Filters, tests, methods and functions -------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_BUILTINS_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_BUILTINS_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace gemcut::chat {

struct Builtin {
  unsigned id;
  llvm::StringRef name;
  llvm::SmallVector<llvm::StringRef, 8> parameters; ///< behind the value
};

enum class BuiltinKind { Filter, Test, Method, Function };
llvm::StringRef getKindName(BuiltinKind kind);

/// Looks a name up, Jinja's second names of filters and tests included; null
/// if there is none.
const Builtin *findBuiltin(BuiltinKind kind, llvm::StringRef name);

/// The known name of this kind that is closest to `name`, or "".
llvm::StringRef findSimilar(BuiltinKind kind, llvm::StringRef name);

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_BUILTINS_H
