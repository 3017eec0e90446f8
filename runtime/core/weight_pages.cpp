//===- weight_pages.cpp - Which pages of the weights are mapped -----------===//

#include "runtime/core/weight_pages.h"

#include "runtime/abi/packed_layout.h"

#include <unistd.h>

using namespace gemcut;

/// Linux maps what the page cache holds of the aligned 64 KiB around a fault
/// (fault_around_bytes).
static constexpr uintptr_t kFaultAround = 65536;

/// All pages that [address, address + length) touches.
static int advisePages(WeightPages::AdviseFn advise, const uint8_t *address,
                       uint64_t length, int advice) {
  uintptr_t page = uintptr_t(sysconf(_SC_PAGESIZE));
  uintptr_t begin = uintptr_t(address) / page * page;
  return advise(reinterpret_cast<void *>(begin),
                size_t(uintptr_t(address) + length - begin), advice);
}

static uint64_t getMachineBytes() {
  return uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
}

void WeightPages::open(const gemcut_model_info &what, const uint8_t *base,
                       uint64_t tableBytes, AdviseFn function,
                       uint64_t memoryBytes) {
  model = &what;
  advise = function;
  limit = tableBytes;
  mapped = 0;
  weights = nullptr;
  if (uintptr_t(base) % uintptr_t(sysconf(_SC_PAGESIZE)) != 0)
    return; // no mapping of its own: advice would touch something else
  if (what.weight_bytes <= (memoryBytes ? memoryBytes : getMachineBytes()))
    (void)advisePages(advise, base, what.weight_bytes, MADV_HUGEPAGE);
  for (int32_t i = 0; i < what.row_table_count; ++i) {
    const gemcut_row_table &table = what.row_tables[i];
    uint64_t bytes =
        uint64_t(gemcut_table_bytes(table.row_bytes, int64_t(table.rows)));
    // One fault must not map, nor read, 2 MiB for one row.
    (void)advisePages(advise, base + table.offset, bytes, MADV_NOHUGEPAGE);
    (void)advisePages(advise, base + table.offset, bytes, MADV_RANDOM);
    weights = base;
  }
}

template <typename VisitFn>
void WeightPages::visitRows(const int32_t *ids, size_t count,
                            VisitFn visit) const {
  for (int32_t i = 0; i < model->row_table_count; ++i) {
    const gemcut_row_table &table = model->row_tables[i];
    for (size_t k = 0; k < count; ++k)
      if (uint64_t(ids[k]) < table.rows)
        visit(weights + table.offset +
                  gemcut_table_row_offset(table.row_bytes, ids[k]),
              uint64_t(table.row_bytes));
  }
}

void WeightPages::beginStep(const int32_t *ids, size_t count) {
  if (!weights || limit == 0)
    return;
  uint64_t more = 0;
  visitRows(ids, count, [&](const uint8_t *row, uint64_t bytes) {
    uintptr_t first = uintptr_t(row) / kFaultAround;
    uintptr_t last = (uintptr_t(row) + bytes - 1) / kFaultAround;
    more += (last - first + 1) * kFaultAround;
  });
  if (mapped > 0 && mapped + more > limit) {
    for (int32_t i = 0; i < model->row_table_count; ++i) {
      const gemcut_row_table &table = model->row_tables[i];
      (void)advisePages(
          advise, weights + table.offset,
          uint64_t(gemcut_table_bytes(table.row_bytes, int64_t(table.rows))),
          MADV_DONTNEED);
    }
    mapped = 0;
  }
  mapped += more;
}

void WeightPages::readAhead(const int32_t *ids, size_t count) {
  if (!weights)
    return;
  visitRows(ids, count, [&](const uint8_t *row, uint64_t bytes) {
    (void)advisePages(advise, row, bytes, MADV_WILLNEED);
  });
}
