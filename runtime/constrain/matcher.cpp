//===- matcher.cpp - One answer's way through a grammar -------------------===//

#include "runtime/constrain/matcher.h"

#include "runtime/constrain/grammar_masks.h"

#include <algorithm>
#include <cmath>

using namespace gemcut;
using namespace gemcut::constrain;

/// Answers of so many tokens allocate nothing for them.
static constexpr size_t kUsualTokens = 1024;

Matcher::Matcher(GrammarPtr what) : grammar(std::move(what)) {
  ids.reserve(kUsualTokens);
  states.reserve(kUsualTokens);
  auto lock = grammar->lock();
  epoch = grammar->getEpoch();
}

/// The state behind all tokens; needs the grammar's lock.
int32_t Matcher::getState() {
  if (epoch != grammar->getEpoch()) {
    // The numbers of the states are gone: walk through the tokens again.
    epoch = grammar->getEpoch();
    int32_t state = grammar->getStart();
    for (size_t i = 0; i < states.size(); ++i)
      states[i] = state = grammar->accept(state, ids[i]);
  }
  return states.empty() ? grammar->getStart() : states.back();
}

void Matcher::fillMask(uint32_t *words) {
  const Vocabulary &vocabulary = grammar->getVocabulary();
  if (hasStopped) {
    std::fill(words, words + vocabulary.maskWords(), 0);
    return;
  }
  auto lock = grammar->lock();
  grammar->fillMask(getState(), words);
}

bool Matcher::accept(int32_t id) {
  if (hasStopped)
    return false;
  auto lock = grammar->lock();
  int32_t state = getState();
  if (grammar->getVocabulary().isStop(id)) {
    hasStopped = grammar->isFinal(state);
    if (hasStopped)
      ids.push_back(id);
    return hasStopped;
  }
  int32_t next = grammar->accept(state, id);
  if (next < 0)
    return false;
  ids.push_back(id);
  states.push_back(next);
  grammar->makeRoom();
  return true;
}

bool Matcher::canEnd() {
  if (hasStopped)
    return true;
  auto lock = grammar->lock();
  return grammar->isFinal(getState());
}

bool Matcher::isFinished() {
  if (hasStopped)
    return true;
  auto lock = grammar->lock();
  int32_t state = getState();
  return grammar->isFinal(state) && grammar->isLast(state);
}

void Matcher::rollback(size_t count) {
  ids.resize(std::min(count, ids.size()));
  states.resize(std::min(states.size(), ids.size()));
  hasStopped = hasStopped && states.size() < ids.size();
}

void constrain::maskLogits(const uint32_t *words, float *logits,
                           size_t vocabulary) {
  for (size_t first = 0; first < vocabulary; first += 32) {
    uint32_t word = words[first / 32];
    if (word == UINT32_MAX)
      continue;
    size_t count = std::min(vocabulary - first, size_t(32));
    for (size_t bit = 0; bit < count; ++bit)
      if (!(word >> bit & 1))
        logits[first + bit] = -INFINITY;
  }
}
