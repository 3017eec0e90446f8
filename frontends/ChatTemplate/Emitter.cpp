//===- Emitter.cpp - A Jinja template as a program ------------------------===//

#include "frontends/ChatTemplate/Builtins.h"
#include "frontends/ChatTemplate/ChatTemplate.h"
#include "frontends/ChatTemplate/Parser.h"
#include "frontends/ChatTemplate/ProgramWriter.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"

using namespace gemcut::chat;
using llvm::StringRef;
using llvm::Twine;

namespace {

constexpr size_t kMaxSource = 1 << 20;

class Emitter {
public:
  explicit Emitter(StringRef file) : file(file) {}

  llvm::Error run(const Body &body);
  std::vector<uint8_t> finish() const { return writer.finish(); }

private:
  /// A loop around the statement that is being emitted.
  struct Loop {
    uint32_t next;
    unsigned captures; ///< around its body
    std::vector<uint32_t> breaks;
  };

  void fail(Place place, const Twine &message);
  void collectNames(const Body &body);
  void emit(const Body &body);
  void emit(const Statement &statement);
  void emitConditional(const Statement &statement);
  void emitLoop(const Statement &statement);
  void emitFilteredItems(const Statement &statement);
  void emitJump(const Statement &statement);
  void emitMacro(const Statement &statement);
  void emitCapture(const Body &body);
  /// Stores the top of the stack, unpacked if there are several targets.
  void store(const std::vector<Statement::Target> &targets);

  void emit(const Expression &value);
  void emitName(const Expression &value);
  void emitSlice(const Expression &value);
  void emitChoice(const Expression &value);
  void emitCall(const Expression &call);
  void emitMacroCall(const Expression &call);
  void emitNamespace(const Expression &call);
  void emitMethod(const Expression &call);
  void emitFilter(const Expression &value);
  void emitMapFilter(const Expression &value);
  void emitSelect(const Expression &value, bool isReject, bool hasAttribute);
  void constant(gemcut_chat_constant which);
  const Builtin *find(BuiltinKind kind, StringRef name, Place place);
  /// Pushes arguments in the order of the parameters; their number.
  unsigned emitArguments(BuiltinKind kind, const Builtin &builtin,
                         llvm::ArrayRef<Argument> arguments, Place place);

  StringRef file;
  ProgramWriter writer;
  llvm::StringSet<> names; ///< of macros and variables that are set
  std::vector<Loop> loops;
  unsigned captures = 0, scopes = 0;
  bool isInMacro = false;
  bool failed = false;
  llvm::Error error = llvm::Error::success();
};

} // namespace

void Emitter::fail(Place place, const Twine &message) {
  if (failed)
    return;
  failed = true;
  llvm::consumeError(std::move(error));
  error = makeError(file, place, message);
}

void Emitter::collectNames(const Body &body) {
  for (const Statement &statement : body) {
    if (statement.kind == Statement::Macro)
      names.insert(statement.text);
    for (const Statement::Target &target : statement.targets)
      names.insert(target.name);
    collectNames(statement.body);
    collectNames(statement.orElse);
  }
}

llvm::Error Emitter::run(const Body &body) {
  collectNames(body);
  emit(body);
  writer.op(GEMCUT_CHAT_RETURN);
  return std::move(error);
}

void Emitter::emit(const Body &body) {
  for (const Statement &statement : body)
    emit(statement);
}

void Emitter::emit(const Statement &statement) {
  writer.line(statement.place.line);
  switch (statement.kind) {
  case Statement::Data:
    writer.op(GEMCUT_CHAT_TEXT, writer.string(statement.text));
    return;
  case Statement::Output:
    emit(*statement.value);
    writer.op(GEMCUT_CHAT_EMIT);
    return;
  case Statement::If:
    return emitConditional(statement);
  case Statement::For:
    return emitLoop(statement);
  case Statement::Set:
    emit(*statement.value);
    return store(statement.targets);
  case Statement::SetBlock:
    emitCapture(statement.body);
    if (statement.value)
      emit(*statement.value);
    return store(statement.targets);
  case Statement::Filtered:
    emitCapture(statement.body);
    emit(*statement.value);
    writer.op(GEMCUT_CHAT_EMIT);
    return;
  case Statement::Macro:
    return emitMacro(statement);
  case Statement::With:
    // All values are of the scope around it.
    for (const ExpressionPtr &value : statement.values)
      emit(*value);
    writer.op(GEMCUT_CHAT_SCOPE_BEGIN);
    ++scopes;
    for (size_t i = statement.targets.size(); i-- > 0;)
      store({statement.targets[i]});
    emit(statement.body);
    --scopes;
    writer.op(GEMCUT_CHAT_SCOPE_END);
    return;
  case Statement::Group:
    return emit(statement.body);
  case Statement::Break:
  case Statement::Continue:
    return emitJump(statement);
  }
}

