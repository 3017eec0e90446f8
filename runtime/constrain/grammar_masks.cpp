//===- grammar_masks.cpp - From states to masks ---------------------------===//

#include "runtime/constrain/grammar_masks.h"

#include "runtime/core/error.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

static void set(uint32_t *words, int32_t id) {
  words[uint32_t(id) / 32] |= 1u << uint32_t(id) % 32;
}

static uint16_t findDepth(const Trie &trie) {
  uint16_t depth = 0;
  for (const Trie::Node &node : trie.nodes)
    depth = std::max(depth, node.depth);
  return depth;
}

Grammar::Grammar(VocabularyPtr what, Network network, size_t most)
    : vocabulary(std::move(what)), mostBytes(most),
      automaton(std::move(network)) {
  path.resize(std::max(findDepth(vocabulary->getPlain()),
                       findDepth(vocabulary->getRest())) +
              size_t(1));
}

uint32_t Grammar::symbolOf(int32_t id) const {
  const std::vector<int32_t> &specials = automaton.getNetwork().specials;
  auto at = std::find(specials.begin(), specials.end(), id);
  return at == specials.end()
             ? kOtherSpecial
             : uint32_t(kFirstSpecial + (at - specials.begin()));
}

int32_t Grammar::accept(int32_t state, int32_t id) const {
  const std::vector<int32_t> &specials = vocabulary->getSpecialIds();
  if (std::binary_search(specials.begin(), specials.end(), id))
    return automaton.step(state, symbolOf(id));
  std::string text = vocabulary->textOf(id);
  if (text.empty())
    return Automaton::kDead;
  for (char c : text)
    if ((state = automaton.step(state, uint8_t(c))) == Automaton::kDead)
      break;
  return state;
}

void Grammar::forget(std::vector<int32_t> &kept) const {
  automaton.forget(kept);
  masks.clear();
  oldestMask = 0;
  ++epoch;
}

void Grammar::makeRoom() const {
  std::vector<int32_t> none;
  if (automaton.countBytes() > mostBytes)
    forget(none);
}

/// Sets the bits of the tokens that a state reads to the end. Returns the
/// state, whose number changes if something had to be forgotten on the way.
int32_t Grammar::walk(const Trie &trie, int32_t state, uint32_t *words) const {
  path[0] = state;
  const Trie::Node *nodes = trie.nodes.data();
  size_t count = trie.nodes.size() - 1;
  for (size_t n = 0; n < count;) {
    const Trie::Node &node = nodes[n];
    int32_t next = automaton.step(path[node.depth - 1u], node.byte);
    if (next == Automaton::kDead) {
      n = node.subtreeEnd;
      continue;
    }
    path[node.depth] = next;
    for (uint32_t t = node.firstToken; t < nodes[n + 1].firstToken; ++t)
      set(words, trie.tokens[t]);
    ++n;
    // Texts that make a new state at every byte would fill the memory.
    if ((n & 1023) == 0 && automaton.countBytes() > mostBytes) {
      std::vector<int32_t> kept(path.begin(), path.begin() + node.depth + 1);
      forget(kept);
      std::copy(kept.begin(), kept.end(), path.begin());
    }
  }
  return path[0];
}

void Grammar::addSpecials(int32_t state, uint32_t *words) const {
  const std::vector<int32_t> &specials = automaton.getNetwork().specials;
  for (size_t k = 0; k < specials.size(); ++k)
    if (!vocabulary->isStop(specials[k]) &&
        automaton.step(state, uint32_t(kFirstSpecial + k)) != Automaton::kDead)
      set(words, specials[k]);
  if (automaton.step(state, kOtherSpecial) != Automaton::kDead)
    for (int32_t id : vocabulary->getSpecialIds())
      if (symbolOf(id) == kOtherSpecial)
        set(words, id);
  if (automaton.isFinal(state))
    for (int32_t id : vocabulary->getStopIds())
      set(words, id);
}

void Grammar::computeMask(int32_t state, uint32_t *words) const {
  PlainRun run = automaton.getRun(state);
  if (run.least == run.most) {
    vocabulary->copyPlain(run.least, words);
  } else {
    std::fill(words, words + vocabulary->maskWords(), 0);
    state = walk(vocabulary->getPlain(), state, words);
  }
  state = walk(vocabulary->getRest(), state, words);
  addSpecials(state, words);
}

void Grammar::fillMask(int32_t state, uint32_t *words) const {
  size_t count = vocabulary->maskWords();
  for (const KnownMask &known : masks)
    if (known.state == state) {
      std::copy(known.mask.begin(), known.mask.end(), words);
      return;
    }
  uint64_t before = epoch;
  computeMask(state, words);
  if (epoch != before)
    return; // the number of the state is gone
  if (masks.size() < kMostMasks) {
    masks.push_back({state, Mask(words, words + count)});
    return;
  }
  masks[oldestMask].state = state;
  masks[oldestMask].mask.assign(words, words + count);
  oldestMask = (oldestMask + 1) % kMostMasks;
}

gemcut_status constrain::makeGrammar(const VocabularyPtr &vocabulary,
                                     NetworkBuilder &builder, const char *what,
                                     GrammarPtr &out) {
  Network network;
  std::string error;
  if (!builder.finish(network, error))
    return fail(GEMCUT_INVALID_ARGUMENT, "%s cannot be used: %s", what,
                error.c_str());
  out = std::make_shared<Grammar>(vocabulary, std::move(network));
  return GEMCUT_OK;
}

gemcut_status constrain::addThought(NetworkBuilder &builder,
                                    const Vocabulary &vocabulary,
                                    Thought thought, uint32_t from,
                                    uint32_t &to) {
  to = from;
  if (thought == Thought::None)
    return GEMCUT_OK;
  int32_t open = vocabulary.role(GEMCUT_TOKEN_CHANNEL_OPEN);
  int32_t close = vocabulary.role(GEMCUT_TOKEN_CHANNEL_CLOSE);
  if (open < 0 || close < 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the vocabulary lacks <|channel> and <channel|>, so no thought "
                "can stand before a constrained answer");
  to = builder.addNode();
  uint32_t inside = builder.addNode();
  if (thought == Thought::Allowed) {
    builder.addMove(from, to);
    builder.addSpecial(from, open, inside);
  } else {
    builder.addMove(from, inside);
  }
  builder.addEdge(inside, 0, 255, inside);
  builder.setRun(inside, {kUnbounded, kUnbounded});
  builder.addSpecial(inside, close, to);
  return GEMCUT_OK;
}
