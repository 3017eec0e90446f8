//===- char_automaton.cpp - Automata over characters ----------------------===//

#include "runtime/constrain/char_automaton.h"

#include "runtime/text/utf8.h"

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

/// For each state, those with an edge to it that `isWanted`, once per edge.
template <typename Wanted>
static std::vector<std::vector<uint32_t>>
findPredecessors(const CharAutomaton &text, Wanted isWanted) {
  std::vector<std::vector<uint32_t>> result(text.states.size());
  for (size_t i = 0; i < text.states.size(); ++i)
    for (const CharAutomaton::Edge &edge : text.states[i].edges)
      if (isWanted(edge))
        result[edge.target].push_back(uint32_t(i));
  return result;
}

CharAutomaton constrain::trim(const CharAutomaton &text) {
  auto hasText = [&](const CharAutomaton::Edge &edge) {
    return !text.sets[edge.set].isEmpty();
  };
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
      if (isAlive[edge.target] && hasText(edge))
        result.states.back().edges.push_back({edge.set, index[edge.target]});
  }
  return result;
}

namespace {
/// The lower bounds of plain runs. A state whose edges do not cover all plain
/// characters takes 0. One that does takes one more than the shortest of its
/// targets, or than the best target of an edge that covers them alone. States
/// get their value in the order of values; those that never do take any number.
class LeastRuns {
public:
  explicit LeastRuns(const CharAutomaton &text) : text(text) {
    CodePoints plain = CodePoints::plain();
    for (const CodePoints &set : text.sets) {
      touches.push_back(!set.intersect(plain).isEmpty());
      covers.push_back(set.contains(plain));
    }
  }

  std::vector<uint32_t> run() {
    values.assign(text.states.size(), kUnbounded);
    std::vector<uint32_t> order;
    for (uint32_t i = 0; i < text.states.size(); ++i)
      if (!isCovered(text.states[i])) {
        values[i] = 0;
        order.push_back(i);
      }
    auto before = findPredecessors(
        text, [&](const CharAutomaton::Edge &e) { return touches[e.set]; });
    for (size_t i = 0; i < order.size(); ++i)
      for (uint32_t p : before[order[i]])
        if (values[p] == kUnbounded) {
          uint32_t value = evaluate(text.states[p]);
          if (value == kUnbounded)
            continue;
          values[p] = value;
          order.push_back(p);
        }
    return std::move(values);
  }

private:
  bool isCovered(const CharAutomaton::State &state) const {
    CodePoints all;
    for (const CharAutomaton::Edge &edge : state.edges) {
      if (covers[edge.set])
        return true;
      all.add(text.sets[edge.set]);
    }
    return all.contains(CodePoints::plain());
  }

  uint32_t evaluate(const CharAutomaton::State &state) const {
    uint32_t least = kUnbounded, best = 0;
    bool hasBest = false;
    for (const CharAutomaton::Edge &edge : state.edges) {
      if (!touches[edge.set])
        continue;
      least = std::min(least, values[edge.target]);
      if (covers[edge.set]) {
        best = std::max(best, values[edge.target]);
        hasBest = true;
      }
    }
    uint32_t value = hasBest ? std::max(best, least) : least;
    return value == kUnbounded ? value : value + 1;
  }

  const CharAutomaton &text;
  std::vector<bool> touches, covers; // by set
  std::vector<uint32_t> values;
};
} // namespace

std::vector<PlainRun> constrain::findPlainRuns(const CharAutomaton &text) {
  std::vector<PlainRun> runs(text.states.size());
  std::vector<uint32_t> least = LeastRuns(text).run();
  // The longest path of edges with plain characters; cycles have none.
  CodePoints plain = CodePoints::plain();
  std::vector<bool> touches;
  for (const CodePoints &set : text.sets)
    touches.push_back(!set.intersect(plain).isEmpty());
  auto isPlain = [&](const CharAutomaton::Edge &e) { return touches[e.set]; };
  auto before = findPredecessors(text, isPlain);
  std::vector<uint32_t> waiting(text.states.size()), order, longest(waiting);
  for (uint32_t i = 0; i < text.states.size(); ++i) {
    const auto &edges = text.states[i].edges;
    waiting[i] = uint32_t(std::count_if(edges.begin(), edges.end(), isPlain));
    if (waiting[i] == 0)
      order.push_back(i);
  }
  for (size_t i = 0; i < order.size(); ++i)
    for (uint32_t p : before[order[i]]) {
      longest[p] = std::max(longest[p], longest[order[i]] + 1);
      if (--waiting[p] == 0)
        order.push_back(p);
    }
  for (size_t i = 0; i < runs.size(); ++i)
    runs[i] = {least[i], waiting[i] == 0 ? longest[i] : kUnbounded};
  return runs;
}
