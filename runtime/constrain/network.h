//===- network.h - Rules over bytes that may call each other ----*- C++ -*-===//
//
// What every kind of grammar is compiled to: a recursive transition network.
// A rule is a nondeterministic automaton with one start and one end; an edge
// reads a symbol, or calls a rule and goes on where that ends. Symbols 0 .. 255
// are the bytes of the text, those above are tokens of the chat format.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_NETWORK_H
#define GEMCUT_RUNTIME_CONSTRAIN_NETWORK_H

#include "runtime/constrain/char_automaton.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gemcut::constrain {

/// Any special token without a symbol of its own; the k-th one that has one is
/// kFirstSpecial + k.
inline constexpr uint16_t kOtherSpecial = 256, kFirstSpecial = 257;

/// Calls within each other that a text may need; beyond, a grammar offers only
/// what ends sooner.
inline constexpr uint32_t kMostDepth = 128;

struct Network {
  struct Edge {
    uint16_t first, last; // symbols
    uint32_t target;
  };
  struct Call {
    uint32_t rule, target;
  };
  struct Node {
    std::vector<Edge> edges;
    std::vector<Call> calls;
    std::vector<uint32_t> moves; // without reading
    PlainRun run;                // of what is read from here on, in this rule
                                 // and in the rules that it calls
    bool hasRun = false;         // run was set, and is not to be derived
    uint32_t depth = 0; // calls within each other that the way to the end needs
  };
  struct Rule {
    uint32_t start, end;
    std::string name; // for messages
  };

  std::vector<Node> nodes;
  std::vector<Rule> rules;       // rule 0 is the grammar
  std::vector<int32_t> specials; // ids of the symbols from kFirstSpecial on
};

/// How a character of a string is written.
enum class CharCoding {
  Utf8,
  Json, // as in a JSON string, each character in one way: \" \\ \b \f \n \r \t
        // and \u00XX for the other controls, everything else as UTF-8
};

/// Builds a network. Parts are added between two nodes; `from` of one part is
/// `to` of the part before it.
class NetworkBuilder {
public:
  /// Nodes beyond which a grammar is refused.
  static constexpr size_t kMostNodes = 1 << 18;

  uint32_t addNode();
  uint32_t addRule(std::string name);
  uint32_t startOf(uint32_t rule) const { return network.rules[rule].start; }
  uint32_t endOf(uint32_t rule) const { return network.rules[rule].end; }

  void addMove(uint32_t from, uint32_t to);
  void addEdge(uint32_t from, uint16_t first, uint16_t last, uint32_t to);
  void addCall(uint32_t from, uint32_t rule, uint32_t to);
  /// Sets the run of a node whose texts are known to be any plain characters.
  void setRun(uint32_t node, PlainRun run);

  void addText(uint32_t from, std::string_view bytes, uint32_t to);
  /// A special token by its id.
  void addSpecial(uint32_t from, int32_t id, uint32_t to);
  /// Texts of a trimmed automaton. If a state of it takes every plain
  /// character, what follows must not begin with one.
  void addChars(uint32_t from, const CharAutomaton &text, CharCoding coding,
                uint32_t to);

  bool isTooLarge() const { return network.nodes.size() > kMostNodes; }

  /// Takes out of the network what leads nowhere. False with a sentence in
  /// `error`: it is too large, has no text at all, or a rule calls itself
  /// before anything is read.
  [[nodiscard]] bool finish(Network &out, std::string &error);

private:
  void addCharSet(uint32_t from, const CodePoints &set, CharCoding coding,
                  uint32_t to);
  void addUtf8(uint32_t from, uint32_t first, uint32_t last, uint32_t to);
  uint32_t findCharRule(const CodePoints &set, CharCoding coding);

  Network network;
  struct CharRule {
    CodePoints set;
    CharCoding coding;
    uint32_t rule;
  };
  std::vector<CharRule> charRules;
};

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_NETWORK_H
