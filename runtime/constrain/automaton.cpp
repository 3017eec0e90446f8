//===- automaton.cpp - A network, worked out state by state ---------------===//

#include "runtime/constrain/automaton.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

Automaton::Automaton(Network what) : network(std::move(what)) {
  findClasses();
  isEnd.resize(network.nodes.size());
  for (const Network::Rule &rule : network.rules)
    isEnd[rule.end] = true;
  makeStart();
}

/// Symbols between which no edge tells a difference share a class.
void Automaton::findClasses() {
  size_t symbols = kFirstSpecial + network.specials.size();
  std::vector<bool> isFirst(symbols + 1);
  for (const Network::Node &node : network.nodes)
    for (const Network::Edge &edge : node.edges)
      isFirst[edge.first] = isFirst[size_t(edge.last) + 1] = true;
  classes.resize(symbols);
  for (size_t symbol = 0; symbol < symbols; ++symbol) {
    if (symbol == 0 || isFirst[symbol])
      representatives.push_back(uint16_t(symbol));
    classes[symbol] = uint16_t(representatives.size() - 1);
  }
  classCount = representatives.size();
}

void Automaton::makeStart() {
  stacks = {{0, 0, 0}};
  add(network.rules[0].start, kEmptyStack);
  intern();
}

bool Automaton::mayRun(uint32_t node, uint32_t depth) const {
  return network.nodes[node].depth + depth <= kMostDepth;
}

uint32_t Automaton::push(uint32_t node, uint32_t below) {
  auto [at, isNew] = stackNumbers.emplace(uint64_t(node) << 32 | below,
                                          uint32_t(stacks.size()));
  if (isNew)
    stacks.push_back({node, below, stacks[below].depth + 1});
  return at->second;
}

void Automaton::add(uint32_t node, uint32_t stack) {
  if (!mayRun(node, stacks[stack].depth))
    return;
  // Most sets are small, and looked through faster than hashed.
  Configuration one = {node, stack};
  if (added.size() + work.size() < 16 && seen.empty()) {
    for (const auto *list : {&added, &work})
      for (const Configuration &other : *list)
        if (other.key() == one.key())
          return;
  } else {
    if (seen.empty())
      for (const auto *list : {&added, &work})
        for (const Configuration &other : *list)
          seen.emplace(other.key(), true);
    if (!seen.emplace(one.key(), true).second)
      return;
  }
  work.push_back(one);
}

void Automaton::expand(Configuration at) {
  const Network::Node &node = network.nodes[at.node];
  added.push_back(at);
  for (uint32_t target : node.moves)
    add(target, at.stack);
  for (const Network::Call &call : node.calls) {
    if (!mayRun(call.target, stacks[at.stack].depth) ||
        !mayRun(network.rules[call.rule].start, stacks[at.stack].depth + 1))
      continue;
    add(network.rules[call.rule].start, push(call.target, at.stack));
  }
  if (!isEnd[at.node])
    return;
  if (at.stack == kEmptyStack)
    addedFinal = true;
  else
    add(stacks[at.stack].node, stacks[at.stack].below);
}

PlainRun Automaton::findRun() const {
  PlainRun result = {0, 0};
  for (const Configuration &at : added) {
    PlainRun run = network.nodes[at.node].run;
    if (stacks[at.stack].depth == kMostDepth)
      run = {0, kUnbounded}; // characters of several bytes need a call
    result.least = std::max(result.least, run.least);
    result.most = std::max(result.most, run.most);
  }
  return result;
}

int32_t Automaton::intern() {
  while (!work.empty()) {
    Configuration at = work.back();
    work.pop_back();
    expand(at);
  }
  PlainRun run = findRun();
  // Configurations that read nothing and say nothing about what is read have
  // done their part.
  auto isDone = [&](const Configuration &at) {
    const Network::Node &node = network.nodes[at.node];
    return node.edges.empty() && node.run.most == 0;
  };
  added.erase(std::remove_if(added.begin(), added.end(), isDone), added.end());
  std::sort(added.begin(), added.end(),
            [](const auto &a, const auto &b) { return a.key() < b.key(); });
  int32_t number = kDead;
  if (!added.empty() || addedFinal) {
    uint64_t hash = addedFinal;
    for (const Configuration &at : added)
      hash = (hash ^ at.key()) * 0x9E3779B97F4A7C15u;
    auto [from, to] = statesByHash.equal_range(hash);
    for (; from != to && number == kDead; ++from) {
      const State &state = states[size_t(from->second)];
      if (state.count == added.size() && state.isFinal == addedFinal &&
          std::equal(
              added.begin(), added.end(),
              configurations.begin() + long(state.begin),
              [](const auto &a, const auto &b) { return a.key() == b.key(); }))
        number = from->second;
    }
    if (number == kDead) {
      number = int32_t(states.size());
      states.push_back(
          {configurations.size(), uint32_t(added.size()), addedFinal, run});
      configurations.insert(configurations.end(), added.begin(), added.end());
      transitions.resize(transitions.size() + classCount, int32_t(kUnknown));
      statesByHash.emplace(hash, number);
    }
  }
  added.clear();
  if (!seen.empty())
    seen.clear();
  addedFinal = false;
  return number;
}

int32_t Automaton::findNext(int32_t from, uint32_t symbolClass) {
  uint16_t symbol = representatives[symbolClass];
  State state = states[size_t(from)];
  for (size_t i = 0; i < state.count; ++i) {
    Configuration at = configurations[state.begin + i];
    for (const Network::Edge &edge : network.nodes[at.node].edges)
      if (edge.first <= symbol && symbol <= edge.last)
        add(edge.target, at.stack);
  }
  int32_t next = intern();
  transitions[size_t(from) * classCount + symbolClass] = next;
  return next;
}

size_t Automaton::countBytes() const {
  constexpr size_t kMapEntry = 64;
  return states.size() * (sizeof(State) + kMapEntry) +
         configurations.size() * sizeof(Configuration) +
         transitions.size() * sizeof(int32_t) +
         stacks.size() * (sizeof(Stack) + kMapEntry);
}

void Automaton::forget(std::vector<int32_t> &kept) {
  // Stacks are numbered anew too: each kept state's configurations are written
  // down with their whole stacks first.
  struct Saved {
    uint32_t node;
    std::vector<uint32_t> returns; // the top of the stack first
  };
  std::vector<std::pair<std::vector<Saved>, bool>> saved;
  for (int32_t number : kept) {
    const State &state = states[size_t(number)];
    std::vector<Saved> list;
    for (size_t i = 0; i < state.count; ++i) {
      const Configuration &at = configurations[state.begin + i];
      Saved one = {at.node, {}};
      for (uint32_t s = at.stack; s != kEmptyStack; s = stacks[s].below)
        one.returns.push_back(stacks[s].node);
      list.push_back(std::move(one));
    }
    saved.emplace_back(std::move(list), state.isFinal);
  }
  states.clear();
  configurations.clear();
  transitions.clear();
  statesByHash.clear();
  stackNumbers.clear();
  makeStart();
  for (size_t k = 0; k < kept.size(); ++k) {
    for (const Saved &one : saved[k].first) {
      uint32_t stack = kEmptyStack;
      for (size_t i = one.returns.size(); i-- > 0;)
        stack = push(one.returns[i], stack);
      add(one.node, stack);
    }
    addedFinal = saved[k].second;
    kept[k] = intern();
  }
}