void Emitter::emitConditional(const Statement &statement) {
  emit(*statement.value);
  uint32_t otherwise = writer.jump(GEMCUT_CHAT_JUMP_IF_FALSE);
  emit(statement.body);
  if (statement.orElse.empty()) {
    writer.land(otherwise);
    return;
  }
  uint32_t end = writer.jump(GEMCUT_CHAT_JUMP);
  writer.land(otherwise);
  emit(statement.orElse);
  writer.land(end);
}

/// Leaves the list of the items that fulfil the loop's condition.
void Emitter::emitFilteredItems(const Statement &statement) {
  writer.op(GEMCUT_CHAT_LOOP_BEGIN);
  uint32_t next = writer.here();
  uint32_t end = writer.jump(GEMCUT_CHAT_LOOP_NEXT);
  store(statement.targets);
  emit(*statement.condition);
  writer.op(GEMCUT_CHAT_COLLECT);
  writer.op(GEMCUT_CHAT_JUMP, next);
  writer.land(end);
  writer.op(GEMCUT_CHAT_COLLECT_END);
}

void Emitter::emitLoop(const Statement &statement) {
  emit(*statement.value);
  if (statement.condition)
    emitFilteredItems(statement);
  writer.op(GEMCUT_CHAT_LOOP_BEGIN);
  loops.push_back({writer.here(), captures, {}});
  ++scopes;
  uint32_t end = writer.jump(GEMCUT_CHAT_LOOP_NEXT);
  store(statement.targets);
  writer.op(GEMCUT_CHAT_LOOP_VALUE);
  writer.op(GEMCUT_CHAT_STORE, writer.string("loop"));
  emit(statement.body);
  writer.op(GEMCUT_CHAT_JUMP, loops.back().next);
  writer.land(end);
  for (uint32_t jump : loops.back().breaks)
    writer.land(jump);
  loops.pop_back();
  --scopes;
  uint32_t after = writer.jump(GEMCUT_CHAT_LOOP_END);
  if (!statement.orElse.empty()) {
    // The other branch has a scope of its own, as in Jinja.
    writer.op(GEMCUT_CHAT_SCOPE_BEGIN);
    ++scopes;
    emit(statement.orElse);
    --scopes;
    writer.op(GEMCUT_CHAT_SCOPE_END);
  }
  writer.land(after);
}

void Emitter::emitJump(const Statement &statement) {
  const char *name = statement.kind == Statement::Break ? "break" : "continue";
  if (loops.empty())
    return fail(statement.place, Twine("'") + name + "' is in no loop");
  if (loops.back().captures != captures)
    return fail(statement.place, Twine("'") + name +
                                     "' out of a set or filter block is not "
                                     "supported");
  if (statement.kind == Statement::Break)
    loops.back().breaks.push_back(writer.jump(GEMCUT_CHAT_JUMP));
  else
    writer.op(GEMCUT_CHAT_JUMP, loops.back().next);
}

void Emitter::emitMacro(const Statement &statement) {
  if (isInMacro || scopes > 0 || captures > 0)
    return fail(statement.place, "the macro '" + statement.text +
                                     "' is inside a loop or another block; "
                                     "only those outside are supported");
  std::vector<uint32_t> parameters;
  for (const Statement::Target &target : statement.targets)
    parameters.push_back(writer.string(target.name));
  uint32_t macro = writer.addMacro(statement.text, parameters);
  writer.op(GEMCUT_CHAT_MACRO, macro);
  writer.op(GEMCUT_CHAT_STORE, writer.string(statement.text));
  uint32_t after = writer.jump(GEMCUT_CHAT_JUMP);
  writer.beginMacro(macro);
  isInMacro = true;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!statement.values[i])
      continue;
    writer.op(GEMCUT_CHAT_ARGUMENT, uint32_t(i));
    writer.word(0);
    uint32_t given = writer.here() - 4;
    emit(*statement.values[i]);
    writer.op(GEMCUT_CHAT_STORE, parameters[i]);
    writer.land(given);
  }
  std::vector<Loop> outer;
  std::swap(outer, loops);
  emit(statement.body);
  std::swap(outer, loops);
  isInMacro = false;
  writer.op(GEMCUT_CHAT_RETURN);
  writer.land(after);
}

