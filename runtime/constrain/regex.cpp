//===- regex.cpp - Regular expressions ------------------------------------===//
//
// Thompson's construction, with moves that a beginning or an end of the text
// permits, and then an automaton without empty moves: its states are pairs of a
// node behind a character and of what the anchors passed so far demand.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/regex.h"

#include "runtime/constrain/regex_parser.h"

#include <algorithm>
#include <unordered_map>

using namespace gemcut;
using namespace gemcut::constrain;

namespace {

/// Thompson's automaton.
class Fragments {
public:
  enum class Move : uint8_t { Free, AtBegin, AtEnd };
  struct Node {
    std::vector<std::pair<Move, uint32_t>> moves;
    uint32_t set = kUnbounded, target = 0; // an edge, if it has a set
  };

  /// Between two new nodes. False if there are too many.
  bool build(const RegexNode &tree, uint32_t &start, uint32_t &end) {
    start = addNode();
    end = addNode();
    return add(tree, start, end);
  }

  std::vector<Node> nodes;
  CharAutomaton sets; // only its sets

private:
  uint32_t addNode() {
    nodes.emplace_back();
    return uint32_t(nodes.size() - 1);
  }
  void move(uint32_t from, uint32_t to, Move kind = Move::Free) {
    nodes[from].moves.push_back({kind, to});
  }
  bool add(const RegexNode &tree, uint32_t from, uint32_t to);
  bool repeat(const RegexNode &tree, uint32_t from, uint32_t to);
};

bool Fragments::repeat(const RegexNode &tree, uint32_t from, uint32_t to) {
  const RegexNode &body = tree.children[0];
  for (uint32_t i = 0; i < tree.least; ++i) {
    uint32_t next = addNode();
    if (!add(body, from, next))
      return false;
    from = next;
  }
  if (tree.most == kUnbounded) {
    uint32_t loop = addNode(), back = addNode();
    move(from, loop);
    move(back, loop);
    move(loop, to);
    return add(body, loop, back);
  }
  for (uint32_t i = tree.least; i < tree.most; ++i) {
    uint32_t next = addNode();
    move(from, to);
    if (!add(body, from, next))
      return false;
    from = next;
  }
  move(from, to);
  return true;
}

bool Fragments::add(const RegexNode &tree, uint32_t from, uint32_t to) {
  if (nodes.size() > kMostStates)
    return false;
  switch (tree.kind) {
  case RegexNode::Set: {
    uint32_t own = addNode(); // one edge per node
    move(from, own);
    nodes[own].set = sets.addSet(tree.set);
    nodes[own].target = to;
    return true;
  }
  case RegexNode::Begin:
    move(from, to, Move::AtBegin);
    return true;
  case RegexNode::End:
    move(from, to, Move::AtEnd);
    return true;
  case RegexNode::Repeat:
    return repeat(tree, from, to);
  case RegexNode::Either:
    for (const RegexNode &child : tree.children) {
      uint32_t start = addNode();
      move(from, start);
      if (!add(child, start, to))
        return false;
    }
    return true;
  case RegexNode::Concat:
    for (const RegexNode &child : tree.children) {
      uint32_t next = addNode();
      if (!add(child, from, next))
        return false;
      from = next;
    }
    move(from, to);
    return true;
  }
  return true;
}

/// Takes the empty moves out.
class Flattener {
public:
  Flattener(const Fragments &from, uint32_t end) : from(from), end(end) {}

  bool run(uint32_t start, CharAutomaton &out) {
    out.sets = from.sets.sets;
    find(start, 0);
    size_t edges = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
      CharAutomaton::State state;
      expand(keys[i], state);
      edges += state.edges.size();
      if (std::max(keys.size(), edges) > kMostStates)
        return false;
      out.states.push_back(std::move(state));
    }
    return true;
  }

private:
  static constexpr uint64_t kHasBegun = 1, kHasEnded = 2;

  uint32_t find(uint32_t node, uint64_t flags) {
    uint64_t key = uint64_t(node) << 2 | flags;
    auto [at, isNew] = known.emplace(key, uint32_t(keys.size()));
    if (isNew)
      keys.push_back(key);
    return at->second;
  }

