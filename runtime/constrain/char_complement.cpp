//===- char_complement.cpp - The texts that an automaton has not ----------===//
//
// The automaton's sets part all characters into classes whose members no set
// tells apart. With these the powerset construction gives a deterministic
// automaton, whose final states are exchanged for the others.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/char_automaton.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

static constexpr size_t kMostSets = 256, kMostClasses = 1024;

namespace {
/// Characters that are in the same sets.
struct CharClass {
  CodePoints points;
  std::vector<bool> isIn; // by set
};

/// Sets of states, numbered as they are met. (std::map needs a library that
/// Android's shared libraries do not have.)
class KnownSets {
public:
  uint32_t find(std::vector<uint32_t> states) {
    auto at = std::lower_bound(
        sorted.begin(), sorted.end(), states,
        [&](uint32_t number, const auto &set) { return sets[number] < set; });
    if (at != sorted.end() && sets[*at] == states)
      return *at;
    sorted.insert(at, uint32_t(sets.size()));
    sets.push_back(std::move(states));
    return uint32_t(sets.size() - 1);
  }
  size_t size() const { return sets.size(); }
  const std::vector<uint32_t> &operator[](size_t number) const {
    return sets[number];
  }

private:
  std::vector<std::vector<uint32_t>> sets;
  std::vector<uint32_t> sorted; // numbers, by their sets
};

/// The characters of each target, by target.
class Targets {
public:
  CodePoints &operator[](uint32_t target) {
    auto at = std::lower_bound(
        all.begin(), all.end(), target,
        [](const auto &one, uint32_t value) { return one.first < value; });
    if (at == all.end() || at->first != target)
      at = all.insert(at, {target, CodePoints()});
    return at->second;
  }
  auto begin() const { return all.begin(); }
  auto end() const { return all.end(); }

private:
  std::vector<std::pair<uint32_t, CodePoints>> all;
};
} // namespace

static std::vector<CharClass> partition(const std::vector<CodePoints> &sets) {
  std::vector<CharClass> classes = {{CodePoints::all(), {}}};
  for (const CodePoints &set : sets) {
    std::vector<CharClass> next;
    for (const CharClass &one : classes)
      for (bool isIn : {true, false}) {
        CodePoints part =
            isIn ? one.points.intersect(set) : one.points.without(set);
        if (part.isEmpty())
          continue;
        next.push_back({std::move(part), one.isIn});
        next.back().isIn.push_back(isIn);
      }
    classes = std::move(next);
    if (classes.size() > kMostClasses)
      break;
  }
  return classes;
}

CharAutomaton constrain::complement(const CharAutomaton &text) {
  if (text.sets.size() > kMostSets)
    return {};
  std::vector<CharClass> classes = partition(text.sets);
  if (classes.size() > kMostClasses)
    return {};
  CharAutomaton result;
  KnownSets known;
  known.find(text.states.empty() ? std::vector<uint32_t>()
                                 : std::vector<uint32_t>{0});
  size_t looked = 0, edges = 0;
  for (size_t i = 0; i < known.size(); ++i) {
    const std::vector<uint32_t> states = known[i];
    Targets targets;
    bool isFinal = false;
    size_t count = 1;
    for (uint32_t state : states) {
      isFinal |= text.states[state].isFinal;
      count += text.states[state].edges.size();
    }
    looked += count * classes.size();
    if (looked > kMostEdgePairs)
      return {};
    for (const CharClass &one : classes) {
      std::vector<uint32_t> next;
      for (uint32_t state : states)
        for (const CharAutomaton::Edge &edge : text.states[state].edges)
          if (one.isIn[edge.set])
            next.push_back(edge.target);
      std::sort(next.begin(), next.end());
      next.erase(std::unique(next.begin(), next.end()), next.end());
      targets[known.find(std::move(next))].add(one.points);
    }
    CharAutomaton::State state;
    state.isFinal = !isFinal;
    for (const auto &[target, points] : targets)
      state.edges.push_back({result.addSet(points), target});
    edges += state.edges.size();
    if (std::max(known.size(), edges) > kMostStates)
      return {};
    result.states.push_back(std::move(state));
  }
  return result;
}
