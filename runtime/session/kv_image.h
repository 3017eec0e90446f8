//===- kv_image.h - Keys and values of a slot, copied -----------*- C++ -*-===//
//
// What later tokens of a sequence need of its slot's KV memory, in two parts:
// pages of the caches that hold all positions, and snapshots of the rings of
// sliding layers, which only hold the window in front of one position. Both are
// whole blocks of GEMCUT_KV_BLOCK positions, as they lie in the slot.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_KV_IMAGE_H
#define GEMCUT_RUNTIME_SESSION_KV_IMAGE_H

#include "runtime/abi/model.h"

#include <cstddef>
#include <cstdint>

namespace gemcut {

enum class KvCopy { FromSlot, ToSlot };

/// Bytes of the positions [first, last) in the caches of all positions; `first`
/// is a multiple of GEMCUT_KV_BLOCK.
size_t countPageBytes(const gemcut_model_info &model, size_t first,
                      size_t last);
/// Copies these positions between the KV memory of a slot and `image`.
void copyPage(const gemcut_model_info &model, size_t first, size_t last,
              uint8_t *slot, uint8_t *image, KvCopy direction);

/// Bytes of what a row at position `count` sees in the rings.
size_t countRingBytes(const gemcut_model_info &model, size_t count);
/// Copies that. A slot may hold more than `count` positions: as many as it may
/// be taken back by (Session::canRewind).
void copyRings(const gemcut_model_info &model, size_t count, uint8_t *slot,
               uint8_t *image, KvCopy direction);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_KV_IMAGE_H