  void expand(uint64_t key, CharAutomaton::State &state) {
    std::vector<uint64_t> work = {key};
    std::unordered_map<uint64_t, bool> seen = {{key, true}};
    while (!work.empty()) {
      uint64_t flags = work.back() & 3;
      uint32_t index = uint32_t(work.back() >> 2);
      work.pop_back();
      const Fragments::Node &node = from.nodes[index];
      state.isFinal |= index == end;
      if (node.set != kUnbounded && !(flags & kHasEnded))
        state.edges.push_back({node.set, find(node.target, kHasBegun)});
      for (auto [kind, target] : node.moves) {
        if (kind == Fragments::Move::AtBegin && flags & kHasBegun)
          continue;
        uint64_t next = uint64_t(target) << 2 | flags;
        if (kind == Fragments::Move::AtEnd)
          next |= kHasEnded;
        if (seen.emplace(next, true).second)
          work.push_back(next);
      }
    }
    auto less = [](const auto &a, const auto &b) {
      return a.set != b.set ? a.set < b.set : a.target < b.target;
    };
    auto equal = [](const auto &a, const auto &b) {
      return a.set == b.set && a.target == b.target;
    };
    std::sort(state.edges.begin(), state.edges.end(), less);
    state.edges.erase(
        std::unique(state.edges.begin(), state.edges.end(), equal),
        state.edges.end());
  }

  const Fragments &from;
  uint32_t end;
  std::unordered_map<uint64_t, uint32_t> known;
  std::vector<uint64_t> keys;
};

} // namespace

/// TREE with any text around it.
static RegexNode surround(RegexNode tree) {
  RegexNode any, repeat, result;
  any.kind = RegexNode::Set;
  any.set = CodePoints::all();
  repeat.kind = RegexNode::Repeat;
  repeat.most = kUnbounded;
  repeat.children.push_back(std::move(any));
  result.children.push_back(repeat);
  result.children.push_back(std::move(tree));
  result.children.push_back(std::move(repeat));
  return result;
}

static bool build(const RegexNode &tree, CharAutomaton &out,
                  std::string &error) {
  Fragments fragments;
  uint32_t start, end;
  CharAutomaton flat;
  if (!fragments.build(tree, start, end) ||
      !Flattener(fragments, end).run(start, flat)) {
    error = "the pattern becomes larger than " + std::to_string(kMostStates) +
            " states";
    return false;
  }
  out = constrain::trim(flat);
  return true;
}

/// Texts that begin with a match of the tree, or with none.
static bool restrict(CharAutomaton &text, Lookahead lookahead,
                     std::string &error) {
  RegexNode begin, whole;
  begin.kind = RegexNode::Begin;
  whole.children.push_back(std::move(begin));
  whole.children.push_back(std::move(lookahead.tree));
  CharAutomaton matching;
  if (!build(surround(std::move(whole)), matching, error))
    return false;
  if (lookahead.isNegative)
    matching = constrain::complement(matching);
  CharAutomaton both = intersect(text, matching);
  bool isTooLarge =
      both.states.empty() && (lookahead.isNegative || !matching.states.empty());
  if (isTooLarge)
    error = "the pattern with its look-ahead becomes too large";
  text = constrain::trim(both);
  return !isTooLarge;
}

bool constrain::parseRegex(std::string_view pattern, RegexSpan span,
                           CharAutomaton &out, std::string &error) {
  RegexNode tree;
  RegexParser parser(pattern);
  if (!parser.parse(tree)) {
    error = parser.getError();
    return false;
  }
  if (span == RegexSpan::Anywhere)
    tree = surround(std::move(tree));
  if (!build(tree, out, error))
    return false;
  for (Lookahead &lookahead : parser.getLookaheads())
    if (!out.states.empty() && !restrict(out, std::move(lookahead), error))
      return false;
  if (out.states.empty()) {
    error = "no text matches the pattern";
    return false;
  }
  return true;
}
