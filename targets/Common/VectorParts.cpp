//===- VectorParts.cpp - Vectors wider than a register --------------------===//

#include "targets/Common/VectorParts.h"

#include <numeric>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

int64_t targets::lanesOf(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

SmallVector<Value> targets::split(Emitter &e, Value vector, int64_t parts) {
  if (parts == 1)
    return {vector};
  int64_t lanes = lanesOf(vector) / parts;
  SmallVector<Value> slices;
  for (int64_t part = 0; part < parts; ++part) {
    SmallVector<int64_t> indices(lanes);
    std::iota(indices.begin(), indices.end(), part * lanes);
    slices.push_back(e.shuffle(vector, vector, indices));
  }
  return slices;
}

Value targets::join(Emitter &e, SmallVector<Value> slices) {
  while (slices.size() > 1) {
    SmallVector<int64_t> indices(2 * lanesOf(slices[0]));
    std::iota(indices.begin(), indices.end(), 0);
    for (size_t i = 0; i < slices.size() / 2; ++i)
      slices[i] = e.shuffle(slices[2 * i], slices[2 * i + 1], indices);
    slices.resize(slices.size() / 2);
  }
  return slices[0];
}

Value targets::broadcastBytes(Emitter &e, Value x, int64_t lanes) {
  return e.bitcast(e.broadcast(x, lanes),
                   e.vecType(e.getBuilder().getI8Type(), 4 * lanes));
}
