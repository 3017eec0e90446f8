//===- char_automaton.h - Automata over characters --------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_CHAR_AUTOMATON_H
#define GEMCUT_RUNTIME_CONSTRAIN_CHAR_AUTOMATON_H

#include "runtime/constrain/code_points.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace gemcut::constrain {

/// More states or edges than this are refused: a pattern of this size takes
/// some 10 ms to compile.
inline constexpr size_t kMostStates = 1 << 16;

/// Pairs of edges that an intersection looks at before it is refused: a few
/// 100 ms.
inline constexpr size_t kMostEdgePairs = 1 << 22;

/// No bound on the length of a run.
inline constexpr uint32_t kUnbounded = UINT32_MAX;

/// A nondeterministic automaton over code points, without empty moves; state 0
/// is the start. The text inside of a string is one.
struct CharAutomaton {
  struct Edge {
    uint32_t set; // of sets
    uint32_t target;
  };
  struct State {
    std::vector<Edge> edges;
    bool isFinal = false;
  };

  std::vector<State> states;
  std::vector<CodePoints> sets; // no two are equal

  /// The index of a set, added if it is new.
  uint32_t addSet(const CodePoints &set);
  size_t countEdges() const;
};

/// Any text, empty included.
CharAutomaton anyText();

/// Texts of both. Empty (no states) if it has more than kMostStates, or needs
/// more than kMostEdgePairs.
CharAutomaton intersect(const CharAutomaton &a, const CharAutomaton &b);

/// The texts that have from `least` to `most` (kUnbounded: any number of)
/// characters. Empty as above.
CharAutomaton limitLength(const CharAutomaton &text, uint32_t least,
                          uint32_t most);

/// The texts that are not among those of the automaton, by way of a
/// deterministic one. Empty as above.
CharAutomaton complement(const CharAutomaton &text);

/// Any text without `word`, of ASCII characters, in it.
CharAutomaton textWithout(const std::string &word);

/// Texts of characters from `set`, at least one, except `names` (UTF-8).
CharAutomaton namesExcept(const CodePoints &set,
                          const std::vector<std::string> &names);

/// The texts of a list (UTF-8; what is not is left out), as a tree of what they
/// begin with. Empty (no states) if it has more than kMostStates.
CharAutomaton namesOf(const std::vector<std::string> &names);

/// What searches for texts in automata share.
struct TextSearch {
  size_t edgesLeft = 1 << 25; // that may be looked at, some 100 ms
  size_t step = 0;            // characters that have been read
  std::vector<size_t> seen;   // by state, the last step that reached it
};

/// Whether a text (UTF-8) is among those of the automaton; none if `search` has
/// no edges left for the answer.
std::optional<bool> accepts(const CharAutomaton &automaton,
                            const std::string &text, TextSearch &search);

/// Removes edges to states from which no final one is reached. Empty if the
/// start is one of these.
CharAutomaton trim(const CharAutomaton &text);

/// For each state, those with an edge to it of a set that `isWanted`, once per
/// edge.
std::vector<std::vector<uint32_t>>
findPredecessors(const CharAutomaton &text, const std::vector<bool> &isWanted);

/// How many plain characters (CodePoints::plain) a state of a trimmed automaton
/// takes.
struct PlainRun {
  uint32_t least = 0;         // so many are taken, whatever they are
  uint32_t most = kUnbounded; // no more than that are ever taken
};

/// For each state.
std::vector<PlainRun> findPlainRuns(const CharAutomaton &text);

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_CHAR_AUTOMATON_H
