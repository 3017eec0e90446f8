//===- network_finish.cpp - Takes out what leads nowhere ------------------===//

#include "runtime/constrain/network.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

static constexpr uint32_t kNever = UINT32_MAX;

namespace {

/// For each node the least number of calls within each other on a way to the
/// end of its rule. A rule's own number is that of its start; a call takes one
/// more than the rule's. Nodes are found in the order of their numbers.
class Depths {
public:
  explicit Depths(Network &network) : network(network) {}

  void run() {
    std::vector<std::vector<uint32_t>> moves(network.nodes.size());
    std::vector<std::vector<Caller>> byTarget(network.nodes.size());
    std::vector<std::vector<Caller>> byRule(network.rules.size());
    for (uint32_t i = 0; i < network.nodes.size(); ++i) {
      Network::Node &node = network.nodes[i];
      node.depth = kNever;
      for (const Network::Edge &edge : node.edges)
        moves[edge.target].push_back(i);
      for (uint32_t target : node.moves)
        moves[target].push_back(i);
      for (const Network::Call &call : node.calls) {
        byTarget[call.target].push_back({i, call.rule, call.target});
        byRule[call.rule].push_back({i, call.rule, call.target});
      }
    }
    std::vector<std::vector<uint32_t>> rulesOf(network.nodes.size());
    for (uint32_t r = 0; r < network.rules.size(); ++r) {
      reach(network.rules[r].end, 0);
      rulesOf[network.rules[r].start].push_back(r);
    }
    for (uint32_t depth = 0; depth < byDepth.size(); ++depth)
      for (size_t i = 0; i < byDepth[depth].size(); ++i) {
        uint32_t node = byDepth[depth][i];
        if (network.nodes[node].depth != depth)
          continue; // was reached at less
        for (uint32_t before : moves[node])
          reach(before, depth);
        for (const Caller &caller : byTarget[node])
          follow(caller);
        for (uint32_t rule : rulesOf[node])
          for (const Caller &caller : byRule[rule])
            follow(caller);
      }
  }

private:
  struct Caller {
    uint32_t node, rule, target;
  };

  void reach(uint32_t node, uint32_t depth) {
    if (depth >= network.nodes[node].depth || depth > kMostDepth)
      return;
    network.nodes[node].depth = depth;
    if (byDepth.size() <= depth)
      byDepth.resize(depth + 1);
    byDepth[depth].push_back(node);
  }

  void follow(const Caller &caller) {
    uint32_t inside = network.nodes[network.rules[caller.rule].start].depth;
    uint32_t after = network.nodes[caller.target].depth;
    if (inside != kNever && after != kNever)
      reach(caller.node, std::max(inside + 1, after));
  }

  Network &network;
  std::vector<std::vector<uint32_t>> byDepth;
};

/// Finds rules that are called again before anything is read.
class FirstCalls {
public:
  explicit FirstCalls(const Network &network) : network(network) {}

  /// The index of such a rule, or kNever.
  uint32_t run() {
    findEmptyRules();
    for (uint32_t r = 0; r < network.rules.size(); ++r)
      calls.push_back(findCalls(r));
    state.assign(network.rules.size(), New);
    for (uint32_t r = 0; r < network.rules.size(); ++r)
      if (state[r] == New && visit(r))
        return found;
    return kNever;
  }

private:
  enum State : uint8_t { New, Open, Done };

  /// Calls `reached` with the nodes that are reached without reading.
  template <typename Fn> void walk(uint32_t rule, Fn reached) const {
    std::vector<uint32_t> work = {network.rules[rule].start}, seen = work;
    auto add = [&](uint32_t node) {
      if (std::find(seen.begin(), seen.end(), node) == seen.end()) {
        seen.push_back(node);
        work.push_back(node);
      }
    };
    while (!work.empty()) {
      uint32_t at = work.back();
      work.pop_back();
      reached(at);
      for (uint32_t target : network.nodes[at].moves)
        add(target);
      for (const Network::Call &call : network.nodes[at].calls)
        if (isEmpty[call.rule])
          add(call.target);
    }
  }

  void findEmptyRules() {
    isEmpty.assign(network.rules.size(), false);
    for (bool isChanged = true; isChanged;) {
      isChanged = false;
      for (uint32_t r = 0; r < network.rules.size(); ++r)
        if (!isEmpty[r])
          walk(r, [&](uint32_t node) {
            if (node == network.rules[r].end)
              isChanged = isEmpty[r] = true;
          });
    }
  }

  std::vector<uint32_t> findCalls(uint32_t rule) const {
    std::vector<uint32_t> result;
    walk(rule, [&](uint32_t node) {
      for (const Network::Call &call : network.nodes[node].calls)
        result.push_back(call.rule);
    });
    return result;
  }

  bool visit(uint32_t rule) {
    // Rules nest as deep as references in a schema, which is bounded by their
    // number; a list instead of recursion.
    std::vector<std::pair<uint32_t, size_t>> path = {{rule, 0}};
    state[rule] = Open;
    while (!path.empty()) {
      auto &[at, next] = path.back();
      if (next == calls[at].size()) {
        state[at] = Done;
        path.pop_back();
        continue;
      }
      uint32_t callee = calls[at][next++];
      if (state[callee] == Open) {
        found = callee;
        return true;
      }
      if (state[callee] == New) {
        state[callee] = Open;
        path.push_back({callee, 0});
      }
    }
    return false;
  }

  const Network &network;
  std::vector<bool> isEmpty;
  std::vector<std::vector<uint32_t>> calls;
  std::vector<State> state;
  uint32_t found = kNever;
};

} // namespace

/// Whether a plain character may begin with this symbol.
static bool mayBeginPlain(const Network::Edge &edge) {
  for (uint32_t symbol = edge.first; symbol <= edge.last; ++symbol)
    if (symbol >= 0x20 && symbol != '"' && symbol != '\\' && symbol < 0x100 &&
        (symbol < 0x80 || symbol >= 0xC2))
      return true;
  return false;
}

bool NetworkBuilder::finish(Network &out, std::string &error) {
  if (isTooLarge()) {
    error = "it becomes larger than " + std::to_string(kMostNodes) + " nodes";
    return false;
  }
  // Before rules that have no text are taken out: this says more about them.
  uint32_t again = FirstCalls(network).run();
  if (again != kNever) {
    error = network.rules[again].name +
            " leads back to itself before anything of it is written";
    return false;
  }
  Depths(network).run();
  if (network.nodes[network.rules[0].start].depth == kNever) {
    error = "there is no answer that it allows";
    return false;
  }
  for (Network::Node &node : network.nodes) {
    auto isDead = [&](uint32_t target) {
      return network.nodes[target].depth == kNever;
    };
    auto &edges = node.edges;
    edges.erase(std::remove_if(edges.begin(), edges.end(),
                               [&](const auto &e) { return isDead(e.target); }),
                edges.end());
    auto &moves = node.moves;
    moves.erase(std::remove_if(moves.begin(), moves.end(), isDead),
                moves.end());
    auto &calls = node.calls;
    calls.erase(std::remove_if(calls.begin(), calls.end(),
                               [&](const auto &c) {
                                 return isDead(c.target) ||
                                        isDead(network.rules[c.rule].start);
                               }),
                calls.end());
    if (!node.hasRun)
      node.run = {0, std::any_of(edges.begin(), edges.end(), mayBeginPlain)
                         ? kUnbounded
                         : 0};
  }
  out = std::move(network);
  return true;
}
