//===- Emitter.cpp - A Jinja template as a program ------------------------===//

#include "frontends/ChatTemplate/ChatTemplate.h"
#include "frontends/ChatTemplate/ExpressionEmitter.h"
#include "frontends/ChatTemplate/Parser.h"

#include "llvm/ADT/Twine.h"

using namespace gemcut::chat;
using llvm::StringRef;
using llvm::Twine;

namespace {

constexpr size_t kMaxSource = 1 << 20;

/// Statements, and the whole program.
class Emitter : public ExpressionEmitter {
public:
  using ExpressionEmitter::ExpressionEmitter;

  llvm::Error run(const Body &body);
  std::vector<uint8_t> finish() const { return writer.finish(); }

private:
  /// A loop around the statement that is being emitted.
  struct Loop {
    uint32_t next;
    unsigned captures; ///< around its body
    std::vector<uint32_t> breaks;
  };

  using ExpressionEmitter::emit;

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

  std::vector<Loop> loops;
  unsigned captures = 0, scopes = 0;
};

} // namespace

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
  return takeError();
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
