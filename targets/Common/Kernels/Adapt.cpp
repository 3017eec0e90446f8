//===- Adapt.cpp - Products of the chosen adapter -------------------------===//
//
// Formula: gemma.adapt. One row is one chunk: its rank values are computed by
// whoever takes it, so that no thread waits between the two products.
//
//===----------------------------------------------------------------------===//

#include "runtime/abi/step.h"
#include "targets/Common/Kernels/RowMath.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

static void copyRow(StageEmitter &e, Value source, Value target,
                    int64_t columns) {
  e.forColumns(columns, [&](Value column, int64_t lanes) {
    storeColumns(e, loadColumns(e, source, column, lanes), target, column);
  });
}

void gemcut::targets::buildAdapt(StageEmitter &e, kernel::AdaptOp op) {
  const int64_t columns = op.getBase().getType().getColumns();
  const int64_t inputs = op.getInput().getType().getColumns();
  const int64_t outputs = op.getOutputs(), rank = op.getRank();
  Value adapter = e.load(
      e.i64Type(),
      e.at(e.getContext().step, int64_t(offsetof(gemcut_step, adapter))), 8);
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    Value target = e.rowAddress(op.getOutput(), row);
    copyRow(e, e.rowAddress(op.getBase(), row), target, columns);
    e.ifThen(e.less(e.i64(0), adapter), [&] {
      Value index = e.sub(adapter, 1);
      Value a = e.at(e.get(op.getA()), e.mul(index, 4 * rank * inputs));
      Value b = e.at(e.get(op.getB()), e.mul(index, 4 * rank * outputs));
      Value input = e.rowAddress(op.getInput(), row);
      Value changed = e.at(target, 4 * int64_t(op.getOffset()));
      e.loop(e.i64(0), e.i64(rank), 1, [&](Value k) {
        Value aRow = e.at(a, e.mul(k, 4 * inputs));
        Value t =
            sumColumns(e, inputs, [&](Value column, int64_t lanes, Value sum) {
              return e.fma(e.widen(loadColumns(e, aRow, column, lanes)),
                           e.widen(loadColumns(e, input, column, lanes)), sum);
            });
        Value bRow = e.at(b, e.mul(k, 4 * outputs));
        e.forColumns(outputs, [&](Value column, int64_t lanes) {
          Value sum =
              e.fma(loadColumns(e, bRow, column, lanes), e.broadcast(t, lanes),
                    loadColumns(e, changed, column, lanes));
          storeColumns(e, sum, changed, column);
        });
      });
    });
  });
}

void gemcut::targets::buildGeluMul(StageEmitter &e, kernel::GeluMulOp op) {
  const int64_t columns = op.getGate().getType().getColumns();
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    Value gate = e.rowAddress(op.getGate(), row);
    Value up = e.rowAddress(op.getUp(), row);
    Value target = e.rowAddress(op.getOutput(), row);
    e.forColumns(columns, [&](Value column, int64_t lanes) {
      Value product = e.mul(e.gelu(loadColumns(e, gate, column, lanes)),
                            loadColumns(e, up, column, lanes));
      storeColumns(e, product, target, column);
    });
  });
}