void Emitter::emitCapture(const Body &body) {
  writer.op(GEMCUT_CHAT_CAPTURE_BEGIN);
  writer.op(GEMCUT_CHAT_SCOPE_BEGIN);
  ++captures, ++scopes;
  emit(body);
  --captures, --scopes;
  writer.op(GEMCUT_CHAT_SCOPE_END);
  writer.op(GEMCUT_CHAT_CAPTURE_END);
}

void Emitter::store(const std::vector<Statement::Target> &targets) {
  if (targets.size() > 1)
    writer.op(GEMCUT_CHAT_UNPACK, uint32_t(targets.size()));
  for (const Statement::Target &target : targets) {
    if (target.attribute.empty()) {
      writer.op(GEMCUT_CHAT_STORE, writer.string(target.name));
    } else {
      writer.op(GEMCUT_CHAT_SET_ATTRIBUTE, writer.string(target.name));
      writer.word(writer.string(target.attribute));
    }
  }
}

void Emitter::constant(gemcut_chat_constant which) {
  writer.op(GEMCUT_CHAT_CONSTANT);
  writer.byte(which);
}

void Emitter::emit(const Expression &value) {
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
  case Expression::Test: {
    emit(*value.parts[0]);
    const Builtin *test = find(BuiltinKind::Test, value.text, value.place);
    if (!test)
      return;
    unsigned count =
        emitArguments(BuiltinKind::Test, *test, value.arguments, value.place);
    writer.op(GEMCUT_CHAT_TEST);
    writer.byte(test->id);
    writer.byte(count);
    return;
  }
  }
}

void Emitter::emitName(const Expression &value) {
  if (isInMacro && (value.text == "caller" || value.text == "varargs" ||
                    value.text == "kwargs"))
    return fail(value.place,
                "'" + value.text + "' of a macro is not supported");
  writer.op(GEMCUT_CHAT_LOAD, writer.string(value.text));
}

void Emitter::emitSlice(const Expression &value) {
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

void Emitter::emitChoice(const Expression &value) {
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

const Builtin *Emitter::find(BuiltinKind kind, StringRef name, Place place) {
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

unsigned Emitter::emitArguments(BuiltinKind kind, const Builtin &builtin,
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

void Emitter::emitCall(const Expression &call) {
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
  writer.op(GEMCUT_CHAT_FUNCTION);
  writer.byte(function->id);
  writer.byte(count);
}

void Emitter::emitMacroCall(const Expression &call) {
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
void Emitter::emitNamespace(const Expression &call) {
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

void Emitter::emitMethod(const Expression &call) {
  const Expression &callee = *call.parts[0];
  emit(*callee.parts[0]);
  const Builtin *method = find(BuiltinKind::Method, callee.text, callee.place);
  if (!method)
    return;
  unsigned count =
      emitArguments(BuiltinKind::Method, *method, call.arguments, call.place);
  writer.op(GEMCUT_CHAT_METHOD);
  writer.byte(method->id);
  writer.byte(count);
}

void Emitter::emitFilter(const Expression &value) {
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
  writer.op(GEMCUT_CHAT_FILTER);
  writer.byte(filter->id);
  writer.byte(count);
}

/// map('filter', arguments) and map(attribute='name').
void Emitter::emitMapFilter(const Expression &value) {
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
  writer.op(GEMCUT_CHAT_MAP_FILTER);
  writer.byte(filter->id);
  writer.byte(count);
}

/// select(['test', arguments]) and selectattr('name'[, 'test', arguments]).
void Emitter::emitSelect(const Expression &value, bool isReject,
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

llvm::Expected<std::vector<uint8_t>>
gemcut::chat::compileChatTemplate(StringRef source, StringRef file) {
  if (source.size() > kMaxSource)
    return makeError(file, {},
                     "the chat template has " + Twine(source.size()) +
                         " bytes, but at most 1 MiB is supported");
  auto body = parse(source, file);
  if (!body)
    return body.takeError();
  Emitter emitter(file);
  if (llvm::Error error = emitter.run(*body))
    return std::move(error);
  return emitter.finish();
}
