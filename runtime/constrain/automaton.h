//===- automaton.h - A network, worked out state by state -------*- C++ -*-===//
//
// The lazy deterministic automaton of a network. A state is a set of
// configurations: a node, and the stack of nodes to go on at when the rules
// that are being read end. Stacks are shared lists, states are numbered as they
// are found, and a transition is worked out when it is first needed.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_AUTOMATON_H
#define GEMCUT_RUNTIME_CONSTRAIN_AUTOMATON_H

#include "runtime/constrain/network.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace gemcut::constrain {

/// Not thread-safe.
class Automaton {
public:
  static constexpr int32_t kDead = -1;

  explicit Automaton(Network network);

  int32_t getStart() const { return kStart; }
  /// The state behind a symbol, or kDead.
  int32_t step(int32_t state, uint32_t symbol) {
    int32_t next = transitions[size_t(state) * classCount + classes[symbol]];
    return next != kUnknown ? next : findNext(state, classes[symbol]);
  }
  /// Whether the text may end here.
  bool isFinal(int32_t state) const { return states[size_t(state)].isFinal; }
  /// Whether nothing may follow.
  bool isLast(int32_t state) const { return states[size_t(state)].count == 0; }
  /// The plain characters that may follow: any `least` of them, never more than
  /// `most`.
  PlainRun getRun(int32_t state) const { return states[size_t(state)].run; }

  const Network &getNetwork() const { return network; }
  size_t countStates() const { return states.size(); }
  /// Bytes held for states, stacks and transitions, about.
  size_t countBytes() const;

  /// Forgets all states but the start and those of `kept`, whose numbers it
  /// replaces by their new ones.
  void forget(std::vector<int32_t> &kept);

private:
  static constexpr int32_t kStart = 0, kUnknown = -2;
  static constexpr uint32_t kEmptyStack = 0;

  struct Configuration {
    uint32_t node, stack;
    uint64_t key() const { return uint64_t(node) << 32 | stack; }
  };
  struct Stack {
    uint32_t node, below; // where to go on, and the stack then
    uint32_t depth;
  };
  struct State {
    size_t begin;   // of its configurations
    uint32_t count; // 0: nothing may follow
    bool isFinal;
    PlainRun run;
  };

  void findClasses();
  void makeStart();
  int32_t findNext(int32_t state, uint32_t symbolClass);
  /// Adds a configuration, and those that it leads to without reading.
  void add(uint32_t node, uint32_t stack);
  void expand(Configuration at);
  bool mayRun(uint32_t node, uint32_t depth) const;
  uint32_t push(uint32_t node, uint32_t below);
  /// The number of the state of what was added.
  int32_t intern();
  PlainRun findRun() const;

  Network network;
  std::vector<uint16_t> classes;         // by symbol
  std::vector<uint16_t> representatives; // a symbol of each class
  size_t classCount = 0;
  std::vector<bool> isEnd; // by node: the end of a rule

  std::vector<State> states;
  std::vector<Configuration> configurations; // of all states
  std::vector<int32_t> transitions;          // (states, classCount)
  std::unordered_multimap<uint64_t, int32_t> statesByHash;
  std::vector<Stack> stacks;
  std::unordered_map<uint64_t, uint32_t> stackNumbers;

  // The set that is being added up.
  std::vector<Configuration> added, work;
  std::unordered_map<uint64_t, bool> seen;
  bool addedFinal = false;
};

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_AUTOMATON_H
