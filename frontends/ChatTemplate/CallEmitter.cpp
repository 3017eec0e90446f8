//===- CallEmitter.cpp - Calls of macros, functions, methods and filters -===//

#include "frontends/ChatTemplate/Builtins.h"
#include "frontends/ChatTemplate/ExpressionEmitter.h"

using namespace gemcut::chat;
using llvm::StringRef;
using llvm::Twine;

const Builtin *ExpressionEmitter::find(BuiltinKind kind, StringRef name,
                                       Place place) {
  const Builtin *builtin = findBuiltin(kind, name);
  if (builtin)
    return builtin;
  StringRef similar = findSimilar(kind, name);
  fail(place,
       "the " + getKindName(kind) + " '" + name +
           "' does not exist or is not supported" +
           (similar.empty() ? Twine("") : "; did you mean '" + similar + "'?"));
  return nullptr;
}

unsigned ExpressionEmitter::emitArguments(BuiltinKind kind,
                                          const Builtin &builtin,
                                          llvm::ArrayRef<Argument> arguments,
                                          Place place) {
  std::vector<const Expression *> ordered;
  for (const Argument &argument : arguments) {
    size_t at = ordered.size();
    if (!argument.name.empty())
      at = size_t(llvm::find(builtin.parameters, argument.name) -
                  builtin.parameters.begin());
    if (at >= builtin.parameters.size()) {
      fail(argument.value->place,
           "the " + getKindName(kind) + " '" + builtin.name +
               (argument.name.empty()
                    ? "' takes at most " + Twine(builtin.parameters.size()) +
                          " arguments here"
                    : "' has no argument '" + argument.name +
                          "' that is supported"));
      return 0;
    }
    if (ordered.size() <= at)
      ordered.resize(at + 1);
    ordered[at] = argument.value.get();
  }
  for (const Expression *value : ordered)
    if (value)
      emit(*value);
    else
      constant(GEMCUT_CHAT_MISSING);
  return unsigned(ordered.size());
}

void ExpressionEmitter::apply(gemcut_chat_op op, const Builtin &builtin,
                              unsigned count) {
  writer.op(op);
  writer.byte(builtin.id);
  writer.byte(count);
}

void ExpressionEmitter::emitCall(const Expression &call) {
  const Expression &callee = *call.parts[0];
  if (callee.kind == Expression::Attribute)
    return emitMethod(call);
  if (callee.kind != Expression::Name)
    return fail(call.place, "only functions, macros and methods can be called");
  if (names.contains(callee.text))
    return emitMacroCall(call);
  if (callee.text == "namespace" || callee.text == "dict")
    return emitNamespace(call);
  const Builtin *function =
      find(BuiltinKind::Function, callee.text, callee.place);
  if (!function)
    return;
  unsigned count = emitArguments(BuiltinKind::Function, *function,
                                 call.arguments, call.place);
  apply(GEMCUT_CHAT_FUNCTION, *function, count);
}

void ExpressionEmitter::emitMacroCall(const Expression &call) {
  emit(*call.parts[0]);
  std::vector<uint32_t> byName;
  for (const Argument &argument : call.arguments) {
    emit(*argument.value);
    if (!argument.name.empty())
      byName.push_back(writer.string(argument.name));
  }
  if (call.arguments.size() > 64)
    return fail(call.place, "a macro is called with more than 64 arguments");
  writer.op(GEMCUT_CHAT_CALL);
  writer.byte(unsigned(call.arguments.size() - byName.size()));
  writer.byte(unsigned(byName.size()));
  for (uint32_t name : byName)
    writer.word(name);
}

/// namespace(a=1) and dict(a=1).
void ExpressionEmitter::emitNamespace(const Expression &call) {
  for (const Argument &argument : call.arguments) {
    if (argument.name.empty())
      return fail(argument.value->place, "'" + call.parts[0]->text +
                                             "' is supported with named "
                                             "arguments only");
    writer.op(GEMCUT_CHAT_STRING, writer.string(argument.name));
    emit(*argument.value);
  }
  writer.op(GEMCUT_CHAT_MAP, uint32_t(call.arguments.size()));
  if (call.parts[0]->text == "namespace") {
    writer.op(GEMCUT_CHAT_FUNCTION);
    writer.byte(GEMCUT_CHAT_FUNCTION_NAMESPACE);
    writer.byte(1);
  }
}

