//===- chat_scopes.cpp - Variables, macros and loops of a chat program ---===//

#include "runtime/text/chat_machine.h"

using namespace gemcut::text;
using Kind = Value::Kind;

Value ChatMachine::load(uint32_t name) const {
  const Frame &frame = frames.back();
  for (size_t i = bindings.size(); i-- > frame.bindings;)
    if (bindings[i].name == name)
      return bindings[i].value;
  // A macro also sees the outermost scope of the template.
  size_t outer = scopes.size() > 1 ? scopes[1] : bindings.size();
  for (size_t i = outer; i-- > 0;)
    if (bindings[i].name == name)
      return bindings[i].value;
  for (const Binding &binding : given)
    if (binding.name == name)
      return binding.value;
  return Value::simple(Kind::Undefined, int64_t(name) + 1);
}

void ChatMachine::store(uint32_t name, Value value) {
  for (size_t i = bindings.size(); i-- > scopes.back();)
    if (bindings[i].name == name) {
      bindings[i].value = std::move(value);
      return;
    }
  bindings.push_back({name, std::move(value)});
}

bool ChatMachine::setAttribute(uint32_t variable, uint32_t name) {
  Value value, target = load(variable);
  if (!pop(value))
    return false;
  if (!target.is(Kind::Namespace)) {
    (void)fail("'" + std::string(program.string(variable)) +
               "' is no namespace, whose attributes can be set");
    return false;
  }
  target.objectAs<NamespaceObject>()->set(program.string(name),
                                          std::move(value));
  return true;
}

/// Closes scopes until `count` are left.
void ChatMachine::closeScopes(size_t count) {
  if (scopes.size() > count) {
    bindings.resize(scopes[count]);
    scopes.resize(count);
  }
}

bool ChatMachine::call() {
  uint8_t byPlace, byName;
  if (!operand(byPlace) || !operand(byName))
    return false;
  std::vector<uint32_t> names(byName);
  for (uint32_t &name : names)
    if (!operand(name))
      return false;
  const Value *values = last(size_t(byPlace) + byName + 1);
  if (!values)
    return false;
  const Value &callee = values[0];
  gemcut_chat_macro macro;
  if (callee.isUndefined()) {
    (void)failUndefined(callee);
    return false;
  }
  if (!callee.is(Kind::Macro)) {
    (void)fail(std::string("'") + typeName(callee) + "' cannot be called");
    return false;
  }
  if (!program.macro(uint32_t(callee.integerValue()), macro))
    return damaged();
  return enter(macro, values + 1, byPlace, names);
}

bool ChatMachine::enter(const gemcut_chat_macro &macro, const Value *arguments,
                        unsigned byPlace, const std::vector<uint32_t> &names) {
  std::string name(program.string(macro.name));
  if (frames.size() >= kMaxFrames) {
    (void)fail("macros call each other more than 256 deep");
    return false;
  }
  if (byPlace > macro.parameter_count) {
    (void)fail("the macro '" + name + "' takes at most " +
               std::to_string(macro.parameter_count) + " arguments");
    return false;
  }
  size_t used = byPlace + names.size() + 1;
  Frame frame = {at,
                 bindings.size(),
                 scopes.size() + 1,
                 loops.size(),
                 stack.size() - used,
                 outputs.size() + 1,
                 0};
  std::vector<Binding> parameters;
  for (uint32_t i = 0; i < macro.parameter_count; ++i) {
    uint32_t parameter = program.parameter(macro, i);
    parameters.push_back(
        {parameter, Value::simple(Kind::Undefined, int64_t(parameter) + 1)});
    if (i < byPlace) {
      parameters[i].value = arguments[i];
      frame.given |= uint64_t(1) << i;
    }
  }
  for (size_t n = 0; n < names.size(); ++n) {
    uint32_t i = 0;
    while (i < macro.parameter_count && parameters[i].name != names[n])
      ++i;
    if (i == macro.parameter_count || frame.given >> i & 1) {
      (void)fail("the macro '" + name + "' has no parameter '" +
                 std::string(program.string(names[n])) + "' left");
      return false;
    }
    parameters[i].value = arguments[byPlace + n];
    frame.given |= uint64_t(1) << i;
  }
  stack.resize(frame.stack);
  scopes.push_back(bindings.size());
  for (Binding &parameter : parameters)
    bindings.push_back(std::move(parameter));
  outputs.emplace_back();
  frames.push_back(frame);
  return jump(macro.code);
}

/// At the end of a macro, or of the template.
bool ChatMachine::leave(bool &isDone) {
  Frame frame = frames.back();
  if (outputs.size() != frame.outputs)
    return damaged();
  if (frames.size() == 1) {
    isDone = true;
    return true;
  }
  frames.pop_back();
  bindings.resize(frame.bindings);
  scopes.resize(frame.scopes - 1);
  loops.resize(frame.loops);
  stack.resize(frame.stack);
  at = frame.resume;
  Value text = Value::string(std::move(outputs.back()));
  outputs.pop_back();
  push(std::move(text));
  return true;
}

bool ChatMachine::loopBegin() {
  Value value, list;
  if (!pop(value) || !iterate(*this, value, list))
    return false;
  auto *object = new LoopObject;
  Value loop = Value::object(Kind::Loop, object);
  object->depth = list.depth();
  object->items = std::move(list);
  if (loops.size() >= kMaxStack)
    return damaged();
  loops.push_back({std::move(loop), scopes.size(), stack.size()});
  scopes.push_back(bindings.size());
  return true;
}

bool ChatMachine::loopNext() {
  uint32_t end;
  if (!operand(end) || loops.size() <= frames.back().loops)
    return damaged();
  Loop &loop = loops.back();
  auto *object = loop.object.objectAs<LoopObject>();
  closeScopes(loop.scopes + 1);
  if (scopes.size() != loop.scopes + 1 || stack.size() < loop.stack)
    return damaged();
  bindings.resize(scopes.back());
  stack.resize(loop.stack);
  if (object->next == object->items.items().size())
    return jump(end);
  push(object->items.items()[object->next++]);
  return true;
}

bool ChatMachine::loopEnd() {
  uint32_t after;
  if (!operand(after) || loops.size() <= frames.back().loops)
    return damaged();
  Loop loop = std::move(loops.back());
  loops.pop_back();
  closeScopes(loop.scopes);
  return loop.object.objectAs<LoopObject>()->next == 0 || jump(after);
}

bool ChatMachine::collect() {
  Value keep;
  if (!pop(keep) || loops.size() <= frames.back().loops)
    return damaged();
  auto *object = loops.back().object.objectAs<LoopObject>();
  if (object->next == 0)
    return damaged();
  if (isTrue(keep))
    object->kept.push_back(object->items.items()[object->next - 1]);
  return true;
}
