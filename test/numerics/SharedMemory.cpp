//===- SharedMemory.cpp - Memory at the same address elsewhere ------------===//

#include "test/numerics/SharedMemory.h"

#include "llvm/Support/ErrorHandling.h"

#include <iterator>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut::test;

namespace {

/// First fit over free ranges, which are merged when they touch.
class SharedHeap {
public:
  SharedHeap() {
    descriptor = memfd_create("gemcut-numerics", 0);
    if (descriptor < 0 || ftruncate(descriptor, off_t(kSharedBytes)) != 0)
      llvm::report_fatal_error("no memory file for the numerics tests");
    void *memory =
        mmap(reinterpret_cast<void *>(kSharedAddress), kSharedBytes,
             PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, descriptor, 0);
    if (memory != reinterpret_cast<void *>(kSharedAddress))
      llvm::report_fatal_error("the address of shared memory is taken");
    free[kSharedAddress + kMessageBytes] = kSharedBytes - kMessageBytes;
  }

  uint64_t allocate(uint64_t bytes) {
    for (auto it = free.begin(); it != free.end(); ++it) {
      auto [address, size] = *it;
      if (size < bytes)
        continue;
      free.erase(it);
      if (size > bytes)
        free[address + bytes] = size - bytes;
      return address;
    }
    llvm::report_fatal_error("shared memory is full");
  }

  void release(uint64_t address, uint64_t bytes) {
    auto it = free.emplace(address, bytes).first;
    auto next = std::next(it);
    if (next != free.end() && address + it->second == next->first) {
      it->second += next->second;
      free.erase(next);
    }
    if (it == free.begin())
      return;
    auto before = std::prev(it);
    if (before->first + before->second == address) {
      before->second += it->second;
      free.erase(it);
    }
  }

  int descriptor;

private:
  std::map<uint64_t, uint64_t> free; ///< address to bytes
};

SharedHeap &heap() {
  static SharedHeap *instance = new SharedHeap;
  return *instance;
}

uint64_t roundUp(size_t bytes) { return (uint64_t(bytes) + 127) & ~63ull; }

} // namespace

int gemcut::test::sharedDescriptor() { return heap().descriptor; }

void *gemcut::test::allocateShared(size_t bytes) {
  return reinterpret_cast<void *>(heap().allocate(roundUp(bytes)));
}

void gemcut::test::releaseShared(void *memory, size_t bytes) {
  heap().release(reinterpret_cast<uint64_t>(memory), roundUp(bytes));
}
