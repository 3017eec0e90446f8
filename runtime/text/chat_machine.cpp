//===- chat_machine.cpp - Runs a chat program -----------------------------===//

#include "runtime/text/chat_machine.h"
#include "runtime/text/python_text.h"

using namespace gemcut::text;
using Kind = Value::Kind;

void ChatMachine::define(std::string_view name, Value value) {
  uint32_t number = program.findString(name);
  if (number == program.stringCount())
    return;
  for (Binding &binding : given)
    if (binding.name == number) {
      binding.value = std::move(value);
      return;
    }
  given.push_back({number, std::move(value)});
}

bool ChatMachine::run() {
  stack.reserve(64);
  outputs.emplace_back();
  scopes.push_back(0);
  frames.push_back({0, 0, 1, 0, 0, 1, 0});
  uint32_t start = 0;
  while (!isDone && !failed) {
    start = at;
    if (++steps > maxSteps) {
      (void)fail("the template takes more than " + std::to_string(maxSteps) +
                 " steps");
      break;
    }
    step();
  }
  if (failed)
    error = "chat template, line " + std::to_string(program.lineOf(start)) +
            ": " + error;
  return !failed;
}

std::string_view ChatMachine::nameOf(const Value &undefined) const {
  int64_t id = undefined.integerValue();
  return id > 0 ? program.string(uint32_t(id - 1)) : std::string_view();
}

bool ChatMachine::damaged() {
  (void)fail("the program is damaged");
  return false;
}

bool ChatMachine::jump(uint32_t to) {
  if (to >= program.codeLength())
    return damaged();
  at = to;
  return true;
}

bool ChatMachine::pop(Value &value) {
  if (stack.size() <= frames.back().stack)
    return damaged();
  value = std::move(stack.back());
  stack.pop_back();
  return true;
}

void ChatMachine::push(Value value) {
  if (stack.size() >= kMaxStack)
    (void)fail("an expression needs too many values");
  else if (value.depth() > kMaxValueDepth)
    (void)fail("more than 128 values lie inside each other");
  else
    stack.push_back(std::move(value));
}

const Value *ChatMachine::last(size_t count) {
  if (stack.size() - frames.back().stack < count) {
    damaged();
    return nullptr;
  }
  return stack.data() + stack.size() - count;
}

