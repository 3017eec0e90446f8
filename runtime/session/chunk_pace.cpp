//===- chunk_pace.cpp - How long a prompt holds up the others -------------===//

#include "runtime/session/chunk_pace.h"

#include <algorithm>
#include <iterator>

using namespace gemcut;

template <size_t Count>
static double getSlowest(const double (&values)[Count]) {
  return *std::max_element(std::begin(values), std::end(values));
}

void ChunkPace::open(double boundSeconds, size_t mostRows) {
  planned = kPlanned * boundSeconds;
  most = mostRows;
}

size_t ChunkPace::fitRows(int decodeSteps) const {
  double row = getSlowest(rowSeconds), decode = getSlowest(decodeSeconds);
  size_t rows = kLeastRows;
  double left = planned - decodeSteps * decode;
  if (row > 0 && left > 0)
    rows = size_t(std::min(left / row, double(most)));
  return std::min(std::max(rows / kLeastRows * kLeastRows, kLeastRows), most);
}

size_t ChunkPace::chooseRows(size_t left) const {
  // One decode step is the chunk's own reading of the weights.
  size_t rows = fitRows(/*decodeSteps=*/2);
  return rows < left ? rows : std::min(left, fitRows(/*decodeSteps=*/4));
}

void ChunkPace::recordChunk(size_t rows, double seconds) {
  if (rows < kLeastRows)
    return;
  // Where decode steps were slow for reasons of their own, something is left.
  double computing = std::max(seconds - getSlowest(decodeSeconds), seconds / 4);
  rowSeconds[chunks++ % kRemembered] = computing / double(rows);
}

void ChunkPace::recordDecode(double seconds) {
  decodeSeconds[decodes++ % kRemembered] = seconds;
}
