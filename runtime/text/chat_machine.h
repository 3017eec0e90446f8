//===- chat_machine.h - Runs a chat program ---------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_CHAT_MACHINE_H
#define GEMCUT_RUNTIME_TEXT_CHAT_MACHINE_H

#include "runtime/text/chat_builtins.h"
#include "runtime/text/chat_program.h"

namespace gemcut::text {

/// The stack machine of runtime/abi/chat_program.h. The program may be damaged:
/// every operand and every use of a stack is checked.
class ChatMachine final : public Evaluation {
public:
  static constexpr size_t kMaxFrames = 256;
  static constexpr size_t kMaxStack = 1 << 16;

  ChatMachine(const ProgramView &program, uint64_t maxSteps)
      : program(program), maxSteps(maxSteps) {}

  /// A variable that the caller gives, if the program knows the name.
  void define(std::string_view name, Value value);
  /// False if it failed; `error` then says why, with the template's line.
  bool run();
  MarkedText takeOutput() { return std::move(outputs[0]); }

  std::string_view nameOf(const Value &undefined) const override;

private:
  struct Binding {
    uint32_t name;
    Value value;
  };
  /// A running macro, or the template (the first).
  struct Frame {
    uint32_t resume;
    size_t bindings, scopes, loops, stack, outputs;
    uint64_t given; ///< bits of parameters
  };
  struct Loop {
    Value object;
    size_t scopes, stack;
  };

  bool step();
  bool damaged();
  template <typename T> bool operand(T &value) {
    if (program.codeLength() - at < sizeof(T))
      return damaged();
    value = program.read<T>(at);
    at += sizeof(T);
    return true;
  }
  bool jump(uint32_t to);
  bool pop(Value &value);
  void push(Value value);
  /// Removes the last `count` values, to be used in place first.
  const Value *last(size_t count);

  // chat_operands.cpp
  bool slice();
  bool makeList(bool isTuple);
  bool makeMap();
  bool unpack();
  bool shortCircuit(bool stays);
  bool apply(gemcut_chat_op op);
  bool iterateTrue(const Value &value, Value &list);
  bool mapFilter();
  bool select();
  // chat_scopes.cpp
  Value load(uint32_t name) const;
  void store(uint32_t name, Value value);
  bool setAttribute(uint32_t variable, uint32_t name);
  void closeScopes(size_t count);
  bool call();
  bool enter(const gemcut_chat_macro &macro, const Value *arguments,
             unsigned byPlace, const std::vector<uint32_t> &names);
  bool leave(bool &isDone);
  bool loopBegin();
  bool loopNext();
  bool loopEnd();
  bool collect();

  const ProgramView &program;
  uint32_t at = 0;
  uint64_t steps = 0, maxSteps;
  std::vector<Value> stack;
  std::vector<Binding> given, bindings;
  std::vector<size_t> scopes;
  std::vector<Loop> loops;
  std::vector<Frame> frames;
  std::vector<MarkedText> outputs;
  bool isDone = false;
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_CHAT_MACHINE_H
