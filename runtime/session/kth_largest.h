//===- kth_largest.h - Selection with a small heap --------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_KTH_LARGEST_H
#define GEMCUT_RUNTIME_SESSION_KTH_LARGEST_H

#include <algorithm>
#include <cstddef>
#include <functional>

namespace gemcut {

/// The k-th largest of `count` >= k > 0 values without NaN, through `heap`
/// (k,). Of values in no particular order, about k log(count / k) enter it.
inline float findKthLargest(const float *values, size_t count, size_t k,
                            float *heap) {
  // The k largest so far, smallest on top.
  std::copy(values, values + k, heap);
  std::make_heap(heap, heap + k, std::greater<float>());
  for (size_t i = k; i < count; ++i) {
    if (!(values[i] > heap[0]))
      continue;
    std::pop_heap(heap, heap + k, std::greater<float>());
    heap[k - 1] = values[i];
    std::push_heap(heap, heap + k, std::greater<float>());
  }
  return heap[0];
}

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_KTH_LARGEST_H
