//===- BlockWriter.cpp - Pieces of a file, written block by block ---------===//

#include "compiler/Artifact/BlockWriter.h"

#include "compiler/Artifact/FileBytes.h"

#include <algorithm>
#include <cassert>
#include <cstring>

using namespace gemcut::artifact;

BlockWriter::BlockWriter(int descriptor, uint64_t begin, uint64_t length)
    : descriptor(descriptor), begin(begin), end(begin + length),
      left((end + kBlockBytes - 1) / kBlockBytes - begin / kBlockBytes),
      scattered(left.size()) {}

uint64_t BlockWriter::blockStart(uint64_t index) const {
  return std::max((begin / kBlockBytes + index) * kBlockBytes, begin);
}

void BlockWriter::expect(uint64_t offset, uint64_t length, bool isScattered) {
  assert(offset + length <= end - begin && "outside the range");
  for (uint64_t at = begin + offset, last = at + length; at < last;) {
    uint64_t index = at / kBlockBytes - begin / kBlockBytes;
    uint64_t next = std::min(last, (at / kBlockBytes + 1) * kBlockBytes);
    left[index] += next - at;
    if (isScattered)
      scattered[index] = true;
    at = next;
  }
}

llvm::Error BlockWriter::write(const void *data, uint64_t length,
                               uint64_t offset) {
  auto *bytes = static_cast<const char *>(data);
  uint64_t at = begin + offset, last = at + length;
  while (at < last) {
    uint64_t index = at / kBlockBytes - begin / kBlockBytes;
    uint64_t start = blockStart(index);
    uint64_t next = std::min((at / kBlockBytes + 1) * kBlockBytes, end);
    uint64_t count = std::min(last, next) - at;
    std::vector<char> complete;
    {
      std::lock_guard<std::mutex> lock(mutex);
      assert(left[index] >= count && "more than was announced");
      std::vector<char> &block = open[index];
      if (block.empty())
        block.resize(next - start);
      std::memcpy(&block[at - start], bytes, count);
      left[index] -= count;
      if (left[index] == 0) {
        complete = std::move(block);
        open.erase(index);
      }
    }
    uint64_t most = scattered[index] ? kSmallWriteBytes : kBlockBytes;
    for (uint64_t done = 0, size = 0; done < complete.size(); done += size) {
      // Up to the next multiple of `most` in the file.
      size = std::min(complete.size() - done, most - (start + done) % most);
      if (llvm::Error error =
              writeAt(descriptor, &complete[done], size, start + done))
        return error;
    }
    bytes += count;
    at += count;
  }
  return llvm::Error::success();
}
