//===- Registers.cpp - Vectors as registers of 16 bytes -------------------===//

#include "targets/AArch64/Registers.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

Value targets::forRegisters(Emitter &e, Value acc, Value w, int64_t registers,
                            RegisterFn body) {
  SmallVector<Value> accs = split(e, acc, registers);
  SmallVector<Value> ws = split(e, w, registers);
  for (auto [sum, weights] : llvm::zip_equal(accs, ws))
    sum = body(sum, weights);
  return join(e, std::move(accs));
}

Value targets::broadcastBytes(Emitter &e, Value x) {
  return broadcastBytes(e, x, kRegisterLanes);
}

Value targets::lessBy128(Emitter &e, Value bytes) {
  return e.bitXor(bytes, e.splatByte(-128, lanesOf(bytes)));
}
