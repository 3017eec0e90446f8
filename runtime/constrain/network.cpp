//===- network.cpp - Rules over bytes that may call each other ------------===//

#include "runtime/constrain/network.h"

#include <algorithm>
#include <cstdio>

using namespace gemcut;
using namespace gemcut::constrain;

uint32_t NetworkBuilder::addNode() {
  network.nodes.emplace_back();
  return uint32_t(network.nodes.size() - 1);
}

uint32_t NetworkBuilder::addRule(std::string name) {
  uint32_t start = addNode(), end = addNode();
  network.rules.push_back({start, end, std::move(name)});
  return uint32_t(network.rules.size() - 1);
}

void NetworkBuilder::addMove(uint32_t from, uint32_t to) {
  network.nodes[from].moves.push_back(to);
}

void NetworkBuilder::addEdge(uint32_t from, uint16_t first, uint16_t last,
                             uint32_t to) {
  network.nodes[from].edges.push_back({first, last, to});
}

void NetworkBuilder::addCall(uint32_t from, uint32_t rule, uint32_t to) {
  network.nodes[from].calls.push_back({rule, to});
}

void NetworkBuilder::setRun(uint32_t node, PlainRun run) {
  network.nodes[node].run = run;
  network.nodes[node].hasRun = true;
}

void NetworkBuilder::addText(uint32_t from, std::string_view bytes,
                             uint32_t to) {
  if (bytes.empty())
    return addMove(from, to);
  for (size_t i = 0; i < bytes.size(); ++i) {
    uint32_t next = i + 1 < bytes.size() ? addNode() : to;
    addEdge(from, uint8_t(bytes[i]), uint8_t(bytes[i]), next);
    from = next;
  }
}

void NetworkBuilder::addSpecial(uint32_t from, int32_t id, uint32_t to) {
  auto &ids = network.specials;
  auto at = std::find(ids.begin(), ids.end(), id);
  if (at == ids.end())
    at = ids.insert(at, id);
  auto symbol = uint16_t(kFirstSpecial + (at - ids.begin()));
  addEdge(from, symbol, symbol, to);
}

/// Code points that have UTF-8 sequences of equal length, which differ in every
/// way from the first of `first` to the last of `last`: split until the bytes
/// behind the leading one take all values, or the leading ones are equal.
void NetworkBuilder::addUtf8(uint32_t from, uint32_t first, uint32_t last,
                             uint32_t to) {
  for (uint32_t bound : {0x7Fu, 0x7FFu, 0xFFFFu})
    if (first <= bound && last > bound) {
      addUtf8(from, first, bound, to);
      addUtf8(from, bound + 1, last, to);
      return;
    }
  if (last < 0x80)
    return addEdge(from, uint16_t(first), uint16_t(last), to);
  int more = last < 0x800 ? 1 : last < 0x10000 ? 2 : 3; // continuation bytes
  for (int i = 1; i <= more; ++i) {
    uint32_t low = (1u << 6 * i) - 1;
    if ((first & ~low) == (last & ~low))
      continue;
    if (first & low) {
      addUtf8(from, first, first | low, to);
      addUtf8(from, (first | low) + 1, last, to);
      return;
    }
    if ((last & low) != low) {
      addUtf8(from, first, (last & ~low) - 1, to);
      addUtf8(from, last & ~low, last, to);
      return;
    }
  }
  for (int i = more; i >= 0; --i) {
    auto byteOf = [&](uint32_t point) {
      uint32_t bits = point >> 6 * i & 0x3F;
      uint32_t lead = more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0;
      return uint16_t(i == more ? lead | point >> 6 * i : 0x80 | bits);
    };
    uint32_t next = i ? addNode() : to;
    addEdge(from, byteOf(first), byteOf(last), next);
    from = next;
  }
}

/// The escape of a character in a JSON string; "" where it has none.
static std::string escapeOf(uint32_t point) {
  switch (point) {
  case '"':
    return "\\\"";
  case '\\':
    return "\\\\";
  case '\b':
    return "\\b";
  case '\f':
    return "\\f";
  case '\n':
    return "\\n";
  case '\r':
    return "\\r";
  case '\t':
    return "\\t";
  }
  if (point >= 0x20)
    return "";
  char text[8];
  snprintf(text, sizeof text, "\\u%04x", point);
  return text;
}

void NetworkBuilder::addCharSet(uint32_t from, const CodePoints &set,
                                CharCoding coding, uint32_t to) {
  CodePoints direct = set;
  if (coding == CharCoding::Json) {
    direct = set.intersect(CodePoints::plain());
    CodePoints escaped = set.without(direct);
    for (const CodePoints::Range &range : escaped.getRanges())
      for (uint32_t point = range.first; point <= range.last; ++point)
        addText(from, escapeOf(point), to);
  }
  for (const CodePoints::Range &range : direct.getRanges())
    addUtf8(from, range.first, range.last, to);
}

uint32_t NetworkBuilder::findCharRule(const CodePoints &set,
                                      CharCoding coding) {
  for (const CharRule &known : charRules)
    if (known.coding == coding && known.set == set)
      return known.rule;
  uint32_t rule = addRule("a character");
  addCharSet(startOf(rule), set, coding, endOf(rule));
  // What begins here was counted at the node that calls.
  setRun(startOf(rule), {0, 0});
  charRules.push_back({set, coding, rule});
  return rule;
}

void NetworkBuilder::addChars(uint32_t from, const CharAutomaton &text,
                              CharCoding coding, uint32_t to) {
  std::vector<PlainRun> runs = findPlainRuns(text);
  // Sets of a few ASCII characters are edges, others rules of their own.
  constexpr uint32_t kNoRule = UINT32_MAX;
  CodePoints ascii(0, 0x7F);
  if (coding == CharCoding::Json)
    ascii = ascii.intersect(CodePoints::plain());
  std::vector<uint32_t> rules;
  for (const CodePoints &set : text.sets)
    rules.push_back(ascii.contains(set) ? kNoRule : findCharRule(set, coding));

  std::vector<uint32_t> nodes;
  for (size_t i = 0; i < text.states.size(); ++i) {
    nodes.push_back(addNode());
    // Where not every plain character is taken, what follows may begin with
    // one.
    bool isKnown = runs[i].least > 0 || text.states[i].edges.empty();
    setRun(nodes.back(), isKnown ? runs[i] : PlainRun());
  }
  addMove(from, nodes[0]);
  for (size_t i = 0; i < text.states.size() && !isTooLarge(); ++i) {
    for (const CharAutomaton::Edge &edge : text.states[i].edges) {
      uint32_t target = nodes[edge.target];
      if (rules[edge.set] != kNoRule)
        addCall(nodes[i], rules[edge.set], target);
      else
        for (const auto &range : text.sets[edge.set].getRanges())
          addEdge(nodes[i], uint16_t(range.first), uint16_t(range.last),
                  target);
    }
    if (text.states[i].isFinal)
      addMove(nodes[i], to);
  }
}
