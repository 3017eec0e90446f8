//===- char_runs.cpp - How many plain characters states take --------------===//

#include "runtime/constrain/char_automaton.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

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
    auto before = findPredecessors(text, touches);
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
  auto before = findPredecessors(text, touches);
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
