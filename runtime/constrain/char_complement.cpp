//===- char_complement.cpp - The texts that an automaton has not ----------===//
//
// The automaton's sets part all characters into classes whose members no set
// tells apart. With these the powerset construction gives a deterministic
// automaton, whose final states are exchanged for the others.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/char_automaton.h"

#include <algorithm>
#include <map>

using namespace gemcut;
using namespace gemcut::constrain;

static constexpr size_t kMostSets = 256, kMostClasses = 1024;

namespace {
/// Characters that are in the same sets.
struct CharClass {
  CodePoints points;
  std::vector<bool> isIn; // by set
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
  std::map<std::vector<uint32_t>, uint32_t> known; // sets of states, sorted
  std::vector<const std::vector<uint32_t> *> order;
  auto find = [&](std::vector<uint32_t> states) {
    auto [at, isNew] = known.emplace(std::move(states), uint32_t(order.size()));
    if (isNew)
      order.push_back(&at->first);
    return at->second;
  };
  find(text.states.empty() ? std::vector<uint32_t>()
                           : std::vector<uint32_t>{0});
  size_t looked = 0, edges = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    std::map<uint32_t, CodePoints> targets;
    bool isFinal = false;
    size_t count = 1;
    for (uint32_t state : *order[i]) {
      isFinal |= text.states[state].isFinal;
      count += text.states[state].edges.size();
    }
    looked += count * classes.size();
    if (looked > kMostEdgePairs)
      return {};
    for (const CharClass &one : classes) {
      std::vector<uint32_t> next;
      for (uint32_t state : *order[i])
        for (const CharAutomaton::Edge &edge : text.states[state].edges)
          if (one.isIn[edge.set])
            next.push_back(edge.target);
      std::sort(next.begin(), next.end());
      next.erase(std::unique(next.begin(), next.end()), next.end());
      targets[find(std::move(next))].add(one.points);
    }
    CharAutomaton::State state;
    state.isFinal = !isFinal;
    for (const auto &[target, points] : targets)
      state.edges.push_back({result.addSet(points), target});
    edges += state.edges.size();
    if (std::max(order.size(), edges) > kMostStates)
      return {};
    result.states.push_back(std::move(state));
  }
  return result;
}
