//===- call_arguments.h - Arguments of calls in messages --------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_CALL_ARGUMENTS_H
#define GEMCUT_RUNTIME_TEXT_CALL_ARGUMENTS_H

#include "runtime/text/value.h"

namespace gemcut::text {

/// `messages`, a List, with objects where calls carry their arguments as the
/// text of a JSON object, because chat templates want objects. Other texts stay
/// as they are.
Value readCallArguments(const Value &messages);

/// The object that a text of arguments is, {} for one without anything in it;
/// undefined for other values.
Value readArguments(const Value &text);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_CALL_ARGUMENTS_H
