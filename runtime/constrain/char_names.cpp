//===- char_names.cpp - Automata of names ---------------------------------===//

#include "runtime/constrain/char_automaton.h"

#include "runtime/text/utf8.h"

#include <algorithm>
#include <unordered_map>

using namespace gemcut::constrain;
using namespace gemcut;

/// The characters of UTF-8. False if it is none.
static bool decode(const std::string &text, std::vector<uint32_t> &points) {
  points.clear();
  for (size_t i = 0; i < text.size();) {
    uint32_t point;
    size_t length = text::decodeUtf8(text.data() + i, text.size() - i, point);
    if (length == 0)
      return false;
    points.push_back(point);
    i += length;
  }
  return true;
}

CharAutomaton constrain::namesOf(const std::vector<std::string> &names) {
  CharAutomaton result;
  result.states.resize(1);
  std::unordered_map<uint32_t, uint32_t> sets;     // of one character each
  std::unordered_map<uint64_t, uint32_t> children; // by state and character
  std::vector<uint32_t> points;
  for (const std::string &name : names) {
    if (!decode(name, points))
      continue;
    uint32_t state = 0;
    for (uint32_t point : points) {
      uint32_t next = uint32_t(result.states.size());
      auto [child, isNew] =
          children.emplace(uint64_t(state) << 32 | point, next);
      if (isNew) {
        if (next >= kMostStates)
          return {};
        auto [set, isNewSet] = sets.emplace(point, result.sets.size());
        if (isNewSet)
          result.sets.emplace_back(point, point);
        result.states.emplace_back();
        result.states[state].edges.push_back({set->second, next});
      }
      state = child->second;
    }
    result.states[state].isFinal = true;
  }
  return result;
}

std::optional<bool> constrain::accepts(const CharAutomaton &automaton,
                                       const std::string &text,
                                       TextSearch &search) {
  std::vector<uint32_t> points;
  if (automaton.states.empty() || !decode(text, points))
    return false;
  if (search.seen.size() < automaton.states.size())
    search.seen.resize(automaton.states.size());
  std::vector<uint32_t> now = {0}, next;
  for (uint32_t point : points) {
    next.clear();
    ++search.step;
    for (uint32_t state : now) {
      const auto &edges = automaton.states[state].edges;
      if (edges.size() > search.edgesLeft)
        return std::nullopt;
      search.edgesLeft -= edges.size();
      for (const CharAutomaton::Edge &edge : edges)
        if (search.seen[edge.target] != search.step &&
            automaton.sets[edge.set].contains(point)) {
          search.seen[edge.target] = search.step;
          next.push_back(edge.target);
        }
    }
    now.swap(next);
  }
  return std::any_of(now.begin(), now.end(), [&](uint32_t state) {
    return automaton.states[state].isFinal;
  });
}

CharAutomaton constrain::namesExcept(const CodePoints &set,
                                     const std::vector<std::string> &names) {
  struct Node {
    std::vector<std::pair<uint32_t, uint32_t>> children; // by character, sorted
    bool isName = false;
  };
  std::vector<Node> nodes(1);
  for (const std::string &name : names) {
    uint32_t node = 0;
    for (size_t i = 0; i < name.size();) {
      uint32_t point;
      size_t length = text::decodeUtf8(name.data() + i, name.size() - i, point);
      if (length == 0 || !set.contains(point))
        break; // no text of the set goes on like this
      i += length;
      auto &children = nodes[node].children;
      auto at = std::lower_bound(children.begin(), children.end(),
                                 std::pair(point, uint32_t(0)));
      bool isNew = at == children.end() || at->first != point;
      if (isNew)
        at = children.insert(at, {point, uint32_t(nodes.size())});
      node = at->second;
      if (isNew)
        nodes.emplace_back();
      nodes[node].isName |= i == name.size();
    }
  }
  CharAutomaton result;
  uint32_t other = uint32_t(nodes.size());        // no name begins like this
  std::unordered_map<uint32_t, uint32_t> singles; // sets of one character
  for (uint32_t node = 0; node < nodes.size(); ++node) {
    CharAutomaton::State state;
    state.isFinal = node != 0 && !nodes[node].isName;
    CodePoints begun;
    for (auto [point, child] : nodes[node].children) {
      auto [one, isNew] = singles.emplace(point, 0);
      if (isNew)
        one->second = result.addSet(CodePoints(point, point));
      state.edges.push_back({one->second, child});
      begun.add(point, point);
    }
    CodePoints rest = set.without(begun);
    if (!rest.isEmpty())
      state.edges.push_back({result.addSet(rest), other});
    result.states.push_back(std::move(state));
  }
  result.states.push_back({{{result.addSet(set), other}}, true});
  return result;
}
