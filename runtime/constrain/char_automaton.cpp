//===- char_automaton.cpp - Automata over characters ----------------------===//

#include "runtime/constrain/char_automaton.h"

#include <algorithm>
#include <unordered_map>

using namespace gemcut::constrain;
using namespace gemcut;

uint32_t CharAutomaton::addSet(const CodePoints &set) {
  auto found = std::find(sets.begin(), sets.end(), set);
  if (found == sets.end())
    found = sets.insert(found, set);
  return uint32_t(found - sets.begin());
}

size_t CharAutomaton::countEdges() const {
  size_t count = 0;
  for (const State &state : states)
    count += state.edges.size();
  return count;
}

CharAutomaton constrain::anyText() {
  CharAutomaton result;
  result.states.push_back({{{result.addSet(CodePoints::all()), 0}}, true});
  return result;
}

CharAutomaton constrain::intersect(const CharAutomaton &a,
                                   const CharAutomaton &b) {
  CharAutomaton result;
  std::unordered_map<uint64_t, uint32_t> known; // pairs of states
  std::vector<uint64_t> pairs;
  auto find = [&](uint32_t left, uint32_t right) {
    uint64_t pair = uint64_t(left) << 32 | right;
    auto [at, isNew] = known.emplace(pair, uint32_t(pairs.size()));
    if (isNew)
      pairs.push_back(pair);
    return at->second;
  };
  // Intersections of sets, by index; kUnbounded: empty.
  std::unordered_map<uint64_t, uint32_t> sets;
  auto meet = [&](uint32_t left, uint32_t right) {
    auto [at, isNew] =
        sets.emplace(uint64_t(left) << 32 | right, uint32_t(kUnbounded));
    if (isNew) {
      CodePoints both = a.sets[left].intersect(b.sets[right]);
      if (!both.isEmpty())
        at->second = result.addSet(both);
    }
    return at->second;
  };
  if (a.states.empty() || b.states.empty())
    return {};
  find(0, 0);
  size_t edges = 0, edgePairs = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const CharAutomaton::State &left = a.states[pairs[i] >> 32];
    const CharAutomaton::State &right = b.states[uint32_t(pairs[i])];
    CharAutomaton::State state;
    state.isFinal = left.isFinal && right.isFinal;
    edgePairs += left.edges.size() * right.edges.size();
    if (edgePairs > kMostEdgePairs)
      return {};
    for (const auto &x : left.edges)
      for (const auto &y : right.edges) {
        uint32_t set = meet(x.set, y.set);
        if (set != kUnbounded)
          state.edges.push_back({set, find(x.target, y.target)});
      }
    edges += state.edges.size();
    if (std::max(pairs.size(), edges) > kMostStates)
      return {};
    result.states.push_back(std::move(state));
  }
  return result;
}

CharAutomaton constrain::limitLength(const CharAutomaton &text, uint32_t least,
                                     uint32_t most) {
  // A chain that counts; without an upper bound its last state loops.
  uint32_t count = most == kUnbounded ? least : most;
  if (count >= kMostStates)
    return {};
  CharAutomaton chain;
  uint32_t all = chain.addSet(CodePoints::all());
  for (uint32_t i = 0; i <= count; ++i) {
    chain.states.push_back({{}, i >= least});
    if (i < count)
      chain.states.back().edges.push_back({all, i + 1});
    else if (most == kUnbounded)
      chain.states.back().edges.push_back({all, i});
  }
  return intersect(text, chain);
}

CharAutomaton constrain::textWithout(const std::string &word) {
  // Knuth, Morris, Pratt: state n has just read the first n characters.
  auto follow = [&](size_t state, char c) {
    std::string read = word.substr(0, state) + c;
    size_t length = std::min(read.size(), word.size());
    while (read.compare(read.size() - length, length, word, 0, length) != 0)
      --length;
    return length;
  };
  CodePoints letters;
  for (char c : word)
    letters.add(uint8_t(c), uint8_t(c));
  CharAutomaton result;
  uint32_t others = result.addSet(letters.complement());
  for (size_t state = 0; state < word.size(); ++state) {
    result.states.push_back({{{others, 0}}, true});
    for (const CodePoints::Range &range : letters.getRanges())
      for (uint32_t point = range.first; point <= range.last; ++point) {
        size_t next = follow(state, char(point));
        if (next < word.size())
          result.states.back().edges.push_back(
              {result.addSet(CodePoints(point, point)), uint32_t(next)});
      }
  }
  return result;
}

std::vector<std::vector<uint32_t>>
constrain::findPredecessors(const CharAutomaton &text,
                            const std::vector<bool> &isWanted) {
  std::vector<std::vector<uint32_t>> result(text.states.size());
  for (size_t i = 0; i < text.states.size(); ++i)
    for (const CharAutomaton::Edge &edge : text.states[i].edges)
      if (isWanted[edge.set])
        result[edge.target].push_back(uint32_t(i));
  return result;
}

CharAutomaton constrain::trim(const CharAutomaton &text) {
  std::vector<bool> hasText; // by set
  for (const CodePoints &set : text.sets)
    hasText.push_back(!set.isEmpty());
  auto before = findPredecessors(text, hasText);
  std::vector<bool> isAlive(text.states.size());
  std::vector<uint32_t> work;
  for (size_t i = 0; i < text.states.size(); ++i)
    if (text.states[i].isFinal) {
      isAlive[i] = true;
      work.push_back(uint32_t(i));
    }
  while (!work.empty()) {
    uint32_t state = work.back();
    work.pop_back();
    for (uint32_t p : before[state])
      if (!isAlive[p]) {
        isAlive[p] = true;
        work.push_back(p);
      }
  }
  if (text.states.empty() || !isAlive[0])
    return {};
  CharAutomaton result;
  result.sets = text.sets;
  std::vector<uint32_t> index(text.states.size());
  uint32_t count = 0;
  for (size_t i = 0; i < text.states.size(); ++i)
    index[i] = isAlive[i] ? count++ : 0;
  for (size_t i = 0; i < text.states.size(); ++i) {
    if (!isAlive[i])
      continue;
    result.states.push_back({{}, text.states[i].isFinal});
    for (const CharAutomaton::Edge &edge : text.states[i].edges)
      if (isAlive[edge.target] && hasText[edge.set])
        result.states.back().edges.push_back({edge.set, index[edge.target]});
  }
  return result;
}
