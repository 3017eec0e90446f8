//===- touched_pages.h - Which memory a step really touches -----*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_TOUCHED_PAGES_H
#define GEMCUT_RUNTIME_CLI_TOUCHED_PAGES_H

#include <cstddef>
#include <cstdint>

namespace gemcut::cli {

/// Forgets which pages of this process the CPU has accessed, as its page tables
/// note it, and makes it note accesses to [start, start + length) anew: whole
/// pages, mapped to be read only, that nobody reads meanwhile. False where the
/// kernel does not offer that (/proc/self/clear_refs).
[[nodiscard]] bool clearTouchedPages(const void *start, size_t length);

/// Bytes of the pages accessed since, in the mappings that [start, start +
/// length) reaches into. False where the kernel does not say
/// (/proc/self/smaps).
[[nodiscard]] bool countTouchedBytes(const void *start, size_t length,
                                     uint64_t &bytes);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_TOUCHED_PAGES_H