bool ChatMachine::step() {
  uint8_t op, small;
  uint32_t number, place;
  Value value, other;
  if (!operand(op))
    return false;
  switch (op) {
  case GEMCUT_CHAT_TEXT:
    if (!operand(number) || !spend(program.string(number).size()))
      return false;
    outputs.back().appendTrusted(program.string(number));
    return true;
  case GEMCUT_CHAT_EMIT: {
    if (!pop(value))
      return false;
    size_t before = outputs.back().size();
    appendText(value, outputs.back());
    return spend(outputs.back().size() - before);
  }
  case GEMCUT_CHAT_STRING:
    if (!operand(number) || !spend(program.string(number).size()))
      return false;
    push(Value::trusted(program.string(number)));
    return true;
  case GEMCUT_CHAT_INTEGER: {
    int64_t integer;
    if (!operand(integer))
      return false;
    push(Value::integer(integer));
    return true;
  }
  case GEMCUT_CHAT_REAL: {
    double real;
    if (!operand(real))
      return false;
    push(Value::real(real));
    return true;
  }
  case GEMCUT_CHAT_CONSTANT:
    if (!operand(small))
      return false;
    if (small == GEMCUT_CHAT_UNDEFINED || small == GEMCUT_CHAT_MISSING)
      push(Value::simple(Kind::Undefined,
                         small == GEMCUT_CHAT_MISSING ? -1 : 0));
    else if (small == GEMCUT_CHAT_NONE)
      push(Value::none());
    else
      push(Value::boolean(small == GEMCUT_CHAT_TRUE));
    return true;
  case GEMCUT_CHAT_LOAD:
    if (!operand(number))
      return false;
    push(load(number));
    return true;
  case GEMCUT_CHAT_STORE:
    if (!operand(number) || !pop(value))
      return false;
    store(number, std::move(value));
    return true;
  case GEMCUT_CHAT_ATTRIBUTE:
    if (!operand(number) || !pop(value))
      return false;
    push(getAttribute(*this, value, program.string(number),
                      int64_t(number) + 1));
    return true;
  case GEMCUT_CHAT_ITEM:
    if (!pop(other) || !pop(value))
      return false;
    push(getItem(*this, value, other));
    return true;
  case GEMCUT_CHAT_SET_ATTRIBUTE:
    return operand(number) && operand(place) && setAttribute(number, place);
  case GEMCUT_CHAT_SLICE:
    return slice();
  case GEMCUT_CHAT_LIST:
  case GEMCUT_CHAT_TUPLE:
    return makeList(op == GEMCUT_CHAT_TUPLE);
  case GEMCUT_CHAT_MAP:
    return makeMap();
  case GEMCUT_CHAT_UNPACK:
    return unpack();
  case GEMCUT_CHAT_UNARY:
    if (!operand(small) || !pop(value))
      return false;
    push(applyUnary(*this, small, value));
    return true;
  case GEMCUT_CHAT_BINARY:
    if (!operand(small) || !pop(other) || !pop(value))
      return false;
    push(applyBinary(*this, small, value, other));
    return true;
  case GEMCUT_CHAT_JUMP:
    return operand(place) && jump(place);
  case GEMCUT_CHAT_JUMP_IF_FALSE:
    return operand(place) && pop(value) && (isTrue(value) || jump(place));
  case GEMCUT_CHAT_AND:
    return shortCircuit(/*stays=*/false);
  case GEMCUT_CHAT_OR:
    return shortCircuit(/*stays=*/true);
  case GEMCUT_CHAT_FILTER:
  case GEMCUT_CHAT_TEST:
  case GEMCUT_CHAT_METHOD:
  case GEMCUT_CHAT_FUNCTION:
    return apply(gemcut_chat_op(op));
  case GEMCUT_CHAT_MAP_FILTER:
    return mapFilter();
  case GEMCUT_CHAT_SELECT:
    return select();
  case GEMCUT_CHAT_CALL:
    return call();
  case GEMCUT_CHAT_LOOP_BEGIN:
    return loopBegin();
  case GEMCUT_CHAT_LOOP_NEXT:
    return loopNext();
  case GEMCUT_CHAT_LOOP_VALUE:
    if (loops.size() <= frames.back().loops)
      return damaged();
    push(loops.back().object);
    return true;
  case GEMCUT_CHAT_LOOP_END:
    return loopEnd();
  case GEMCUT_CHAT_COLLECT:
    return collect();
  case GEMCUT_CHAT_COLLECT_END: {
    if (loops.size() <= frames.back().loops)
      return damaged();
    Loop loop = std::move(loops.back());
    loops.pop_back();
    closeScopes(loop.scopes);
    push(Value::list(std::move(loop.object.objectAs<LoopObject>()->kept)));
    return true;
  }
  case GEMCUT_CHAT_SCOPE_BEGIN:
    if (scopes.size() >= kMaxStack)
      return damaged();
    scopes.push_back(bindings.size());
    return true;
  case GEMCUT_CHAT_SCOPE_END:
    if (scopes.size() <= frames.back().scopes)
      return damaged();
    closeScopes(scopes.size() - 1);
    return true;
  case GEMCUT_CHAT_CAPTURE_BEGIN:
    if (outputs.size() >= kMaxStack)
      return damaged();
    outputs.emplace_back();
    return true;
  case GEMCUT_CHAT_CAPTURE_END:
    if (outputs.size() <= frames.back().outputs)
      return damaged();
    value = Value::string(std::move(outputs.back()));
    outputs.pop_back();
    push(std::move(value));
    return true;
  case GEMCUT_CHAT_MACRO:
    if (!operand(number))
      return false;
    push(Value::simple(Kind::Macro, number));
    return true;
  case GEMCUT_CHAT_ARGUMENT:
    if (!operand(number) || !operand(place) || number >= 64)
      return damaged();
    return !(frames.back().given >> number & 1) || jump(place);
  case GEMCUT_CHAT_RETURN:
    return leave(isDone);
  default:
    return damaged();
  }
}
