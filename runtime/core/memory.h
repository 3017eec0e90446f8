//===- memory.h - Anonymous memory of the runtime ---------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_MEMORY_H
#define GEMCUT_RUNTIME_CORE_MEMORY_H

#include "runtime/abi/status.h"

#include <cstddef>
#include <cstdint>

namespace gemcut {

/// Zeroed, page-aligned memory that becomes resident page by page as it is
/// touched. Nothing is reserved in swap: the plan printed at compile time is
/// the bound. Owns the mapping; cannot be copied.
class Memory {
public:
  Memory() = default;
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
  ~Memory() { release(); }

  /// Maps `bytes` (0 is allowed and maps nothing) in place of what was held.
  /// For its first `hugeBytes` 2 MiB pages are asked for: memory that is soon
  /// touched as a whole. `what` names the memory in GEMCUT_OUT_OF_MEMORY's
  /// sentence.
  [[nodiscard]] gemcut_status allocate(size_t bytes, const char *what,
                                       size_t hugeBytes = 0);
  void release();

  /// Bytes of it that are resident now, in whole pages; 0 where the system does
  /// not say.
  size_t countResident() const;

  uint8_t *data() const { return base; }
  size_t size() const { return length; }
  template <typename T> T *as() const { return reinterpret_cast<T *>(base); }

private:
  uint8_t *base = nullptr;
  size_t length = 0;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_MEMORY_H