void ExpressionEmitter::emitMethod(const Expression &call) {
  const Expression &callee = *call.parts[0];
  emit(*callee.parts[0]);
  const Builtin *method = find(BuiltinKind::Method, callee.text, callee.place);
  if (!method)
    return;
  unsigned count =
      emitArguments(BuiltinKind::Method, *method, call.arguments, call.place);
  apply(GEMCUT_CHAT_METHOD, *method, count);
}

void ExpressionEmitter::emitTest(const Expression &value) {
  emit(*value.parts[0]);
  const Builtin *test = find(BuiltinKind::Test, value.text, value.place);
  if (!test)
    return;
  unsigned count =
      emitArguments(BuiltinKind::Test, *test, value.arguments, value.place);
  apply(GEMCUT_CHAT_TEST, *test, count);
}

void ExpressionEmitter::emitFilter(const Expression &value) {
  if (value.parts[0])
    emit(*value.parts[0]);
  if (value.text == "map")
    return emitMapFilter(value);
  for (bool isReject : {false, true})
    for (bool hasAttribute : {false, true})
      if (value.text == std::string(isReject ? "reject" : "select") +
                            (hasAttribute ? "attr" : ""))
        return emitSelect(value, isReject, hasAttribute);
  const Builtin *filter = find(BuiltinKind::Filter, value.text, value.place);
  if (!filter)
    return;
  unsigned count =
      emitArguments(BuiltinKind::Filter, *filter, value.arguments, value.place);
  apply(GEMCUT_CHAT_FILTER, *filter, count);
}

/// map('filter', arguments) and map(attribute='name').
void ExpressionEmitter::emitMapFilter(const Expression &value) {
  llvm::ArrayRef<Argument> arguments = value.arguments;
  const Builtin *filter = nullptr;
  Builtin attribute{
      GEMCUT_CHAT_FILTER_MAP_ATTRIBUTE, "map", {"attribute", "default"}};
  if (!arguments.empty() && arguments[0].name.empty()) {
    if (arguments[0].value->kind != Expression::String)
      return fail(value.place,
                  "the filter that 'map' applies must be a string");
    filter = find(BuiltinKind::Filter, arguments[0].value->text, value.place);
    arguments = arguments.drop_front();
  } else if (!arguments.empty()) {
    filter = &attribute;
  } else {
    fail(value.place, "'map' needs a filter's name or attribute=");
  }
  if (!filter)
    return;
  unsigned count =
      emitArguments(BuiltinKind::Filter, *filter, arguments, value.place);
  apply(GEMCUT_CHAT_MAP_FILTER, *filter, count);
}

/// select(['test', arguments]) and selectattr('name'[, 'test', arguments]).
void ExpressionEmitter::emitSelect(const Expression &value, bool isReject,
                                   bool hasAttribute) {
  llvm::ArrayRef<Argument> arguments = value.arguments;
  if (hasAttribute) {
    if (arguments.empty() || !arguments[0].name.empty())
      return fail(value.place,
                  "'" + value.text + "' needs an attribute's name");
    emit(*arguments[0].value);
    arguments = arguments.drop_front();
  }
  unsigned test = GEMCUT_CHAT_TEST_TRUTH, count = 0;
  if (!arguments.empty()) {
    if (!arguments[0].name.empty() ||
        arguments[0].value->kind != Expression::String)
      return fail(value.place,
                  "the test of '" + value.text + "' must be a string");
    const Builtin *found =
        find(BuiltinKind::Test, arguments[0].value->text, value.place);
    if (!found)
      return;
    test = found->id;
    count = emitArguments(BuiltinKind::Test, *found, arguments.drop_front(),
                          value.place);
  }
  writer.op(GEMCUT_CHAT_SELECT);
  writer.byte(test);
  writer.byte((isReject ? 1u : 0u) | (hasAttribute ? 2u : 0u));
  writer.byte(count);
}
