//===- SharedMemory.h - Memory at the same address elsewhere ----*- C++ -*-===//
//
// What kernels read and write lies in one file that this process and the
// emulated ones map at the same address, so that pointers hold in all of them.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TEST_NUMERICS_SHAREDMEMORY_H
#define GEMCUT_TEST_NUMERICS_SHAREDMEMORY_H

#include <cstddef>
#include <cstdint>

namespace gemcut::test {

/// Far from where Linux puts programs, libraries, heaps and stacks.
inline constexpr uint64_t kSharedAddress = uint64_t(1) << 44;
inline constexpr uint64_t kSharedBytes = uint64_t(8) << 30; ///< sparse
/// At the start, never allocated: for messages between the processes.
inline constexpr uint64_t kMessageBytes = uint64_t(1) << 20;

/// The file behind the memory, open without O_CLOEXEC.
int sharedDescriptor();

/// 64-byte aligned; contents are arbitrary. One thread at a time.
void *allocateShared(size_t bytes);
void releaseShared(void *memory, size_t bytes);

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_SHAREDMEMORY_H
