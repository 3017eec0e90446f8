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

template <typename T> bool ChatMachine::operand(T &value) {
  if (program.codeLength() - at < sizeof(T))
    return damaged();
  value = program.read<T>(at);
  at += sizeof(T);
  return true;
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

bool ChatMachine::slice() {
  uint8_t present;
  if (!operand(present) || present > 7)
    return damaged();
  Value bounds[3], object;
  for (int i = 2; i >= 0; --i)
    if (present >> i & 1 && !pop(bounds[i]))
      return false;
  if (!pop(object))
    return false;
  push(getSlice(*this, object, present & 1 ? &bounds[0] : nullptr,
                present & 2 ? &bounds[1] : nullptr,
                present & 4 ? &bounds[2] : nullptr));
  return true;
}

bool ChatMachine::makeList(bool isTuple) {
  uint32_t count;
  if (!operand(count))
    return false;
  const Value *values = last(count);
  if (!values || !spendItems(count))
    return false;
  Value list = Value::list({values, values + count}, isTuple);
  stack.resize(stack.size() - count);
  push(std::move(list));
  return true;
}

bool ChatMachine::makeMap() {
  uint32_t count;
  if (!operand(count) || count > kMaxStack)
    return damaged();
  const Value *values = last(size_t(count) * 2);
  if (!values || !spendItems(count))
    return false;
  std::vector<Value::Entry> entries;
  for (uint32_t i = 0; i < count; ++i)
    entries.push_back(
        {toString(*this, values[2 * i], "a key"), values[2 * i + 1]});
  stack.resize(stack.size() - size_t(count) * 2);
  push(Value::map(std::move(entries)));
  return true;
}

bool ChatMachine::unpack() {
  uint32_t count;
  Value value, list;
  if (!operand(count) || !pop(value) || !iterate(*this, value, list))
    return false;
  if (list.items().size() != count) {
    (void)fail("found " + std::to_string(list.items().size()) +
               " values, expected " + std::to_string(count) + " to unpack");
    return false;
  }
  for (size_t i = count; i-- > 0;)
    push(list.items()[i]);
  return true;
}

/// Jumps if the truth of the last value is `stays`; otherwise removes it.
bool ChatMachine::shortCircuit(bool stays) {
  uint32_t to;
  const Value *value = last(1);
  if (!value || !operand(to))
    return false;
  if (isTrue(*value) == stays)
    return jump(to);
  stack.pop_back();
  return true;
}

/// Filters, tests, methods and functions: id, number of arguments.
bool ChatMachine::apply(gemcut_chat_op op) {
  uint8_t id, count;
  if (!operand(id) || !operand(count))
    return false;
  size_t used = size_t(count) + (op == GEMCUT_CHAT_FUNCTION ? 0 : 1);
  const Value *values = last(used);
  if (!values)
    return false;
  Arguments arguments = {values + (used - count), count};
  Value result;
  switch (op) {
  case GEMCUT_CHAT_FILTER:
    result = applyFilter(*this, id, values[0], arguments);
    break;
  case GEMCUT_CHAT_TEST:
    result = Value::boolean(applyTest(*this, id, values[0], arguments));
    break;
  case GEMCUT_CHAT_METHOD:
    result = callMethod(*this, id, values[0], arguments);
    break;
  default:
    result = callFunction(*this, id, arguments);
    break;
  }
  stack.resize(stack.size() - used);
  push(std::move(result));
  return true;
}

/// Of None and other false values map and select take nothing.
bool ChatMachine::iterateTrue(const Value &value, Value &list) {
  if (isTrue(value))
    return iterate(*this, value, list);
  list = Value::list({});
  return true;
}

bool ChatMachine::mapFilter() {
  uint8_t id, count;
  if (!operand(id) || !operand(count))
    return false;
  const Value *values = last(size_t(count) + 1);
  Value list;
  if (!values || !iterateTrue(values[0], list))
    return false;
  std::vector<Value> items;
  for (const Value &item : list.items()) {
    items.push_back(applyFilter(*this, id, item, {values + 1, count}));
    if (!spendItems(1))
      return false;
  }
  stack.resize(stack.size() - count - 1);
  push(Value::list(std::move(items)));
  return true;
}

bool ChatMachine::select() {
  uint8_t test, bits, count;
  if (!operand(test) || !operand(bits) || !operand(count))
    return false;
  bool isReject = bits & 1, hasAttribute = bits & 2;
  size_t used = size_t(count) + 1 + hasAttribute;
  const Value *values = last(used);
  Value list;
  if (!values || !iterateTrue(values[0], list))
    return false;
  std::vector<Value> items;
  for (const Value &item : list.items()) {
    Value tested = hasAttribute ? getPath(*this, item, values[1]) : item;
    if (applyTest(*this, test, tested, {values + used - count, count}) !=
        isReject)
      items.push_back(item);
    if (!spendItems(1))
      return false;
  }
  stack.resize(stack.size() - used);
  push(Value::list(std::move(items)));
  return true;
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
