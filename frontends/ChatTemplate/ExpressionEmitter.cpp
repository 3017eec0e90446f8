//===- ExpressionEmitter.cpp - Values ------------------------------------===//

#include "frontends/ChatTemplate/ExpressionEmitter.h"

using namespace gemcut::chat;
using llvm::Twine;

void ExpressionEmitter::fail(Place place, const Twine &message) {
  if (failed)
    return;
  failed = true;
  llvm::consumeError(std::move(error));
  error = makeError(file, place, message);
}

void ExpressionEmitter::constant(gemcut_chat_constant which) {
  writer.op(GEMCUT_CHAT_CONSTANT);
  writer.byte(which);
}

void ExpressionEmitter::emit(const Expression &value) {
  switch (value.kind) {
  case Expression::Name:
    return emitName(value);
  case Expression::String:
    writer.op(GEMCUT_CHAT_STRING, writer.string(value.text));
    return;
  case Expression::Integer:
    writer.op(GEMCUT_CHAT_INTEGER);
    writer.integer(value.integer);
    return;
  case Expression::Real:
    writer.op(GEMCUT_CHAT_REAL);
    writer.real(value.real);
    return;
  case Expression::Constant:
    return constant(value.constant);
  case Expression::Unary:
    emit(*value.parts[0]);
    writer.op(GEMCUT_CHAT_UNARY);
    writer.byte(value.op);
    return;
  case Expression::Binary:
    emit(*value.parts[0]);
    emit(*value.parts[1]);
    writer.op(GEMCUT_CHAT_BINARY);
    writer.byte(value.op);
    return;
  case Expression::And:
  case Expression::Or: {
    emit(*value.parts[0]);
    uint32_t end = writer.jump(value.kind == Expression::And ? GEMCUT_CHAT_AND
                                                             : GEMCUT_CHAT_OR);
    emit(*value.parts[1]);
    writer.land(end);
    return;
  }
  case Expression::If:
    return emitChoice(value);
  case Expression::Attribute:
    emit(*value.parts[0]);
    writer.op(GEMCUT_CHAT_ATTRIBUTE, writer.string(value.text));
    return;
  case Expression::Item:
    emit(*value.parts[0]);
    emit(*value.parts[1]);
    writer.op(GEMCUT_CHAT_ITEM);
    return;
  case Expression::Slice:
    return emitSlice(value);
  case Expression::List:
  case Expression::Tuple:
  case Expression::Map: {
    bool isMap = value.kind == Expression::Map;
    for (const ExpressionPtr &part : value.parts)
      emit(*part);
    writer.op(isMap                             ? GEMCUT_CHAT_MAP
              : value.kind == Expression::Tuple ? GEMCUT_CHAT_TUPLE
                                                : GEMCUT_CHAT_LIST,
              uint32_t(value.parts.size() / (isMap ? 2 : 1)));
    return;
  }
  case Expression::Call:
    return emitCall(value);
  case Expression::Filter:
    return emitFilter(value);
  case Expression::Test:
    return emitTest(value);
  }
}

void ExpressionEmitter::emitName(const Expression &value) {
  if (isInMacro && (value.text == "caller" || value.text == "varargs" ||
                    value.text == "kwargs"))
    return fail(value.place,
                "'" + value.text + "' of a macro is not supported");
  writer.op(GEMCUT_CHAT_LOAD, writer.string(value.text));
}

void ExpressionEmitter::emitSlice(const Expression &value) {
  emit(*value.parts[0]);
  unsigned present = 0;
  for (unsigned i = 0; i < 3; ++i)
    if (value.parts[i + 1]) {
      emit(*value.parts[i + 1]);
      present |= 1u << i;
    }
  writer.op(GEMCUT_CHAT_SLICE);
  writer.byte(present);
}

void ExpressionEmitter::emitChoice(const Expression &value) {
  emit(*value.parts[1]);
  uint32_t otherwise = writer.jump(GEMCUT_CHAT_JUMP_IF_FALSE);
  emit(*value.parts[0]);
  uint32_t end = writer.jump(GEMCUT_CHAT_JUMP);
  writer.land(otherwise);
  if (value.parts.size() > 2)
    emit(*value.parts[2]);
  else
    constant(GEMCUT_CHAT_UNDEFINED);
  writer.land(end);
}
