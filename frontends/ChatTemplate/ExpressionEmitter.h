//===- ExpressionEmitter.h - Expressions as operations ----------*- C++ -*-===//
#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONEMITTER_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONEMITTER_H

#include "frontends/ChatTemplate/Ast.h"
#include "frontends/ChatTemplate/Builtins.h"
#include "frontends/ChatTemplate/ProgramWriter.h"

#include "llvm/ADT/StringSet.h"

namespace gemcut::chat {

/// Emits what leaves one value on the machine's stack.
class ExpressionEmitter {
public:
  explicit ExpressionEmitter(llvm::StringRef file) : file(file) {}

protected:
  void emit(const Expression &value);
  /// Keeps the first mistake.
  void fail(Place place, const llvm::Twine &message);
  llvm::Error takeError() { return std::move(error); }

  ProgramWriter writer;
  llvm::StringSet<> names; ///< of macros and variables that are set
  bool isInMacro = false;

private:
  void constant(gemcut_chat_constant which);
  void emitName(const Expression &value);
  void emitSlice(const Expression &value);
  void emitChoice(const Expression &value);
  // CallEmitter.cpp
  void emitCall(const Expression &call);
  void emitMacroCall(const Expression &call);
  void emitNamespace(const Expression &call);
  void emitMethod(const Expression &call);
  void emitTest(const Expression &value);
  void emitFilter(const Expression &value);
  void emitMapFilter(const Expression &value);
  void emitSelect(const Expression &value, bool isReject, bool hasAttribute);
  /// The operation that applies a builtin to so many arguments.
  void apply(gemcut_chat_op op, const Builtin &builtin, unsigned count);
  const Builtin *find(BuiltinKind kind, llvm::StringRef name, Place place);
  /// Pushes arguments in the order of the parameters; their number.
  unsigned emitArguments(BuiltinKind kind, const Builtin &builtin,
                         llvm::ArrayRef<Argument> arguments, Place place);

  llvm::StringRef file;
  bool failed = false;
  llvm::Error error = llvm::Error::success();
};

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONEMITTER_H
